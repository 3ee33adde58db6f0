//! Learns "which of two numbers is larger" with neither std nor libc and exits with 0 if it did. The same
//! source with and without an allocator.
#![no_std]
#![no_main]
#![no_builtins]

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("this program starts and ends by Linux system calls on x86-64");

mod platform;

use handgrad::{Batch, Dims, Engine, Error, MatRef, Params, ParamsMut, Pass, predict};

const N: usize = 64;
const DIMS: Dims = match Dims::new(2, 8, 2) {
    Ok(dims) => dims,
    Err(_) => panic!("constant dimensions"),
};

/// With an allocator the products that need one.
fn engine<'a>() -> Engine<'a, f32> {
    #[cfg(feature = "alloc")]
    return Engine::MatrixMultiply;
    #[cfg(not(feature = "alloc"))]
    Engine::Auto
}

/// Trains by gradient descent on arrays and returns the first loss, the last loss and the right predictions.
fn learn() -> Result<(f32, f32, usize), Error> {
    // A small linear congruential generator: numbers between -1 and 1.
    let mut state = 1u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let x: [f32; 2 * N] = core::array::from_fn(|_| number());
    let labels: [u8; N] = core::array::from_fn(|i| u8::from(x[2 * i] < x[2 * i + 1]));
    let mut theta: [f32; DIMS.param_len()] = core::array::from_fn(|_| number());
    let mut grad = [0.0; DIMS.param_len()];
    let mut scratch = [0.0; DIMS.scratch_len(N)];

    let x = MatRef::new(&x, N, 2)?;
    let batch = Batch::new(x, &labels)?;
    let (mut first, mut last) = (f32::NAN, f32::NAN);
    for step in 0..500 {
        let dtheta = ParamsMut::from_flat(DIMS, &mut grad)?;
        let pass = Pass::new(Params::from_flat(DIMS, &theta)?, batch).engine(engine());
        last = pass.grad(dtheta).run(&mut scratch)?;
        if step == 0 {
            first = last;
        }
        for (v, g) in theta.iter_mut().zip(&grad) {
            *v -= 0.5 * g;
        }
    }
    let mut classes = [0; N];
    predict(Params::from_flat(DIMS, &theta)?, x, &mut classes, &mut scratch)?;
    let right = classes.iter().zip(&labels).filter(|(class, label)| **class == usize::from(**label)).count();
    Ok((first, last, right))
}

extern "C" fn run() -> ! {
    platform::exit(match learn() {
        Ok((first, last, right)) if last < first / 10.0 && right >= N - 2 => 0,
        Ok(_) => 1,
        Err(_) => 2,
    })
}
