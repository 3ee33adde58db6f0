//! Promise: scratch memory does not grow with n, and nothing depends on what was in the scratch or in the
//! outputs before.

use crate::support::{Problem, matrix_multiply};

use handgrad::{Batch, Dims, Engine, MatMut, MatRef, Params, ParamsMut, Pass};

#[test]
#[cfg_attr(handgrad_small_limits, ignore = "states what holds at the limits that pay")]
fn scratch_is_one_chunk_and_constant() {
    for (m, h, c) in [(64, 32, 10), (784, 128, 10), (784, 1024, 10), (768, 3072, 50_257), (1, 1, 1)] {
        let dims = Dims::new(m, h, c).unwrap();
        let chunk = dims.chunk_len(usize::MAX);
        assert!((32..=2048).contains(&chunk));
        for n in [1, 2, 8] {
            assert_eq!(dims.scratch_len(n), n * (if c > 48 { 3 * h } else { 2 * h } + c));
        }
        let width = if c > 48 || h >= 256 { 3 * h } else { 2 * h };
        let packed = h * m + chunk * m + 16 * (m + h + 10);
        for n in [9, chunk - 1, chunk] {
            assert!(dims.scratch_len(n) <= n.next_multiple_of(256) * (width + c + 16) * 17 / 16 + packed);
        }
        for n in [10_000, 1_000_000, usize::MAX] {
            assert_eq!(dims.scratch_len(n), dims.scratch_len(5000));
            let group = (4096 / chunk).max(1) * chunk;
            let low = dims.param_len().next_multiple_of(16);
            assert_eq!(dims.scratch_len(n), dims.scratch_len(group) + low);
        }
    }
}

/// The bits of everything a pass writes, with the scratch and the outputs filled like this before.
fn bits(problem: &Problem, engine: Engine<'_, f32>, filler: f32, scratch: &mut [f32]) -> Vec<u32> {
    let Problem { dims, n, .. } = *problem;
    let (theta, x) = (problem.theta::<f32>(), problem.x::<f32>());
    let (m, c) = (dims.inputs(), dims.classes());
    let mut grad = vec![filler; dims.param_len()];
    let mut dx = vec![filler; n * m];
    let mut losses = vec![filler; n];
    let mut outs = [(); 3].map(|()| vec![filler; n * c]);
    let [f, p, log_p] = &mut outs;
    let params = Params::from_flat(dims, &theta).unwrap();
    let batch = Batch::new(MatRef::new(&x, n, m).unwrap(), &problem.labels).unwrap();
    let loss = Pass::new(params, batch)
        .engine(engine)
        .grad(ParamsMut::from_flat(dims, &mut grad).unwrap())
        .input_grad(MatMut::new(&mut dx, n, m).unwrap())
        .losses(&mut losses)
        .scores(MatMut::new(f, n, c).unwrap())
        .probabilities(MatMut::new(p, n, c).unwrap())
        .log_probabilities(MatMut::new(log_p, n, c).unwrap())
        .run(scratch)
        .unwrap();
    let all = [vec![loss], grad, dx, losses, outs.concat()].concat();
    all.into_iter().map(f32::to_bits).collect()
}

#[test]
fn same_bits_whatever_was_there_before() {
    let engines: [Engine<'_, f32>; 3] = [matrix_multiply(), Engine::Builtin, Engine::Portable];
    for engine in engines {
        for n in [1, 5, 8, 9, 33, 257, 600, 2049, 5000] {
            let problem = Problem::random(n as u64, (7, 11, 5, n));
            let len = problem.dims.scratch_len(n);
            let expected = bits(&problem, engine, 0.0, &mut vec![0.0; len]);
            assert!(expected.iter().all(|&bits| f32::from_bits(bits).is_finite()));
            for filler in [f32::NAN, f32::INFINITY, -1e30, 1e-40] {
                for extra in [0, 1, 1000] {
                    let got = bits(&problem, engine, filler, &mut vec![filler; len + extra]);
                    assert!(got == expected, "n = {n}, filled with {filler}, {extra} elements too long");
                }
            }
            // What the last call left behind.
            let mut scratch = vec![0.0; len];
            bits(&Problem::random(99, (7, 11, 5, n)), engine, 1.0, &mut scratch);
            assert!(bits(&problem, engine, 1.0, &mut scratch) == expected, "n = {n}, second call");
        }
    }
}

/// An output that is not asked for changes nothing about the others.
#[test]
fn outputs_do_not_depend_on_each_other() {
    let problem = Problem::random(8, (7, 11, 5, 300));
    let Problem { dims, n, .. } = problem;
    let (theta, x) = (problem.theta::<f32>(), problem.x::<f32>());
    let params = Params::from_flat(dims, &theta).unwrap();
    let batch = Batch::new(MatRef::new(&x, n, 7).unwrap(), &problem.labels).unwrap();
    let mut scratch = vec![0.0; dims.scratch_len(n)];
    let all = bits(&problem, Engine::Auto, 0.0, &mut scratch);
    let (p, c) = (dims.param_len(), dims.classes());

    let same = |from: usize, got: &[f32]| {
        assert!(all[from..from + got.len()].iter().zip(got).all(|(all, got)| *all == got.to_bits()));
    };
    let alone = handgrad::loss(params, batch, &mut scratch).unwrap();
    same(0, &[alone]);
    let mut grad = vec![0.0; p];
    let view = ParamsMut::from_flat(dims, &mut grad).unwrap();
    same(0, &[handgrad::loss_and_grad(params, batch, view, &mut scratch).unwrap()]);
    same(1, &grad);
    let mut dx = vec![0.0; n * 7];
    Pass::new(params, batch).input_grad(MatMut::new(&mut dx, n, 7).unwrap()).run(&mut scratch).unwrap();
    same(1 + p, &dx);
    let mut out = vec![0.0; n * c];
    handgrad::scores(params, batch_x(&x, n), MatMut::new(&mut out, n, c).unwrap(), &mut scratch).unwrap();
    same(1 + p + n * 7 + n, &out);
    let view = MatMut::new(&mut out, n, c).unwrap();
    handgrad::probabilities(params, batch_x(&x, n), view, &mut scratch).unwrap();
    same(1 + p + n * 7 + n + n * c, &out);
    let view = MatMut::new(&mut out, n, c).unwrap();
    handgrad::log_probabilities(params, batch_x(&x, n), view, &mut scratch).unwrap();
    same(1 + p + n * 7 + n + 2 * n * c, &out);
}

fn batch_x(x: &[f32], n: usize) -> MatRef<'_, f32> {
    MatRef::new(x, n, x.len() / n).unwrap()
}
