//! Points that are no flat slices: the parts of one, block by block.

use crate::data::Block;

/// The parts of `flat` that these blocks are, one after the other: what a flat point is taken apart with, into whatever
/// the parameters really are. Stops where `flat` ends.
///
/// # Example
///
/// Parameters as a vector of vectors: flattened, named, and taken apart again.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use handgrad::gradcheck::{Block, Check, split};
///
/// // f = |A b|² / 2, of a tree of leaves: A (2 x 2) and b (2).
/// let loss = |tree: &[Vec<f64>]| {
///     let (a, b) = (&tree[0], &tree[1]);
///     let (u, w) = (a[0] * b[0] + a[1] * b[1], a[2] * b[0] + a[3] * b[1]);
///     (u * u + w * w) / 2.0
/// };
/// let tree = vec![vec![1.0, 2.0, 3.0, 4.0], vec![0.5, -1.0]];
/// let grad = vec![vec![-0.75, 1.5, -1.25, 2.5], vec![-9.0, -13.0]];
///
/// let (x, claims, blocks) = (tree.concat(), grad.concat(), [Block::matrix("A", 2, 2), Block::vector("b", 2)]);
/// let f = |x: &[f64]| loss(&split(x, &blocks).map(Vec::from).collect::<Vec<_>>());
/// Check::new(&x, &claims).blocks(&blocks).run_alloc(f)?.ok()?;
/// # Ok(())
/// # }
/// ```
///
/// And as a struct of arrays:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use handgrad::gradcheck::{Block, Check, split};
///
/// struct Params {
///     a: [[f64; 2]; 2],
///     b: [f64; 2],
/// }
/// const BLOCKS: [Block<'static>; 2] = [Block::matrix("a", 2, 2), Block::vector("b", 2)];
/// # let loss = |p: &Params| {
/// #     let [u, w] = p.a.map(|row| row[0] * p.b[0] + row[1] * p.b[1]);
/// #     (u * u + w * w) / 2.0
/// # };
/// let flatten = |p: &Params| [p.a.as_flattened(), &p.b].concat();
/// let gather = |x: &[f64]| {
///     let mut p = Params { a: [[0.0; 2]; 2], b: [0.0; 2] };
///     let leaves = [p.a.as_flattened_mut(), &mut p.b];
///     leaves.into_iter().zip(split(x, &BLOCKS)).for_each(|(leaf, part)| leaf.copy_from_slice(part));
///     p
/// };
/// let params = Params { a: [[1.0, 2.0], [3.0, 4.0]], b: [0.5, -1.0] };
/// let grad = Params { a: [[-0.75, 1.5], [-1.25, 2.5]], b: [-9.0, -13.0] };
/// let (x, claims) = (flatten(&params), flatten(&grad));
/// Check::new(&x, &claims).blocks(&BLOCKS).run_alloc(|x: &[f64]| loss(&gather(x)))?.ok()?;
/// # Ok(())
/// # }
/// ```
pub fn split<'x, T>(flat: &'x [T], blocks: &[Block<'_>]) -> impl Iterator<Item = &'x [T]> {
    let mut rest = flat;
    blocks.iter().map_while(move |block| {
        let part;
        (part, rest) = rest.split_at_checked(block.len())?;
        Some(part)
    })
}
