//! Learns "exclusive or" on arrays: all lengths are constants, and there is no heap in it. (The program in
//! `tests/bare-metal` does so without an operating system.)

use handgrad::start::{Random, Start};
use handgrad::{Batch, Dims, Engine, Error, MatRef, Params, ParamsMut, Pass};

const DIMS: Dims = if let Ok(dims) = Dims::new(2, 8, 2) { dims } else { panic!("constant dimensions") };

fn main() -> Result<(), Error> {
    let (mut theta, mut random) = ([0.0_f32; DIMS.param_len()], Random::new(1));
    Start::HeNormal.fill(&mut ParamsMut::from_flat(DIMS, &mut theta)?, || random.next_u64());
    let (mut grad, mut scratch) = ([0.0; DIMS.param_len()], [0.0; DIMS.scratch_len(4)]);
    let x = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let batch = Batch::new(MatRef::new(&x, 4, 2)?, &[0, 1, 1, 0])?;
    for step in 0..=200 {
        let pass = Pass::new(Params::from_flat(DIMS, &theta)?, batch).engine(Engine::Portable);
        let loss = pass.grad(ParamsMut::from_flat(DIMS, &mut grad)?).run(&mut scratch)?;
        if step % 50 == 0 {
            println!("step {step:3}: loss {loss:.6}");
        }
        theta.iter_mut().zip(&grad).for_each(|(v, g)| *v -= 0.5 * g);
    }
    Ok(())
}
