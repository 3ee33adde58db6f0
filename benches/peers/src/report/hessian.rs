//! Products of the Hessian in short: beside our gradient, and beside the best peer.

use super::{milliseconds, none};
use crate::lead::Group;
use crate::ours;
use crate::problem::Section;
use crate::run::{Results, Row};

impl Results {
    /// The median, for each direction, as a multiple of our gradient's of the same problem.
    pub fn times_gradient(&self, row: &Row) -> Option<f64> {
        Some(row.time()?.median / self.median(row.group(), ours::GRADIENT)?)
    }

    fn median(&self, group: Group, peer: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.group() == group && row.peer == peer)?;
        Some(row.time()?.median)
    }
}

/// A line for each of our rows: so many directions at once, in one problem.
pub fn summary(results: &Results) -> String {
    let mut text = String::from(
        "\nMilliseconds for each direction, as a multiple of our gradient's time, and how many times as fast as the best \
         peer that takes no more directions at once.\n\n\
         | problem | m,h,C,n | type | threads | directions | ms | gradients | best peer | ms | times as fast |\n\
         |---|---|---|---:|---:|---:|---:|---|---:|---:|\n",
    );
    let of_section = results.rows.iter().filter(|row| row.task.kind.section() == Section::Hessian);
    for row in of_section {
        let Some((_, directions)) = ours::PRODUCTS.into_iter().find(|(name, _)| *name == row.peer) else {
            continue;
        };
        let (element, threads, task) = row.group();
        let ms = row.time().map_or_else(none, |time| milliseconds(time.median));
        let ratio = |value: Option<f64>| value.map_or_else(none, |value| format!("{value:.2}"));
        let best = results.best_peer(row.group(), directions);
        text += &format!("| {} | {} | {element} | {threads} | ", task.kind, task.shape);
        text += &format!("{directions} | {ms} | ");
        text += &format!("{} | ", ratio(results.times_gradient(row)));
        text += &best.map_or_else(
            || format!("{} | {}", none(), none()),
            |(name, s)| format!("{name} | {}", milliseconds(s)),
        );
        text += &format!(" | {} |\n", ratio(results.ratio_to_best(row).map(f64::recip)));
    }
    text
}
