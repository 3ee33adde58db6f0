//! How time and memory grow with n, h and C, one worker per point and one thread.

use std::path::Path;

use anyhow::Result;

use crate::affinity;
use crate::client::{Setup, Worker};
use crate::peers::{Role, Spec};
use crate::problem::{Shape, Type, dense};
use crate::run::progress;
use crate::timing::{Quartiles, round_robin};

const ROUNDS: usize = 5;

/// What is varied while all else stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    N,
    H,
    C,
}

impl Axis {
    pub const ALL: [Self; 3] = [Self::N, Self::H, Self::C];

    pub fn name(self) -> &'static str {
        match self {
            Self::N => "n",
            Self::H => "h",
            Self::C => "C",
        }
    }

    pub fn value(self, shape: Shape) -> usize {
        match self {
            Self::N => shape.n,
            Self::H => shape.h,
            Self::C => shape.c,
        }
    }

    /// The shapes along the axis, from the one of the digits.
    fn shapes(self, quick: bool) -> Vec<Shape> {
        let from = Shape { m: 64, h: 32, c: 10, n: 1797 };
        let take = if quick { 3 } else { usize::MAX };
        let shape = |value| match self {
            Self::N => Shape { n: value, ..from },
            Self::H => Shape { h: value, ..from },
            Self::C => Shape { c: value, ..from },
        };
        let values: &[usize] = match self {
            Self::N => &[100, 1_000, 10_000, 100_000, 1_000_000],
            Self::H => &[16, 64, 256, 1024, 4096],
            Self::C => &[2, 10, 100, 1_000, 4_000],
        };
        values.iter().take(take).map(|&value| shape(value)).collect()
    }
}

pub struct Point {
    pub axis: Axis,
    pub shape: Shape,
    pub peer: &'static str,
    pub time: Quartiles,
    /// The most bytes in use during calls beyond X, the labels and the parameters.
    pub memory: f64,
    /// Allocations of one call and the most bytes that it held; ours only.
    pub allocations: Option<(u64, u64)>,
}

pub fn run(specs: &[Spec], quick: bool, setup: &Setup) -> Result<Vec<Point>> {
    let cores = affinity::first(&affinity::cores(), 1)?;
    let shapes: Vec<_> =
        Axis::ALL.iter().flat_map(|&axis| axis.shapes(quick).into_iter().map(move |s| (axis, s))).collect();
    let bar = progress(shapes.len() * specs.len());
    let mut points = Vec::new();
    for (axis, shape) in shapes {
        let path = setup.dir.join("problem");
        dense(shape).write(Type::F32, &path)?;
        for &spec in specs {
            bar.set_message(format!("{} {shape}", spec.name));
            match measure(spec, axis, shape, &path, &cores, setup) {
                Ok(point) => points.push(point),
                Err(error) => bar.println(format!("{} at {shape}: {error:#}", spec.name)),
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(points)
}

/// A worker of its own for each point: what an earlier problem left in its heap would hide what this one
/// takes. A small problem comes first, so that what a library loads only at its first call is not counted.
fn measure(
    spec: Spec,
    axis: Axis,
    shape: Shape,
    path: &Path,
    cores: &[usize],
    setup: &Setup,
) -> Result<Point> {
    let mut worker = Worker::start(spec, cores, setup)?;
    let small = Shape { m: 8, h: 8, c: 4, n: 8 };
    let small_path = setup.dir.join("small");
    dense(small).write(Type::F32, &small_path)?;
    worker.load(&small_path, Type::F32, small)?;
    worker.time(2)?;
    let (before, _) = worker.memory()?;
    worker.load(path, Type::F32, shape)?;
    worker.reset_peak()?;
    worker.time(2)?;
    let (_, peak) = worker.memory()?;
    let allocations = if spec.role == Role::Ours { Some(worker.allocations()?) } else { None };
    let samples = round_robin(&mut [&mut worker], ROUNDS, || {}).pop().unwrap_or_else(|| Ok(Vec::new()))?;
    let time = Quartiles::of(samples).ok_or_else(|| anyhow::anyhow!("no samples"))?;
    let memory = peak.saturating_sub(before) as f64 - data_bytes(shape) as f64;
    Ok(Point { axis, shape, peer: spec.name, time, memory: memory.max(0.0), allocations })
}

/// X, the parameters in `f32`, and the labels.
fn data_bytes(shape: Shape) -> usize {
    4 * (shape.n * shape.m + shape.params()) + 8 * shape.n
}

pub fn markdown(points: &[Point], machine: &[String]) -> String {
    let mut text = String::from("# How time and memory grow\n\n");
    for line in machine {
        text += &format!("- {line}\n");
    }
    text += "\nf32, one thread. Memory: the peak of the resident memory during calls, less what was resident \
             before the problem was loaded, less X, labels and parameters: buffers, gradients and whatever a \
             call allocates. Allocations: of one call, counted.\n";
    for axis in Axis::ALL {
        text += &format!("\n## Against {}\n\n", axis.name());
        text += "| m,h,C,n | peer | ms | memory, MiB | allocations | bytes held |\n|---|---|---:|---:|---:|---:|\n";
        for point in points.iter().filter(|point| point.axis == axis) {
            let (calls, held) = point
                .allocations
                .map_or_else(Default::default, |(calls, held)| (calls.to_string(), held.to_string()));
            let (ms, mib) = (1e3 * point.time.median, point.memory / f64::from(1 << 20));
            text +=
                &format!("| {} | {} | {ms:.4} | {mib:.2} | {calls} | {held} |\n", point.shape, point.peer);
        }
    }
    text
}

pub fn write_csv(points: &[Point], path: &Path) -> Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    file.write_record([
        "against",
        "m",
        "h",
        "C",
        "n",
        "peer",
        "ms_lower_quartile",
        "ms_median",
        "ms_upper_quartile",
        "memory_bytes",
        "allocations",
        "allocated_bytes",
    ])?;
    for point in points {
        let (s, time) = (point.shape, point.time);
        let mut record = vec![point.axis.name().to_owned()];
        record.extend([s.m, s.h, s.c, s.n].map(|size| size.to_string()));
        record.push(point.peer.to_owned());
        record.extend([time.lower, time.median, time.upper].map(|seconds| (1e3 * seconds).to_string()));
        record.push(point.memory.to_string());
        let counted = point.allocations.map(|(calls, held)| [calls.to_string(), held.to_string()]);
        record.extend(counted.unwrap_or_default());
        file.write_record(record)?;
    }
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_axis_changes_its_own_size_only() {
        for axis in Axis::ALL {
            let shapes = axis.shapes(false);
            assert!(shapes.windows(2).all(|pair| axis.value(pair[0]) < axis.value(pair[1])));
            for other in Axis::ALL.into_iter().filter(|&other| other != axis) {
                assert!(shapes.iter().all(|&shape| other.value(shape) == other.value(shapes[0])));
            }
            assert_eq!(axis.shapes(true).len(), 3);
        }
    }

    #[test]
    fn markdown_is_in_milliseconds_and_mebibytes() {
        let time = Quartiles { lower: 1e-3, median: 2e-3, upper: 3e-3 };
        let shape = Shape { m: 1, h: 2, c: 3, n: 4 };
        let point =
            Point { axis: Axis::H, shape, peer: "x", time, memory: 1_572_864.0, allocations: Some((5, 640)) };
        let text = markdown(&[point], &[]);
        assert!(text.contains("| 1,2,3,4 | x | 2.0000 | 1.50 | 5 | 640 |"), "{text}");
        // X, W1, b1, W2, b2 of 4 + 2 + 2 + 6 + 3 numbers, 4 labels.
        assert_eq!(data_bytes(shape), 4 * 17 + 8 * 4);
    }
}
