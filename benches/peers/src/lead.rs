//! How far ahead of the best peer we are, problem by problem: what the summary and the picture show.

use crate::ours;
use crate::peers::{self, Role, Spec};
use crate::problem::{Section, Task, Type};
use crate::run::{Outcome, Results, Row};
use crate::timing::Quartiles;

/// What rows are timed together: only these compare.
pub type Group = (Type, usize, Task);

/// The medians of a group, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lead {
    pub group: Group,
    /// Of our rows, in the order of [`ours::ROWS`].
    pub ours: [Option<f64>; ours::ROWS.len()],
    pub best: (&'static str, f64),
}

impl Lead {
    /// How many times as fast as the best peer one of our rows is.
    pub fn times_as_fast(&self, row: usize) -> Option<f64> {
        Some(self.best.1 / self.ours[row]?)
    }
}

impl Row {
    pub fn time(&self) -> Option<Quartiles> {
        match self.outcome {
            Outcome::Timed(time, _) => Some(time),
            _ => None,
        }
    }

    pub fn group(&self) -> Group {
        (self.element, self.threads, self.task)
    }

    pub fn spec(&self) -> Option<Spec> {
        peers::named(self.peer)
    }
}

impl Results {
    /// The fastest peer of a group and its median: neither one of ours nor a yardstick, nor one that takes more directions
    /// at once.
    pub fn best_peer(&self, group: Group, directions: usize) -> Option<(&'static str, f64)> {
        let is_peer = |spec: Spec| spec.role == Role::Peer && spec.directions <= directions.max(1);
        let peers = self.rows.iter().filter(|row| row.group() == group && row.spec().is_some_and(is_peer));
        let medians = peers.filter_map(|row| Some((row.peer, row.time()?.median)));
        medians.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// All groups of gradients that have a peer, in the order in which they were measured.
    pub fn leads(&self) -> Vec<Lead> {
        let mut groups = Vec::new();
        for row in &self.rows {
            let is_gradient = !matches!(row.task.kind.section(), Section::Hessian | Section::Sparse);
            if is_gradient && !groups.contains(&row.group()) {
                groups.push(row.group());
            }
        }
        let lead = |group: Group| {
            let ours = ours::ROWS.map(|our| {
                let row = self.rows.iter().find(|row| row.group() == group && row.peer == our.name());
                row.and_then(Row::time).map(|time| time.median)
            });
            Some(Lead { group, ours, best: self.best_peer(group, 0)? })
        };
        groups.into_iter().filter_map(lead).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Kind, SHAPES};

    fn row(peer: &'static str, kind: Kind, ms: f64) -> Row {
        let time = Quartiles { lower: ms, median: ms, upper: ms };
        let task = Task { kind, shape: SHAPES[0] };
        Row { element: Type::F32, task, threads: 1, peer, outcome: Outcome::Timed(time, None) }
    }

    #[test]
    fn the_best_peer_is_of_the_same_problem_and_no_yardstick() {
        let [auto, builtin] = ours::ROWS.map(ours::Row::name);
        let results = Results {
            rows: vec![
                row("numpy", Kind::Random, 6.0),
                row("jax", Kind::Random, 4.0),
                row("five sgemm", Kind::Random, 1.0),
                row(builtin, Kind::Random, 2.0),
                row("numpy", Kind::Density(20), 3.0),
                row(auto, Kind::Density(20), 6.0),
                row(auto, Kind::Density(5), 6.0),
            ],
            ..Results::default()
        };
        let leads = results.leads();
        assert_eq!(leads.iter().map(|lead| lead.best).collect::<Vec<_>>(), [("jax", 4.0), ("numpy", 3.0)]);
        let times = leads.iter().map(|lead| [0, 1].map(|row| lead.times_as_fast(row)));
        assert_eq!(times.collect::<Vec<_>>(), [[None, Some(2.0)], [Some(0.5), None]]);
    }
}
