//! Examples most of whose inputs are 0: compressed sparse rows.

use core::fmt;
use core::ops::Range;

use num_traits::{PrimInt, ToPrimitive};

use super::dims::Dims;
use super::matrix::check_rows;
use super::sparse_rows::{Order, Rows};
use crate::error::{Error, What, check_len};

/// n sparse examples of m inputs, as compressed sparse rows (CSR): what is not stored is 0.
///
/// The entries of example i are those from `offsets[i]` to `offsets[i + 1]`: entry e is the number `values[e]` of input
/// `indices[e]`. This is how `scipy.sparse`, `sprs` and `nalgebra-sparse` hold such matrices; indices and offsets may be of
/// any integer types, and nothing is copied. The entries of a row may have any order, and several of one input add up.
///
/// An input that is not stored is not multiplied with: its weights may be infinite or NaN without a trace. An entry that is 0
/// is multiplied as any other number.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Csr, Dims, MatRef, Params, Pass};
///
/// let dims = Dims::new(1000, 2, 2)?;
/// let theta: Vec<f32> = (0..dims.param_len()).map(|i| (i as f32).sin()).collect();
/// let params = Params::from_flat(dims, &theta)?;
///
/// // Two examples: inputs 3 and 998 of the first, 41 of the second.
/// let x = Csr::new(1000, &[0, 2, 3], &[3u16, 998, 41], &[1.0, 0.5, 2.0])?;
/// let mut scratch = vec![0.0; dims.sparse_scratch_len(2)];
/// let sparse = Pass::new(params, Batch::new(&x, &[0u8, 1])?).run(&mut scratch)?;
///
/// let mut dense = vec![0.0; 2000];
/// (dense[3], dense[998], dense[1041]) = (1.0, 0.5, 2.0);
/// let mut scratch = vec![0.0; dims.scratch_len(2)];
/// let batch = Batch::new(MatRef::new(&dense, 2, 1000)?, &[0u8, 1])?;
/// let dense = Pass::new(params, batch).run(&mut scratch)?;
/// assert!((sparse - dense).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[doc = include_str!("../../docs/sparse.md")]
#[doc(alias = "sparse")]
#[doc(alias = "csr_matrix")]
pub struct Csr<'a, T, I = usize, O = I> {
    cols: usize,
    offsets: &'a [O],
    indices: &'a [I],
    values: &'a [T],
    /// The offset of the first of these indices and values.
    base: usize,
    order: Order,
}

// Not derived: a view can be copied whether or not its elements can.
impl<T, I, O> Clone for Csr<'_, T, I, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, I, O> Copy for Csr<'_, T, I, O> {}

/// Its size; not its entries.
impl<T, I, O> fmt::Debug for Csr<'_, T, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Csr({} x {})", self.offsets.len() - 1, self.cols)
    }
}

impl<'a, T, I: PrimInt, O: PrimInt> Csr<'a, T, I, O> {
    /// Rows of m = `cols` inputs. All of it is checked here, once: O(n + entries).
    ///
    /// The first offset need not be 0, and there may be more entries than the last one says: a range of the rows of a larger
    /// matrix is one, too.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there is no offset at all or the values are not as many as the indices; [`Error::Offset`] for the
    /// first offset that is less than the one before, negative, or beyond the entries; [`Error::Input`] for the first index
    /// of an entry that is no input.
    pub fn new(cols: usize, offsets: &'a [O], indices: &'a [I], values: &'a [T]) -> Result<Self, Error> {
        check_len(What::Values, indices.len(), values.len())?;
        if offsets.is_empty() {
            return Err(Error::Length { what: What::Offsets, expected: 1, got: 0 });
        }
        let (mut least, most) = (0, indices.len());
        for (index, offset) in offsets.iter().enumerate() {
            least = offset
                .to_usize()
                .filter(|offset| (least..=most).contains(offset))
                .ok_or(Error::Offset { index, expected: (least, most), got: clamped(*offset) })?;
        }
        let mut x = Self { cols, offsets, indices, values, base: 0, order: Order::Ascending };
        for row in 0..x.rows() {
            let mut next = 0;
            for entry in x.place(row)..x.place(row + 1) {
                let index = indices[entry];
                let input = index.to_usize().filter(|&input| input < cols).ok_or(Error::Input {
                    example: row,
                    entry,
                    inputs: cols,
                    got: clamped(index),
                })?;
                if input < next {
                    x.order = Order::Any;
                }
                next = input + 1;
            }
        }
        Ok(x)
    }

    /// The number of entries.
    pub fn entry_count(&self) -> usize {
        self.place(self.rows()) - self.place(0)
    }

    /// The inputs that occur in the batch, for a gradient that has no others: see [`UsedInputs`]. O(entries).
    ///
    /// `positions`, m long, may hold anything, and what it holds afterwards is unspecified. `inputs` and `indices` have a
    /// place for each entry ([`entry_count`](Self::entry_count)).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a buffer of another length, [`Error::Overflow`] if m exceeds the range of `u32`; nothing has been
    /// written then.
    pub fn used_inputs<'b>(
        &self,
        positions: &mut [u32],
        inputs: &'b mut [u32],
        indices: &'b mut [u32],
    ) -> Result<UsedInputs<'b, T, O>, Error>
    where
        'a: 'b,
    {
        if u32::try_from(self.cols).is_err() {
            return Err(Error::Overflow { what: What::Inputs, sizes: (self.cols, 1) });
        }
        let count = self.entry_count();
        check_len(What::Positions, self.cols, positions.len())?;
        check_len(What::UsedInputs, count, inputs.len())?;
        check_len(What::Indices, count, indices.len())?;
        let (first, mut used) = (self.place(0), 0);
        for (to, entry) in indices.iter_mut().zip(first..) {
            let input = index(self.indices[entry]);
            // Whatever the positions hold, one is right only if the list has this input there.
            let position = positions[input] as usize;
            let is_known = position < used && inputs[position] as usize == input;
            if !is_known {
                (positions[input], inputs[used]) = (used as u32, input as u32);
                used += 1;
            }
            *to = positions[input];
        }
        let x = Csr {
            cols: used.max(1),
            offsets: self.offsets,
            indices: &*indices,
            values: &self.values[first..first + count],
            base: first,
            // None ascends for sure any more, but none comes twice that did not.
            order: if self.order == Order::Any { Order::Any } else { Order::Unique },
        };
        Ok(UsedInputs { inputs: &inputs[..used], x })
    }
}

impl<'a, T, I, O: PrimInt> Csr<'a, T, I, O> {
    /// n, the number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// m, the number of inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Some of the rows, those from `range.start` to before `range.end`: nothing is copied or checked again.
    ///
    /// # Errors
    ///
    /// [`Error::Rows`] if they are not rows of the matrix.
    ///
    /// ```
    /// # fn main() -> Result<(), handgrad::Error> {
    /// let x = handgrad::Csr::new(9, &[0, 2, 3, 3], &[1, 5, 8], &[0.5, 1.0, 2.0])?;
    /// let last = x.rows_range(1..3)?;
    /// assert_eq!((last.rows(), last.entry_count()), (2, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows_range(&self, range: Range<usize>) -> Result<Self, Error> {
        let rows = check_rows(&range, self.rows())?;
        Ok(Self { offsets: &self.offsets[range.start..=range.start + rows], ..*self })
    }

    /// Where the entries of this row begin, or those of the row before end.
    fn place(&self, row: usize) -> usize {
        index(self.offsets[row]) - self.base
    }
}

impl<T: Sync, I: PrimInt + Sync, O: PrimInt + Sync> Rows<T> for Csr<'_, T, I, O> {
    fn entries(&self, row: usize) -> Range<usize> {
        self.place(row)..self.place(row + 1)
    }

    fn input(&self, entry: usize) -> usize {
        index(self.indices[entry])
    }

    fn copy_inputs(&self, first: usize, to: &mut [usize]) {
        let indices = &self.indices[first..][..to.len()];
        to.iter_mut().zip(indices).for_each(|(to, &input)| *to = index(input));
    }

    fn values(&self) -> &[T] {
        self.values
    }

    fn order(&self) -> Order {
        self.order
    }
}

/// An index or offset of which has been checked that it is one.
fn index(number: impl PrimInt) -> usize {
    number.to_usize().unwrap_or_default()
}

/// A number as an error has it.
fn clamped(number: impl ToPrimitive) -> i128 {
    number.to_i128().unwrap_or(i128::MAX)
}

/// The inputs that occur in a batch, and the batch in terms of them: made by [`Csr::used_inputs`], for
/// [`Pass::used_inputs`](crate::Pass::used_inputs).
///
/// # Example
///
/// A step of gradient descent that costs no more for more inputs, with the weights of an input side by side:
///
/// ```
/// # fn main() -> Result<(), handgrad::Error> {
/// use handgrad::{Batch, Csr, Dims, MatMut, MatRef, Params, ParamsMut, Pass};
///
/// let (dims, m, h) = (Dims::new(1000, 4, 2)?, 1000, 4);
/// let mut w1: Vec<f32> = (0..m * h).map(|i| (i as f32).sin()).collect(); // m x h
/// let (b1, w2, b2) = ([0.5f32; 4], [0.1, 0.2, 0.3, 0.4, -0.4, -0.3, -0.2, -0.1], [0.0; 2]);
///
/// let x = Csr::new(m, &[0, 2, 3], &[3, 998, 3], &[1.0, 0.5, 2.0])?;
/// let (mut positions, mut inputs, mut indices) = (vec![0; m], [0; 3], [0; 3]);
/// let used = x.used_inputs(&mut positions, &mut inputs, &mut indices)?;
/// assert_eq!(used.inputs(), [3, 998]);
///
/// let mut grad = vec![0.0; used.dims(dims)?.param_len()]; // 2 inputs in the place of 1000
/// let [dw1, db1, dw2, db2] = used.dims(dims)?.split_mut(&mut grad)?;
/// let gradient = ParamsMut::new(MatMut::new(&mut *dw1, 2, h)?.t(), db1, MatMut::new(dw2, 2, h)?, db2)?;
/// let params = Params::new(MatRef::new(&w1, m, h)?.t(), &b1, MatRef::new(&w2, 2, h)?, &b2)?;
/// let mut scratch = vec![0.0; used.dims(dims)?.sparse_scratch_len(2)];
/// let batch = Batch::new(&x, &[0u8, 1])?;
/// let loss = Pass::new(params, batch).used_inputs(&used).grad(gradient).run(&mut scratch)?;
/// assert!(loss > 0.0);
/// for (&input, step) in used.inputs().iter().zip(dw1.chunks(h)) {
///     w1[input as usize * h..][..h].iter_mut().zip(step).for_each(|(w, g)| *w -= 0.1 * g);
/// }
/// # Ok(())
/// # }
/// ```
pub struct UsedInputs<'a, T, O> {
    inputs: &'a [u32],
    x: Csr<'a, T, u32, O>,
}

/// How many they are.
impl<T, O> fmt::Debug for UsedInputs<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UsedInputs({}, {:?})", self.inputs.len(), self.x)
    }
}

impl<T, O: PrimInt> UsedInputs<'_, T, O> {
    /// The inputs that occur, each once, in the order in which they first do: column k of the gradient's dW1 is that of
    /// `inputs()[k]`.
    pub fn inputs(&self) -> &[u32] {
        self.inputs
    }

    /// The dimensions of the gradient: those of the net, but only as many inputs as occur (or 1 if none does, whose gradient is
    /// 0).
    ///
    /// # Errors
    ///
    /// As [`Dims::new`].
    pub fn dims(&self, net: Dims) -> Result<Dims, Error> {
        Dims::new(self.x.cols, net.hidden(), net.classes())
    }

    /// The batch, with the positions of its inputs in the place of the inputs.
    pub(crate) fn batch(&self) -> &Csr<'_, T, u32, O> {
        &self.x
    }
}
