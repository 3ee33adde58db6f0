//! Copies are read back element by element.

use num_traits::Float;

use super::{Submatrix, copy, pack, pack_left};
use crate::data::MatRef;
use crate::gemm::panels::{panel, panels};
use crate::simd::Simd;
use crate::simd::tests::{Check, on_each_set};

/// What is in the buffers before.
const BEFORE: f64 = -7.0;

/// Element (p, j): another integer for each, exact in every type.
fn element<T: Float>(p: usize, j: usize) -> T {
    T::from(1 + 1000 * p + j).unwrap()
}

fn before<T: Float>(len: usize) -> Vec<T> {
    vec![T::from(BEFORE).unwrap(); len]
}

/// A matrix of these elements, and NaN between them.
struct Source<T> {
    data: Vec<T>,
    shape: (usize, usize),
    strides: (usize, usize),
}

impl<T: Float> Source<T> {
    fn new((rows, cols): (usize, usize), strides: (usize, usize)) -> Self {
        let mut data = vec![T::nan(); (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1];
        for (p, j) in (0..rows).flat_map(|p| (0..cols).map(move |j| (p, j))) {
            data[p * strides.0 + j * strides.1] = element(p, j);
        }
        Self { data, shape: (rows, cols), strides }
    }

    /// By rows, by columns, both with gaps, and spread.
    fn each((rows, cols): (usize, usize)) -> impl Iterator<Item = Self> {
        [(cols, 1), (cols + 3, 1), (1, rows), (1, rows + 5), (2 * cols + 1, 2), (3, 3 * rows + 1)]
            .into_iter()
            .map(move |strides| Self::new((rows, cols), strides))
    }

    fn view(&self) -> MatRef<'_, T> {
        MatRef::with_strides(&self.data, self.shape, self.strides).unwrap()
    }
}

/// Runs a check for f32 and f64 on each set, with depths and widths around whole registers.
trait EachShape {
    fn check_shape<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S, shape: (usize, usize));

    fn check_type<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S) {
        let lanes = S::LANES;
        for rows in [1, lanes - 1, lanes, 2 * lanes + 3] {
            for cols in [1, lanes - 1, lanes, lanes + 1, 3 * lanes, 4 * lanes + 2, 7 * lanes - 1] {
                Self::check_shape(name, set, (rows, cols));
            }
        }
    }
}

struct Each<C>(C);

impl<C: EachShape> Check for Each<C> {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, set: &'static S) {
        C::check_type::<f32, S>(name, *set);
        C::check_type::<f64, S>(name, *set);
    }
}

struct Pack;

impl EachShape for Pack {
    fn check_shape<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S, shape: (usize, usize)) {
        let ((rows, cols), all) = (shape, panels::<T, S>(shape.1, S::NR_VECS));
        for source in Source::<T>::each(shape) {
            // All panels, and those from the second on.
            for first in 0..all.min(2) {
                let context =
                    || format!("{name} {shape:?}, strides {:?}, from panel {first}", source.strides);
                let begin = panel::<T, S>(cols, S::NR_VECS, first).start;
                let len = rows * (cols.next_multiple_of(S::LANES) - begin);
                let mut packed = before(len + 5);
                pack(set, source.view(), S::NR_VECS, first..all, &mut packed);
                for index in first..all {
                    let cols = panel::<T, S>(cols, S::NR_VECS, index);
                    let width = cols.len().next_multiple_of(S::LANES);
                    let data = &packed[(cols.start - begin) * rows..][..rows * width];
                    for (p, i) in (0..rows).flat_map(|p| (0..width).map(move |i| (p, i))) {
                        let expected = if i < cols.len() { element(p, cols.start + i) } else { T::zero() };
                        assert_eq!(data[p * width + i], expected, "{}: row {p}, {i} of {cols:?}", context());
                    }
                }
                assert_eq!(packed[len..], before::<T>(5), "{}", context());
            }
        }
    }
}

#[test]
fn a_packed_factor_has_its_panels_row_by_row_and_zeros_after_them() {
    on_each_set(&Each(Pack));
}

struct Copy;

impl EachShape for Copy {
    /// A part of a matrix with something on each side of it, in panels of each width there is.
    fn check_shape<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S, shape: (usize, usize)) {
        let ((rows, cols), start) = (shape, 3);
        for source in Source::<T>::each((rows + 2, start + cols + 1)) {
            for width in (1..=S::BLOCKING.masked_vecs).map(|vecs| vecs * S::LANES) {
                let context = || format!("{name} {shape:?}, strides {:?}, width {width}", source.strides);
                let len = cols.div_ceil(width) * rows * width;
                let mut copied = before(len + 5);
                let part = Submatrix::of(&source.view(), 1..rows + 1, start..start + cols);
                copy(set, part, width, &mut copied);
                for (i, &got) in copied[..len].iter().enumerate() {
                    let (panel, p, j) = (i / (rows * width), i / width % rows, i % width);
                    let j = panel * width + j;
                    let expected = if j < cols { element(1 + p, start + j) } else { T::zero() };
                    assert_eq!(got, expected, "{}: row {p}, column {j}", context());
                }
                assert_eq!(copied[len..], before::<T>(5), "{}", context());
            }
        }
    }
}

#[test]
fn any_part_of_any_matrix_is_copied() {
    on_each_set(&Each(Copy));
}

struct PackLeft;

impl EachShape for PackLeft {
    fn check_shape<T: Float + core::fmt::Debug, S: Simd<T>>(name: &str, set: S, shape: (usize, usize)) {
        let (rows, cols) = shape;
        for (gap, between) in [(0, 0), (5, 0), (0, 7), (5, 7)] {
            let source = Source::<T>::new(shape, (cols + gap, 1));
            let (step, count) = (rows * S::MR + between, cols.div_ceil(S::MR));
            let mut packed = before(count * step);
            pack_left(set, source.view(), step, &mut packed);
            for (i, &got) in packed.iter().enumerate() {
                let (index, p, j) = (i / step, i % step / S::MR, i % step % S::MR);
                let j = index * S::MR + j;
                let expected = if p >= rows {
                    T::from(BEFORE).unwrap()
                } else if j < cols {
                    element(p, j)
                } else {
                    T::zero()
                };
                assert_eq!(got, expected, "{name} {shape:?} ({gap}, {between}): row {p}, column {j}");
            }
        }
    }
}

#[test]
fn a_packed_left_factor_has_panels_as_high_as_a_tile_and_zeros_in_the_last() {
    on_each_set(&Each(PackLeft));
}
