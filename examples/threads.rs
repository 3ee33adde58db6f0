//! A pass on several threads: with scoped threads of the standard library, for which an executor is a dozen
//! lines. (For rayon's pool there is `handgrad::Rayon`, behind the feature `rayon`.) The results are the same
//! bits.

use std::time::Instant;

use handgrad::{Batch, Dims, Error, Executor, MatRef, Params, ParamsMut, Pass};

struct Scoped(usize);

impl Executor for Scoped {
    fn threads(&self) -> usize {
        self.0
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(a);
            b();
        });
    }
}

fn main() -> Result<(), Error> {
    let (dims, n) = (Dims::new(784, 256, 10)?, 1000);
    let mut rng = fastrand::Rng::with_seed(1);
    let theta: Vec<f32> = (0..dims.param_len()).map(|_| (rng.f32() - 0.5) / 10.0).collect();
    let x: Vec<f32> = (0..n * dims.inputs()).map(|_| rng.f32()).collect();
    let labels: Vec<u8> = (0..n).map(|_| rng.u8(0..10)).collect();
    let mut scratch = vec![0.0; dims.scratch_len(n)];

    let mut serial = Vec::new();
    for threads in [1, 2, 4] {
        let mut grad = vec![0.0; dims.param_len()];
        let (mut loss, mut best) = (0.0, f64::INFINITY);
        for _ in 0..10 {
            let start = Instant::now();
            let batch = Batch::new(MatRef::new(&x, n, dims.inputs())?, &labels)?;
            loss = Pass::new(Params::from_flat(dims, &theta)?, batch)
                .executor(&Scoped(threads))
                .grad(ParamsMut::from_flat(dims, &mut grad)?)
                .run(&mut scratch)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{threads} threads: loss {loss}, {:.2} ms", best * 1e3);
        grad.push(loss);
        if serial.is_empty() {
            serial = grad;
        } else {
            assert!(serial == grad, "other bits on {threads} threads");
        }
    }
    Ok(())
}
