//! How the gradient checkers of PyTorch, JAX and scipy judge, with the defaults they have for f64, written
//! afresh from reading them. All take the function, the point and the gradient under test, and answer
//! whether the gradient passes. Only the judgement is here: what they do besides (complex numbers, sparse
//! tensors, several outputs, types, second derivatives) has no counterpart for a function from R^n to R
//! with a gradient given by the caller.

use fastrand::Rng;

/// The step of PyTorch's `gradcheck`.
const PYTORCH_EPS: f64 = 1e-6;
const PYTORCH_ATOL: f64 = 1e-5;
const PYTORCH_RTOL: f64 = 1e-3;

/// The step of JAX's `check_grads`.
const JAX_EPS: f64 = 1e-4;
/// Both tolerances of JAX for f64. They are multiplied by the number of elements compared, here 1.
const JAX_TOL: f64 = 1e-5;

/// Where scipy's number is taken for "likely right". `check_grad` itself sets no limit. Its documentation
/// shows 3e-8 and no verdict; scipy's own tests of it (`test_check_grad`) ask for 1.5e-7 and 5e-7; the
/// documentation of its sister `check_derivative` says 1e-6, which is used here as the widest of scipy's own;
/// its users often write 1e-5.
pub const SCIPY_THRESHOLD: f64 = 1e-6;

/// PyTorch, `torch.autograd.gradcheck`, the default slow mode (read as of 2025).
///
/// For each coordinate D = (f(x + eps e) - f(x - eps e)) / (2 eps) with eps = 1e-6, whatever the size of x.
/// It passes if |g - D| <= atol + rtol |D| for each, atol = 1e-5, rtol = 1e-3 (`torch.allclose`: the second
/// argument, the numerical one, is what rtol multiplies; equal infinities are close, NaN never is).
pub fn pytorch_slow(mut f: impl FnMut(&[f64]) -> f64, x: &[f64], g: &[f64]) -> bool {
    let mut unit = vec![0.0; x.len()];
    (0..x.len()).all(|i| {
        unit[i] = 1.0;
        let slope = central(&mut f, x, &unit, PYTORCH_EPS);
        unit[i] = 0.0;
        torch_close(g[i], slope, PYTORCH_ATOL)
    })
}

/// PyTorch, `torch.autograd.gradcheck` with `fast_mode=True` (`_fast_gradcheck`, `_vec_from_tensor`,
/// `_adjusted_atol`; read as of 2025).
///
/// One direction u for each input tensor, here for each block (their lengths are in `blocks`, and add up to
/// n; a function of one tensor has one block): uniform in [0, 1), so without a negative entry, and divided
/// by its 2-norm. With eps = 1e-6 and D = (f(x + eps u) - f(x - eps u)) / (2 |eps u|) it passes if
/// |g.u - D| <= atol sum(u) + rtol |D|, atol = 1e-5, rtol = 1e-3. The output has a random weight v as well:
/// for one number it is v / |v| = 1.
///
/// Simplified: PyTorch draws u from a generator of its own with a fixed seed, so equal shapes always get
/// equal directions, and in f32. Here the caller's generator goes on from call to call: what is measured
/// is the method and not one draw.
pub fn pytorch_fast(
    mut f: impl FnMut(&[f64]) -> f64,
    x: &[f64],
    g: &[f64],
    blocks: &[usize],
    rng: &mut Rng,
) -> bool {
    assert_eq!(blocks.iter().sum::<usize>(), x.len(), "the blocks are the point");
    let mut start = 0;
    blocks.iter().all(|&len| {
        let mut u = vec![0.0; x.len()];
        u[start..start + len].fill_with(|| rng.f64());
        start += len;
        let norm = dot(&u, &u).sqrt();
        u.iter_mut().for_each(|u| *u /= norm);
        torch_close(dot(g, &u), central(&mut f, x, &u, PYTORCH_EPS), PYTORCH_ATOL * u.iter().sum::<f64>())
    })
}

/// JAX, `jax.test_util.check_grads` with order 1 (`check_jvp` and `check_vjp`; read in 0.10.2).
///
/// One direction v, standard normal, for all arguments together. With eps = 1e-4 and
/// D = (f(x + eps v) - f(x - eps v)) 0.5 / eps the forward mode passes if |g.v - D| <= tol + tol |D|. The
/// reverse mode uses the same v (its generator starts anew) and the next normal number c, the cotangent of
/// the output: it passes if |v.(c g) - c D| <= tol + tol |c D|. Both are needed; tol = 1e-5. So the
/// absolute tolerance is in effect tol / max(1, |c|). The comparison is `numpy.testing.assert_allclose`:
/// the numerical side is what the relative tolerance multiplies, equal infinities are close, and so are
/// two NaN.
///
/// Simplified: JAX always starts from `RandomState(0)`, here the caller's generator goes on, as in
/// [`pytorch_fast`]. That two evaluations of f agree is not checked.
pub fn jax(mut f: impl FnMut(&[f64]) -> f64, x: &[f64], g: &[f64], rng: &mut Rng) -> bool {
    let v: Vec<f64> = x.iter().map(|_| normal(rng)).collect();
    let cotangent = normal(rng);
    let at = |sign: f64| x.iter().zip(&v).map(|(x, v)| x + sign * (v * JAX_EPS)).collect::<Vec<_>>();
    let (right, left) = (f(&at(1.0)), f(&at(-1.0)));
    // Where both are the same infinity their difference counts as 0.
    let slope = if right == left { 0.0 } else { right - left } * (0.5 / JAX_EPS);
    let pulled_back: Vec<f64> = g.iter().map(|g| g * cotangent).collect();
    numpy_close(dot(g, &v), slope) && numpy_close(dot(&v, &pulled_back), slope * cotangent)
}

/// scipy, `scipy.optimize.check_grad` (read in main of 2026 and run in 1.17.1): the 2-norm of g - D, where D
/// is the forward difference (f(x + h e) - f(x)) / h' for each coordinate, h = sqrt(2^-52) = 1.49e-8 whatever
/// the size of x, and h' = (x + h) - x the step as it is after rounding. Where h' is 0 (|x| from about 1.3e8
/// on) h is instead that number times |x|, away from 0.
pub fn scipy_error(mut f: impl FnMut(&[f64]) -> f64, x: &[f64], g: &[f64]) -> f64 {
    let here = f(x);
    let eps = f64::EPSILON.sqrt();
    let mut moved = x.to_vec();
    let squares = (0..x.len()).map(|i| {
        moved[i] = x[i] + eps;
        if moved[i] == x[i] {
            moved[i] = x[i] + eps * if x[i] >= 0.0 { 1.0 } else { -1.0 } * x[i].abs().max(1.0);
        }
        let slope = (f(&moved) - here) / (moved[i] - x[i]);
        moved[i] = x[i];
        (g[i] - slope).powi(2)
    });
    squares.sum::<f64>().sqrt()
}

/// scipy with a verdict: passes if [`scipy_error`] is below [`SCIPY_THRESHOLD`].
pub fn scipy(f: impl FnMut(&[f64]) -> f64, x: &[f64], g: &[f64]) -> bool {
    scipy_error(f, x, g) < SCIPY_THRESHOLD
}

/// A standard normal number, by Box and Muller.
pub fn normal(rng: &mut Rng) -> f64 {
    // 1 - [0, 1) is never 0.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// (f(x + eps u) - f(x - eps u)) / (2 eps), for |u| = 1.
fn central(f: &mut impl FnMut(&[f64]) -> f64, x: &[f64], u: &[f64], eps: f64) -> f64 {
    let mut at = |sign: f64| f(&x.iter().zip(u).map(|(x, u)| x + sign * (eps * u)).collect::<Vec<_>>());
    let (left, right) = (at(-1.0), at(1.0));
    (right - left) / (2.0 * eps)
}

/// `torch.allclose(analytic, numeric)`.
fn torch_close(analytic: f64, numeric: f64, atol: f64) -> bool {
    let error = (analytic - numeric).abs();
    analytic == numeric || error.is_finite() && error <= atol + PYTORCH_RTOL * numeric.abs()
}

/// `numpy.testing.assert_allclose(analytic, numeric)`.
fn numpy_close(analytic: f64, numeric: f64) -> bool {
    let error = (analytic - numeric).abs();
    let same = analytic == numeric || analytic.is_nan() && numeric.is_nan();
    same || error.is_finite() && error <= JAX_TOL + JAX_TOL * numeric.abs()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
