//! The short way: a few examples of which nothing is asked but the loss and the gradient of the weights, with labels,
//! no weights, and rows as `gemm/few` reads them.
//!
//! The steps and the bits are those of the long way, `pass/run`. What is missing is what takes a small net longer than its
//! products: chunks, blocks, parts, threads, and outputs of single examples.

use num_traits::Float;

use crate::data::{MatMut, MatRef, Params, ParamsMut};
use crate::error::Error;
use crate::gemm::{AlphaBeta, few};
use crate::kernels::activate::bias_relu;
use crate::kernels::scaled::{Scaled, scaled_sum};
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
    pub(crate) onto: AlphaBeta<T>,
    /// What G and D are multiplied with before they are added up; alpha is the rest of 1/N.
    pub(crate) margin: T,
}

/// The sum of the losses; the gradient goes where it is wanted.
pub(super) fn run<T: Float, S: Simd<T>>(simd: S, few: Few<'_, '_, T>) -> Result<Scaled<T>, Error> {
    // All of it is code for the instruction set, and that one example is one is known to the compiler: no loop over
    // examples is left.
    if few.x.rows() == 1 {
        simd.vectorize(
            #[inline(always)]
            || evaluate::<T, S, 1>(simd, few),
        )
    } else {
        simd.vectorize(
            #[inline(always)]
            || evaluate::<T, S, FEW_EXAMPLES>(simd, few),
        )
    }
}

/// The same for up to N examples.
#[inline(always)]
fn evaluate<T: Float, S: Simd<T>, const N: usize>(simd: S, few: Few<'_, '_, T>) -> Result<Scaled<T>, Error> {
    let Few { params, kink, x, classes, grad, scratch } = few;
    let (n, h, c) = (if N == 1 { 1 } else { x.rows() }, params.b1.len(), params.b2.len());
    let x = x.row_range(0..n);
    let (z, rest) = scratch.split_at_mut(n * h);
    let (a, rest) = rest.split_at_mut(n * h);
    let f = &mut rest[..n * c];
    few::dots(simd, x, params.w1, z, (h, 1));
    bias_relu(kink, params.b1, h, z, a);
    few::dots(simd, MatRef::new(a, n, h)?, params.w2, f, (1, n));
    let loss = softmax::<T, S, N>(simd, f, params.b2, &classes[..n], grad.is_some());
    if let Some(FewGrad { target, onto, margin }) = grad {
        // That alpha is 1 then is known to the compiler.
        let onto = if N == 1 { AlphaBeta::plain(onto.beta) } else { onto };
        if N == 1 {
            biases(MatRef::new(f, c, n)?, onto, target.b2);
            gradient_of_one(simd, params, kink, x, (z, a, f), onto, target);
        } else {
            gradient(simd, params, kink, x, (z, a, f), (onto, margin), target)?;
        }
    }
    Ok(loss)
}

/// (3), (5), (15): the sum of the losses from W2 a, and the score gradient in its place.
#[inline(always)]
fn softmax<T: Float, S: Simd<T>, const N: usize>(
    simd: S,
    f: &mut [T],
    b2: &[T],
    classes: &[usize],
    has_grad: bool,
) -> Scaled<T> {
    let n = if N == 1 { 1 } else { classes.len() };
    let mut strip = Strip::<T, N>::new(n);
    let f = &mut Scores { data: f, stride: n, first: 0, len: n };
    strip.label[..n].copy_from_slice(classes);
    strip.score(f, b2);
    strip.shift(f);
    strip.exponentiate(simd, f);
    strip.sum(simd, f, Aside::Label);
    strip.add_log();
    if has_grad {
        strip.grad(f, T::one());
    }
    scaled_sum(strip.losses())
}

/// (15): db2, the sums of the rows of G.
#[inline(always)]
fn biases<T: Float>(g: MatRef<'_, T>, onto: AlphaBeta<T>, b2: &mut [T]) {
    for (b2, g) in b2.iter_mut().zip(g.as_slice().chunks_exact(g.cols())) {
        let g = sum(g);
        *b2 = onto.apply_one(g, *b2);
    }
}

/// (12) to (14): D in Z's place, then dW2, db1 and dW1.
fn gradient<T: Float, S: Simd<T>>(
    simd: S,
    params: &Params<'_, T>,
    kink: Kink,
    x: MatRef<'_, T>,
    (z, a, g): (&mut [T], &[T], &mut [T]),
    (onto, margin): (AlphaBeta<T>, T),
    target: &mut ParamsMut<'_, T>,
) -> Result<(), Error> {
    let (n, h, one, store) = (x.rows(), params.b1.len(), [T::one()], few::Update::Store(onto));
    let c = params.b2.len();
    let d = MatMut::new(&mut *z, n, h)?;
    few::product(simd, MatRef::new(&*g, c, n)?.t(), params.w2, few::Update::Mask(kink), d);
    g.iter_mut().chain(&mut *z).for_each(|term| *term = *term * margin);
    let g = MatRef::new(&*g, c, n)?;
    biases(g, onto, target.b2);
    let (a, d, ones) =
        (MatRef::new(a, n, h)?, MatRef::new(z, n, h)?, MatRef::with_strides(&one, (1, n), (1, 0))?);
    few::product(simd, g, a, store, target.w2.reborrow());
    few::product(simd, ones, d, store, MatMut::new(&mut *target.b1, 1, h)?);
    few::product(simd, d.t(), x, store, target.w1.reborrow());
    Ok(())
}

/// The same of one example: products of vectors.
#[inline(always)]
fn gradient_of_one<T: Float, S: Simd<T>>(
    simd: S,
    params: &Params<'_, T>,
    kink: Kink,
    x: MatRef<'_, T>,
    (z, a, g): (&mut [T], &[T], &[T]),
    onto: AlphaBeta<T>,
    target: &mut ParamsMut<'_, T>,
) {
    let (w2, store, x) = (params.w2, few::Update::Store(onto), &x.as_slice()[..x.cols()]);
    let (w1_stride, w2_stride) = (target.w1.row_stride(), target.w2.row_stride());
    let one = [T::one()];
    let terms = |data| few::Terms { data, stride: 1, len: <[T]>::len(data) };
    few::sums(simd, &terms(g), w2.as_slice(), w2.row_stride(), few::Update::Mask(kink), z);
    few::outer(simd, &terms(g), a, store, target.w2.as_mut_slice(), w2_stride);
    few::outer(simd, &terms(&one), z, store, target.b1, z.len());
    few::outer(simd, &terms(z), x, store, target.w1.as_mut_slice(), w1_stride);
}

#[cfg(test)]
mod tests;
