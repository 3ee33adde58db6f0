//! Compressed sparse rows of sprs and of nalgebra-sparse, read where they lie: nothing is copied or converted, and a range of
//! the rows is one, too. Loss and gradient are those of the dense matrix.

use handgrad::{Batch, Csr, Dims, Inputs, MatRef, Params, ParamsMut, Pass};
use nalgebra_sparse::{CooMatrix, CsrMatrix};
use sprs::TriMat;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const N: usize = 40;
const M: usize = 500;

fn main() -> Result<()> {
    let dims = Dims::new(M, 8, 3)?;
    // Five inputs of each example, some of them twice: both libraries add those up, as handgrad does.
    let entries: Vec<(usize, usize, f64)> =
        (0..5 * N).map(|e| (e / 5, e * e * 37 % M, 0.5 + (e % 7) as f64)).collect();

    let mut of_sprs = TriMat::new((N, M));
    let mut of_nalgebra = CooMatrix::new(N, M);
    let mut dense = vec![0.0; N * M];
    for &(row, col, value) in &entries {
        of_sprs.add_triplet(row, col, value);
        of_nalgebra.push(row, col, value);
        dense[row * M + col] += value;
    }
    let of_sprs = of_sprs.to_csr::<u32>();
    let of_nalgebra = CsrMatrix::from(&of_nalgebra);

    let indptr = of_sprs.indptr();
    let from_sprs = Csr::new(M, indptr.raw_storage(), of_sprs.indices(), of_sprs.data())?;
    let from_nalgebra =
        Csr::new(M, of_nalgebra.row_offsets(), of_nalgebra.col_indices(), of_nalgebra.values())?;
    let expected = loss_and_grad(dims, MatRef::new(&dense, N, M)?.into())?;
    let found = [
        ("sprs", loss_and_grad(dims, (&from_sprs).into())?),
        ("nalgebra-sparse", loss_and_grad(dims, (&from_nalgebra).into())?),
    ];
    for (name, found) in found {
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{name}: loss {:.6}, gradient within {worst:.0e} of the dense one", found[0]);
        if worst > 1e-13 || found.iter().any(|value| !value.is_finite()) {
            return Err(format!("{name} and handgrad do not see the same matrix").into());
        }
    }

    // A slice of sprs's rows has the offsets of the whole, but its own entries: only its offsets are copied. A range of
    // handgrad's rows copies nothing.
    let slice = of_sprs.slice_outer(10..20);
    let offsets = slice.indptr().to_proper().into_owned();
    let slice = Csr::new(M, &offsets, slice.indices(), slice.data())?;
    let range = from_sprs.rows_range(10..20)?;
    println!("rows 10 to 20: {} entries by sprs, {} by handgrad", slice.entry_count(), range.entry_count());
    if slice.entry_count() != range.entry_count() {
        return Err("these are not the same rows".into());
    }
    Ok(())
}

/// The loss, then the gradient, of the inputs with some labels in some net.
fn loss_and_grad(dims: Dims, x: Inputs<'_, f64>) -> Result<Vec<f64>> {
    let theta: Vec<f64> = (0..dims.param_len()).map(|i| (i * 331 % 101) as f64 / 101.0 - 0.5).collect();
    let labels: Vec<usize> = (0..N).map(|i| i * i % 3).collect();
    let mut found = vec![0.0; 1 + dims.param_len()];
    let mut scratch = vec![0.0; dims.scratch_len(N)];
    let pass = Pass::new(Params::from_flat(dims, &theta)?, Batch::new(x, &labels)?);
    found[0] = pass.grad(ParamsMut::from_flat(dims, &mut found[1..])?).run(&mut scratch)?;
    Ok(found)
}
