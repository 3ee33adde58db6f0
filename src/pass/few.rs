//! The short way: a few examples of which nothing is asked but the loss and the gradient of the weights, with labels,
//! no weights, and rows as `gemm/few` reads them.
//!
//! The steps and the bits are those of the long way, `pass/run`. What is missing is what takes a small net longer than its
//! products: chunks, blocks, parts, threads, and outputs of single examples.

use num_traits::Float;

use crate::data::{MatMut, MatRef, Params, ParamsMut};
use crate::error::Error;
use crate::gemm::{Beta, few};
use crate::kernels::activate::bias_relu;
use crate::kernels::softmax::{Aside, Scores, Strip};
use crate::kernels::sum::sum;
use crate::kink::Kink;
use crate::limits::FEW_EXAMPLES;
use crate::simd::Simd;

/// A few examples, and where their gradient goes.
pub(crate) struct Few<'a, 's, T> {
    pub(crate) params: &'a Params<'a, T>,
    pub(crate) kink: Kink,
    pub(crate) x: MatRef<'a, T>,
    /// The class of each example.
    pub(crate) classes: [usize; FEW_EXAMPLES],
    pub(crate) grad: Option<FewGrad<'a, 's, T>>,
    /// Z, A and F.
    pub(crate) scratch: &'a mut [T],
}

/// The gradient that is wanted.
pub(crate) struct FewGrad<'a, 's, T> {
    pub(crate) target: &'a mut ParamsMut<'s, T>,
    pub(crate) beta: Beta,
    /// What the loss of an example counts in it, 1/N.
    pub(crate) scale: T,
}

/// The hidden layer and the scores of the examples, as the way forward leaves them.
struct State<'s, T> {
    /// Z; later D.
    z: &'s mut [T],
    a: &'s mut [T],
    /// F, class by class; later G.
    f: &'s mut [T],
}

/// The sum of the losses; the gradient goes where it is wanted.
pub(super) fn run<T: Float, S: Simd<T>>(simd: S, few: Few<'_, '_, T>) -> Result<T, Error> {
    // That one example is one is known to the compiler: no loop over examples is left.
    if few.x.rows() == 1 { evaluate::<T, S, 1>(simd, few) } else { evaluate::<T, S, FEW_EXAMPLES>(simd, few) }
}

/// The same for up to N examples.
fn evaluate<T: Float, S: Simd<T>, const N: usize>(simd: S, few: Few<'_, '_, T>) -> Result<T, Error> {
    let Few { params, kink, x, classes, grad, scratch } = few;
    let (n, h, c) = (if N == 1 { 1 } else { x.rows() }, params.b1.len(), params.b2.len());
    let (z, rest) = scratch.split_at_mut(n * h);
    let (a, rest) = rest.split_at_mut(n * h);
    let f = &mut rest[..n * c];
    few::dots(simd, x, params.w1, MatMut::new(&mut *z, n, h)?);
    bias_relu(simd, kink, params.b1, h, z, a);
    few::dots(simd, MatRef::new(a, n, h)?, params.w2, MatMut::new(&mut *f, c, n)?.t());
    let scale = grad.as_ref().map(|grad| grad.scale);
    let loss = softmax::<T, S, N>(simd, f, params.b2, &classes[..n], scale);
    if let Some(grad) = grad {
        gradient::<T, S, N>(simd, params, kink, x, State { z, a, f }, grad)?;
    }
    Ok(loss)
}

/// (3), (5), (15): the sum of the losses from W2 a, and the score gradient in its place.
fn softmax<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    f: &mut [T],
    b2: &[T],
    classes: &[usize],
    scale: Option<T>,
) -> T {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = if N == 1 { 1 } else { classes.len() };
            let mut strip = Strip::<T, N>::new(n);
            let f = &mut Scores { data: f, stride: n, first: 0, len: n };
            strip.label[..n].copy_from_slice(classes);
            strip.score(f, b2);
            strip.shift(f);
            strip.exponentiate(simd, f);
            strip.sum(simd, f, Aside::Label);
            strip.add_log();
            if let Some(scale) = scale {
                strip.grad(f, scale);
            }
            sum(strip.losses())
        },
    )
}

/// (12) to (15): D in Z's place, then the gradient of the weights.
fn gradient<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    params: &Params<'_, T>,
    kink: Kink,
    x: MatRef<'_, T>,
    State { z, a, f }: State<'_, T>,
    FewGrad { target, beta, .. }: FewGrad<'_, '_, T>,
) -> Result<(), Error> {
    let (n, h, c) = (if N == 1 { 1 } else { x.rows() }, params.b1.len(), params.b2.len());
    let (g, store) = (MatRef::new(f, c, n)?, few::Update::Store(beta));
    few::product(simd, g.t(), params.w2, few::Update::Mask(kink), MatMut::new(&mut *z, n, h)?);
    for (db2, g) in target.b2.iter_mut().zip(f.chunks_exact(n)) {
        let g = sum(g);
        *db2 = if beta == Beta::One { *db2 + g } else { g };
    }
    let one = [T::one()];
    if N == 1 {
        let (w1_stride, w2_stride) = (target.w1.row_stride(), target.w2.row_stride());
        let column = |data, len| few::Terms { data, stride: 1, len };
        few::outer(simd, &column(f, c), a, store, target.w2.as_mut_slice(), w2_stride);
        few::outer(simd, &column(&one, 1), z, store, target.b1, h);
        few::outer(
            simd,
            &column(z, h),
            &x.as_slice()[..x.cols()],
            store,
            target.w1.as_mut_slice(),
            w1_stride,
        );
        return Ok(());
    }
    let (a, d) = (MatRef::new(a, n, h)?, MatRef::new(z, n, h)?);
    few::product(simd, g, a, store, target.w2.reborrow());
    let ones = MatRef::with_strides(&one, (1, n), (1, 0))?;
    few::product(simd, ones, d, store, MatMut::new(&mut *target.b1, 1, h)?);
    few::product(simd, d.t(), x, store, target.w1.reborrow());
    Ok(())
}

#[cfg(test)]
mod tests;
