//! Times workers in turn, round by round.

use anyhow::Result;

use crate::client::Worker;

/// A sample lasts at least so long: in shorter ones the threads of a pool would still be waking up, which in a loop
/// over batches they do once.
const SAMPLE_SECONDS: f64 = 20e-3;

/// The quartiles of the seconds per call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl Quartiles {
    /// Of at least one sample; between two samples on a straight line.
    pub fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        let last = samples.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = share * last as f64;
            let below = place as usize;
            let above = (below + 1).min(last);
            samples[below] + (place - below as f64) * (samples[above] - samples[below])
        };
        Some(Self { lower: at(0.25), median: at(0.5), upper: at(0.75) })
    }
}

/// The calls that fill a sample, found by doubling. The first calls, in which libraries compile and
/// allocate, are over then.
fn calls_per_sample(worker: &mut Worker) -> Result<usize> {
    worker.time(1)?;
    let mut calls = 1;
    loop {
        let seconds = worker.time(calls)?;
        if seconds >= SAMPLE_SECONDS {
            return Ok(calls);
        }
        let needed = (calls as f64 * SAMPLE_SECONDS / seconds.max(1e-9)).ceil() as usize;
        calls = needed.clamp(calls + 1, 10 * calls);
    }
}

/// One sample: seconds per call. A few calls come before it, at least one, to bring back into the caches what
/// the other peers have driven out: in a loop over batches it would be there.
fn sample(worker: &mut Worker, calls: usize) -> Result<f64> {
    worker.time(calls.div_ceil(4))?;
    Ok(worker.time(calls)? / calls as f64)
}

/// The seconds per call of each worker, in `rounds` rounds, each of which begins with another worker.
/// `between` runs before each round. A worker that fails keeps its error.
pub fn round_robin(
    workers: &mut [&mut Worker],
    rounds: usize,
    mut between: impl FnMut(),
) -> Vec<Result<Vec<f64>>> {
    let mut state: Vec<Result<(usize, Vec<f64>)>> =
        workers.iter_mut().map(|worker| Ok((calls_per_sample(worker)?, Vec::new()))).collect();
    let count = workers.len();
    for round in 0..rounds {
        between();
        for turn in 0..count {
            let who = (round + turn) % count;
            let result = match &mut state[who] {
                Ok((calls, samples)) => sample(workers[who], *calls).map(|seconds| samples.push(seconds)),
                Err(_) => continue,
            };
            if let Err(error) = result {
                state[who] = Err(error);
            }
        }
    }
    state.into_iter().map(|result| result.map(|(_, samples)| samples)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_samples() {
        let quartiles = Quartiles::of(vec![4.0, 1.0, 3.0, 2.0, 5.0]).unwrap();
        assert_eq!(quartiles, Quartiles { lower: 2.0, median: 3.0, upper: 4.0 });
        let quartiles = Quartiles::of(vec![1.0, 2.0]).unwrap();
        assert_eq!(quartiles, Quartiles { lower: 1.25, median: 1.5, upper: 1.75 });
        assert_eq!(Quartiles::of(vec![7.0]).unwrap().upper, 7.0);
        assert_eq!(Quartiles::of(Vec::new()), None);
    }
}
