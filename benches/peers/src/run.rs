//! The run: starts the workers, checks that they agree, times those that do.

use std::path::Path;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::affinity;
use crate::agree::{self, Agreement};
use crate::client::{Setup, Worker};
use crate::ours;
use crate::peak;
use crate::peers::{Role, Spec};
use crate::problem::{Answer, Maker, Problem, Task, Type, Zeros};
use crate::timing::{Quartiles, round_robin};

pub enum Outcome {
    /// A yardstick has nothing to agree.
    Timed(Quartiles, Option<Agreement>),
    Disagrees(Agreement),
    Failed(String),
}

/// One peer on one problem.
pub struct Row {
    pub element: Type,
    pub task: Task,
    pub threads: usize,
    pub peer: &'static str,
    pub outcome: Outcome,
}

/// The samples of the floating-point operations per second, taken throughout the run.
pub struct Peak {
    pub element: Type,
    pub threads: usize,
    pub samples: Vec<f64>,
}

/// What is known of a problem without its numbers.
pub struct Traits {
    pub task: Task,
    pub zeros: Zeros,
    pub loss: f64,
}

#[derive(Default)]
pub struct Results {
    pub problems: Vec<Traits>,
    pub rows: Vec<Row>,
    pub peaks: Vec<Peak>,
    /// Peers and their versions.
    pub versions: Vec<(&'static str, String)>,
    /// Peers that could not run, and why.
    pub missing: Vec<(&'static str, String)>,
}

pub struct Plan {
    pub specs: Vec<Spec>,
    pub tasks: Vec<Task>,
    pub types: Vec<Type>,
    pub threads: Vec<usize>,
    pub rounds: usize,
}

impl Plan {
    /// The peers that have something to do.
    fn wanted(&self) -> Vec<Spec> {
        let takes = |spec: &&Spec| self.tasks.iter().any(|task| spec.takes(task.kind));
        self.specs.iter().filter(takes).copied().collect()
    }
}

type Crew = Vec<(Spec, Worker)>;

pub fn run(plan: &Plan, maker: &mut Maker, setup: &Setup) -> Result<Results> {
    let mut results = Results::default();
    let all_cores = affinity::cores();
    let bar = progress(plan.threads.len() * plan.tasks.len() * plan.types.len());
    for &threads in &plan.threads {
        let cores = affinity::first(&all_cores, threads)?;
        let mut crew = start(&plan.wanted(), &cores, setup, &bar, &mut results);
        for &task in &plan.tasks {
            bar.set_message(format!("making {task}"));
            let problem = maker.make(task)?;
            let reference = ours::reference(problem.widened())?;
            if results.problems.iter().all(|known| known.task != task) {
                results.problems.push(Traits { task, zeros: problem.zeros()?, loss: reference.loss });
            }
            for &element in &plan.types {
                bar.set_message(format!("{element} {task}, threads: {threads}"));
                let case = Case { element, task, cores: &cores, rounds: plan.rounds };
                case.measure(&problem, &reference, &mut crew, setup, &mut results)?;
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(results)
}

pub fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    // A template that does not parse leaves the plain style.
    if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_bar} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The workers that can be started with so many threads; the others are written down as missing.
fn start(specs: &[Spec], cores: &[usize], setup: &Setup, bar: &ProgressBar, results: &mut Results) -> Crew {
    let mut crew = Crew::new();
    for &spec in specs.iter().filter(|spec| spec.threads || cores.len() == 1) {
        bar.set_message(format!("starting {}", spec.name));
        match Worker::start(spec, cores, setup) {
            Ok(worker) => {
                if results.versions.iter().all(|(name, _)| *name != spec.name) {
                    results.versions.push((spec.name, worker.version.clone()));
                }
                crew.push((spec, worker));
            }
            Err(error) if results.missing.iter().all(|(name, _)| *name != spec.name) => {
                results.missing.push((spec.name, format!("{error:#}")));
            }
            Err(_) => {}
        }
    }
    crew
}

/// One problem in one type on some cores.
struct Case<'a> {
    element: Type,
    task: Task,
    cores: &'a [usize],
    rounds: usize,
}

impl Case<'_> {
    fn measure(
        &self,
        problem: &Problem<f32>,
        reference: &Answer,
        crew: &mut Crew,
        setup: &Setup,
        results: &mut Results,
    ) -> Result<()> {
        let path = setup.dir.join("problem");
        problem.write(self.element, &path)?;
        let mut ready = Vec::new();
        for (spec, worker) in crew.iter_mut().filter(|(spec, _)| spec.takes(self.task.kind)) {
            match self.admit(*spec, worker, &path, reference, setup) {
                Ok(None) => ready.push((*spec, worker, None)),
                Ok(Some(found)) if found.holds() => ready.push((*spec, worker, Some(found))),
                Ok(Some(found)) => results.rows.push(self.row(spec.name, Outcome::Disagrees(found))),
                Err(error) => results.rows.push(self.row(spec.name, Outcome::Failed(format!("{error:#}")))),
            }
        }
        let peaks = results.peak(self.element, self.cores.len());
        let mut workers: Vec<_> = ready.iter_mut().map(|(_, worker, _)| &mut **worker).collect();
        let samples = round_robin(&mut workers, self.rounds, || {
            peaks.extend(peak::sample(self.element, self.cores));
        });
        for ((spec, _, found), samples) in ready.into_iter().zip(samples) {
            let each = |samples: Vec<f64>| Quartiles::of(per_direction(samples, spec));
            let outcome = match samples.map(each) {
                Ok(Some(quartiles)) => Outcome::Timed(quartiles, found),
                Ok(None) => Outcome::Failed("no samples".to_owned()),
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
            results.rows.push(self.row(spec.name, outcome));
        }
        Ok(())
    }

    /// Loads the problem, and compares the peer's answer.
    fn admit(
        &self,
        spec: Spec,
        worker: &mut Worker,
        path: &Path,
        reference: &Answer,
        setup: &Setup,
    ) -> Result<Option<Agreement>> {
        worker.load(path, self.element, self.task.shape)?;
        if spec.role == Role::Yardstick {
            return Ok(None);
        }
        let answer = worker.answer(&setup.dir, self.task.shape, spec.directions.max(1))?;
        Ok(Some(agree::compare(reference, &answer, self.task.shape, self.element)))
    }

    fn row(&self, peer: &'static str, outcome: Outcome) -> Row {
        Row { element: self.element, task: self.task, threads: self.cores.len(), peer, outcome }
    }
}

/// A call that takes several directions is compared by its time for each.
fn per_direction(mut samples: Vec<f64>, spec: Spec) -> Vec<f64> {
    samples.iter_mut().for_each(|seconds| *seconds /= spec.directions.max(1) as f64);
    samples
}

impl Results {
    /// The samples of this type and number of threads, to add to.
    fn peak(&mut self, element: Type, threads: usize) -> &mut Vec<f64> {
        let same = |peak: &Peak| peak.element == element && peak.threads == threads;
        let at = self.peaks.iter().position(same).unwrap_or_else(|| {
            self.peaks.push(Peak { element, threads, samples: Vec::new() });
            self.peaks.len() - 1
        });
        &mut self.peaks[at].samples
    }

    /// The most floating-point operations per second that were seen; less is noise.
    pub fn best_peak(&self, element: Type, threads: usize) -> Option<f64> {
        let same = self.peaks.iter().filter(|peak| peak.element == element && peak.threads == threads);
        same.flat_map(|peak| peak.samples.iter().copied()).reduce(f64::max)
    }
}
