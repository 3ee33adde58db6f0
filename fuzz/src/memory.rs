//! Matrices as they lie in memory, with guards: what is between the elements and around them must stay as it is.

use handgrad::{MatMut, MatRef};

use crate::bytes::Bytes;
use crate::element::Element;

/// Elements on each side of a matrix, beside a few more for the alignment.
const MARGIN: usize = 8;

/// A matrix, or with one row a slice, within larger memory.
pub struct Memory<T> {
    data: Vec<T>,
    before: Vec<T>,
    rows: usize,
    cols: usize,
    strides: (usize, usize),
    start: usize,
    /// The elements that the view may use, of which the last ones may be no part of the matrix.
    len: usize,
}

impl<T: Element> Memory<T> {
    /// A matrix of these values, row by row, in a layout of the bytes' choice. If it is only read, its rows or columns may all
    /// be one: the values are then those of the first.
    pub fn matrix(bytes: &mut Bytes, (rows, cols): (usize, usize), values: &[T], read_only: bool) -> Self {
        let kind = bytes.byte();
        let gap = usize::from(kind >> 4) % 4;
        let strides = match kind % if read_only { 16 } else { 14 } {
            0..4 => (cols, 1),
            4..6 => (1, rows),
            6 | 7 => (cols + gap, 1),
            8 => (1, rows + gap),
            9 => (2 * cols + gap, 2),
            10 => (3, 3 * rows + gap),
            11 => (cols.next_power_of_two().max(32), 1),
            12 => (1, rows.next_power_of_two().max(32)),
            13 => (cols + 27, 1),
            14 => (0, 1),
            _ => (1, 0),
        };
        let tail = if strides == (cols, 1) { 0 } else { gap };
        Self::lay(bytes, (rows, cols), strides, tail, values)
    }

    /// A slice of these values.
    pub fn slice(bytes: &mut Bytes, values: &[T]) -> Self {
        Self::lay(bytes, (1, values.len()), (values.len(), 1), 0, values)
    }

    fn lay(
        bytes: &mut Bytes,
        (rows, cols): (usize, usize),
        strides: (usize, usize),
        tail: usize,
        values: &[T],
    ) -> Self {
        let choice = bytes.byte();
        let start = MARGIN + usize::from(choice % 16);
        let len = (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1 + tail;
        // Numbers of any kind between the elements: NaN, so that what is read there shows; or others.
        let mut rng = fastrand::Rng::with_seed(u64::from(choice));
        let filler = |_| if choice & 16 == 0 { T::nan() } else { T::from_bits(rng.u64(..)) };
        let data: Vec<T> = (0..start + len + MARGIN).map(filler).collect();
        let mut memory = Self { before: Vec::new(), data, rows, cols, strides, start, len };
        for i in 0..rows {
            for j in 0..cols {
                let place = memory.place(i, j);
                if (i == 0 || strides.0 > 0) && (j == 0 || strides.1 > 0) {
                    memory.data[place] = values[i * cols + j];
                }
            }
        }
        memory.before.clone_from(&memory.data);
        memory
    }

    fn place(&self, row: usize, col: usize) -> usize {
        self.start + row * self.strides.0 + col * self.strides.1
    }

    pub fn get(&self, row: usize, col: usize) -> T {
        self.data[self.place(row, col)]
    }

    /// The values, row by row: those that it was made of, but where it is only read.
    pub fn values(&self) -> Vec<T> {
        (0..self.rows * self.cols).map(|i| self.get(i / self.cols, i % self.cols)).collect()
    }

    pub fn view(&self) -> MatRef<'_, T> {
        let data = &self.data[self.start..][..self.len];
        if self.strides == (self.cols, 1) {
            MatRef::new(data, self.rows, self.cols).unwrap()
        } else {
            MatRef::with_strides(data, (self.rows, self.cols), self.strides).unwrap()
        }
    }

    pub fn view_mut(&mut self) -> MatMut<'_, T> {
        let data = &mut self.data[self.start..][..self.len];
        if self.strides == (self.cols, 1) {
            MatMut::new(data, self.rows, self.cols).unwrap()
        } else {
            MatMut::with_strides(data, (self.rows, self.cols), self.strides).unwrap()
        }
    }

    pub fn as_slice(&self) -> &[T] {
        &self.data[self.start..][..self.len]
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data[self.start..][..self.len]
    }

    /// What is in all of the memory now has been there before.
    pub fn settle(&mut self) {
        self.before.clone_from(&self.data);
    }

    /// Panics if anything has been written but the elements.
    #[track_caller]
    pub fn check_guards(&self, what: &str) {
        let mut is_element = vec![false; self.data.len()];
        for i in 0..self.rows {
            (0..self.cols).for_each(|j| is_element[self.place(i, j)] = true);
        }
        for (place, (now, before)) in self.data.iter().zip(&self.before).enumerate() {
            let same = is_element[place] || now.bits() == before.bits();
            assert!(same, "{what}: {now:?} was written {place} from the start, beside the elements");
        }
    }

    /// Panics if anything has been written.
    #[track_caller]
    pub fn check_untouched(&self, what: &str) {
        let pairs = self.data.iter().zip(&self.before);
        let first = pairs.clone().position(|(now, before)| now.bits() != before.bits());
        assert!(first.is_none(), "{what}: {:?} was written", first.map(|place| self.data[place]));
    }
}
