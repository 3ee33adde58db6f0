//! A BLAS of one's own behind the safe trait `Gemm`: OpenBLAS, for products of f64.

use core::ffi::c_int;

use handgrad::gemm::{Beta, Gemm, product_shape};
use handgrad::{Batch, Dims, Engine, Error, MatMut, MatRef, Params, ParamsMut, Pass};

const ROW_MAJOR: c_int = 101;
const NO_TRANS: c_int = 111;
const TRANS: c_int = 112;

#[link(name = "openblas")]
unsafe extern "C" {
    fn cblas_dgemm(
        layout: c_int,
        trans_a: c_int,
        trans_b: c_int,
        m: c_int,
        n: c_int,
        k: c_int,
        alpha: f64,
        a: *const f64,
        lda: c_int,
        b: *const f64,
        ldb: c_int,
        beta: f64,
        c: *mut f64,
        ldc: c_int,
    );
}

struct OpenBlas;

/// What BLAS calls a matrix: transposed or not, and the distance of its rows or columns. `None` if neither is
/// contiguous.
fn layout(matrix: &MatRef<'_, f64>) -> Option<(c_int, c_int)> {
    let (rows, cols) = (matrix.row_stride(), matrix.col_stride());
    let (trans, stride) =
        if cols == 1 { (NO_TRANS, rows.max(matrix.cols())) } else { (TRANS, cols.max(matrix.rows())) };
    (cols == 1 || rows == 1).then_some(())?;
    Some((trans, c_int::try_from(stride).ok()?))
}

impl Gemm<f64> for OpenBlas {
    fn gemm(
        &self,
        a: MatRef<'_, f64>,
        b: MatRef<'_, f64>,
        beta: Beta,
        mut c: MatMut<'_, f64>,
    ) -> Result<(), Error> {
        let (m, k, n) = product_shape(&a, &b, &c)?;
        if c.col_stride() != 1 {
            // Cᵀ = Bᵀ Aᵀ.
            return if c.row_stride() == 1 {
                self.gemm(b.t(), a.t(), beta, c.t())
            } else {
                Engine::Builtin.gemm(a, b, beta, c)
            };
        }
        let sizes = (
            c_int::try_from(m),
            c_int::try_from(n),
            c_int::try_from(k),
            c_int::try_from(c.row_stride().max(n)),
        );
        let (Some((trans_a, lda)), Some((trans_b, ldb)), (Ok(m), Ok(n), Ok(k), Ok(ldc))) =
            (layout(&a), layout(&b), sizes)
        else {
            return Engine::Builtin.gemm(a, b, beta, c);
        };
        let beta = if beta == Beta::Zero { 0.0 } else { 1.0 };
        let (a, b, c) = (a.as_slice().as_ptr(), b.as_slice().as_ptr(), c.as_mut_slice().as_mut_ptr());
        // SAFETY: the views reach as far as their sizes and strides say, the sizes go together, and C is borrowed
        // mutably, so it overlaps neither A nor B.
        unsafe { cblas_dgemm(ROW_MAJOR, trans_a, trans_b, m, n, k, 1.0, a, lda, b, ldb, beta, c, ldc) };
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (dims, n) = (Dims::new(200, 100, 10)?, 300);
    let number = |i: usize| (i * 7919 % 1013) as f64 / 1013.0 - 0.5;
    let theta: Vec<f64> = (0..dims.param_len()).map(number).collect();
    let x: Vec<f64> = (0..n * dims.inputs()).map(number).collect();
    let labels: Vec<usize> = (0..n).map(|i| i % 10).collect();
    let mut results = Vec::new();
    for engine in [Engine::Gemm(&OpenBlas), Engine::Builtin] {
        let mut grad = vec![0.0; dims.param_len()];
        let batch = Batch::new(MatRef::new(&x, n, dims.inputs())?, &labels)?;
        let loss = Pass::new(Params::from_flat(dims, &theta)?, batch)
            .engine(engine)
            .grad(ParamsMut::from_flat(dims, &mut grad)?)
            .run(&mut vec![0.0; dims.scratch_len(n)])?;
        grad.push(loss);
        results.push(grad);
    }
    let worst = results[0].iter().zip(&results[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("loss {:.6}; OpenBLAS and Builtin differ by at most {worst:.1e}", results[0][dims.param_len()]);
    if worst > 1e-12 {
        return Err("not the same products".into());
    }
    Ok(())
}
