//! The most fused multiply-adds that the cores can do, measured: what the tables call peak.

#![expect(unsafe_code, reason = "vector instructions picked at run time are unsafe to call")]

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::affinity;
use crate::problem::Type;

/// Independent sums, more than latency times ports needs and few enough for 16 registers.
const SUMS: usize = 12;

/// Steps of each sum in a sample: some milliseconds.
const STEPS: usize = 1_000_000;

/// With this factor the sums tend to 1: no number of them is ever huge or denormal.
const TO_ONE: f64 = 0.5;

/// A loop of fused multiply-adds, sum = factor * sum + 1/2, from zero on: so many steps with this factor give the total of
/// all sums. And how many floating-point operations there are in a step.
struct Loop {
    run: fn(usize, f64) -> f64,
    flops_per_step: usize,
    name: &'static str,
}

// One body for every instruction set: a function with vector instructions cannot be generic in them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! fma_loop {
    ($name:ident, $set:literal, $t:ty, |$acc:ident, $factor:ident, $term:ident| $fma:expr, $splat:path) => {
        #[target_feature(enable = $set)]
        fn $name(steps: usize, factor: f64) -> f64 {
            let ($factor, $term) = ($splat(black_box(factor as $t)), $splat(black_box(0.5)));
            let mut sums = [$splat(0.0); SUMS];
            for _ in 0..steps {
                for sum in &mut sums {
                    let $acc = *sum;
                    *sum = $fma;
                }
            }
            let sums = black_box(sums);
            let len = size_of_val(&sums) / size_of::<$t>();
            // SAFETY: vectors are numbers side by side, so many of them.
            let sums = unsafe { std::slice::from_raw_parts(sums.as_ptr().cast::<$t>(), len) };
            sums.iter().map(|&sum| f64::from(sum)).sum()
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::*;

    fma_loop!(avx512_f32, "avx512f", f32, |s, a, b| _mm512_fmadd_ps(s, a, b), _mm512_set1_ps);
    fma_loop!(avx512_f64, "avx512f", f64, |s, a, b| _mm512_fmadd_pd(s, a, b), _mm512_set1_pd);
    fma_loop!(avx2_f32, "avx2,fma", f32, |s, a, b| _mm256_fmadd_ps(s, a, b), _mm256_set1_ps);
    fma_loop!(avx2_f64, "avx2,fma", f64, |s, a, b| _mm256_fmadd_pd(s, a, b), _mm256_set1_pd);

    pub fn pick(element: Type) -> Option<Loop> {
        let flops_per_step = |bits: usize| 2 * SUMS * bits / 8 / element.bytes();
        // SAFETY: each loop is taken only where the instructions that it needs were found.
        let (run, bits, name): (fn(usize, f64) -> f64, _, _) = if is_x86_feature_detected!("avx512f") {
            match element {
                Type::F32 => (|steps, factor| unsafe { avx512_f32(steps, factor) }, 512, "AVX-512"),
                Type::F64 => (|steps, factor| unsafe { avx512_f64(steps, factor) }, 512, "AVX-512"),
            }
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            match element {
                Type::F32 => (|steps, factor| unsafe { avx2_f32(steps, factor) }, 256, "AVX2"),
                Type::F64 => (|steps, factor| unsafe { avx2_f64(steps, factor) }, 256, "AVX2"),
            }
        } else {
            return None;
        };
        Some(Loop { run, flops_per_step: flops_per_step(bits), name })
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::*;

    fma_loop!(neon_f32, "neon", f32, |s, a, b| vfmaq_f32(b, s, a), vdupq_n_f32);
    fma_loop!(neon_f64, "neon", f64, |s, a, b| vfmaq_f64(b, s, a), vdupq_n_f64);

    pub fn pick(element: Type) -> Option<Loop> {
        if !std::arch::is_aarch64_feature_detected!("neon") {
            return None;
        }
        // SAFETY: the instructions were found.
        let run: fn(usize, f64) -> f64 = match element {
            Type::F32 => |steps, factor| unsafe { neon_f32(steps, factor) },
            Type::F64 => |steps, factor| unsafe { neon_f64(steps, factor) },
        };
        Some(Loop { run, flops_per_step: 2 * SUMS * 16 / element.bytes(), name: "NEON" })
    }
}

fn pick(element: Type) -> Option<Loop> {
    #[cfg(target_arch = "x86_64")]
    return x86::pick(element);
    #[cfg(target_arch = "aarch64")]
    return arm::pick(element);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = element;
        None
    }
}

/// The instructions that the peak is measured with.
pub fn instructions(element: Type) -> Option<&'static str> {
    pick(element).map(|found| found.name)
}

/// One sample of the floating-point operations per second, one thread on each of the cores; `None` on
/// processors whose vector instructions are not known here.
pub fn sample(element: Type, cores: &[usize]) -> Option<f64> {
    let found = pick(element)?;
    let start_line = Barrier::new(cores.len());
    let seconds = thread::scope(|scope| {
        let run = |core: usize| {
            let (start_line, found) = (&start_line, &found);
            scope.spawn(move || {
                affinity::on_cores(&[core], || {
                    // Clock and vector units warm up before the common start.
                    (found.run)(STEPS / 4, TO_ONE);
                    start_line.wait();
                    let start = Instant::now();
                    (found.run)(STEPS, TO_ONE);
                    start.elapsed().as_secs_f64()
                })
            })
        };
        let threads: Vec<_> = cores.iter().map(|&core| run(core)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).fold(0.0, f64::max)
    });
    Some((cores.len() * STEPS * found.flops_per_step) as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_as_many_operations_as_are_counted() {
        for element in [Type::F32, Type::F64] {
            if let Some(found) = pick(element) {
                // With a factor of 1 each multiply-add, of two operations, makes a sum larger by 1/2.
                let adds = (found.run)(1000, 1.0) / 0.5;
                assert_eq!(2.0 * adds, (1000 * found.flops_per_step) as f64, "{element:?} {}", found.name);
            }
        }
    }
}
