//! The cuts for all widths up to 200 columns.

use super::{numbers_in, panel, panels, widths};
use crate::simd::Simd;
use crate::simd::tests::{Check, on_each_set};

struct Cut;

impl Cut {
    fn check_type<T, S: Simd<T>>(name: &str) {
        let widest: [usize; 2] = [S::NR_VECS, S::BLOCKING.masked_vecs];
        for (cols, most) in (1..=200).flat_map(|cols| widest.map(|most| (cols, most))) {
            let all: Vec<_> =
                (0..panels::<T, S>(cols, most)).map(|index| panel::<T, S>(cols, most, index)).collect();
            let context = || format!("{name}, {} lanes, {cols} columns, {most} registers: {all:?}", S::LANES);
            let mut next = 0;
            for cols in &all {
                assert!(cols.start == next && cols.end > next, "{}", context());
                assert!(cols.start % S::LANES == 0, "{}", context());
                assert!(cols.len() <= most * S::LANES, "{}", context());
                next = cols.end;
            }
            assert!(next == cols, "{}", context());
            // As few as can be, and as equal: none has two registers less than another.
            assert!(all.len() == cols.div_ceil(most * S::LANES), "{}", context());
            let vecs: Vec<_> = all.iter().map(|cols| cols.len().div_ceil(S::LANES)).collect();
            let (narrow, wide) = (vecs.iter().min().unwrap(), vecs.iter().max().unwrap());
            assert!(wide - narrow <= 1, "{}", context());
            // The wider ones come first, and as many of each as it says.
            assert!(vecs.is_sorted_by(|a, b| a >= b), "{}", context());
            let said = widths::<T, S>(cols, most).into_iter().flat_map(|(count, vecs)| [vecs].repeat(count));
            assert!(said.eq(vecs), "{}", context());
        }
    }
}

impl Check for Cut {
    fn check<S: Simd<f32> + Simd<f64>>(&self, name: &str, _: &'static S) {
        Self::check_type::<f32, S>(name);
        Self::check_type::<f64, S>(name);
    }
}

#[test]
fn panels_cover_the_columns_once_and_none_is_too_wide() {
    on_each_set(&Cut);
}

/// A type without a size has as many as there are bytes.
#[test]
fn numbers_in_some_memory() {
    assert_eq!([numbers_in::<f32>(64), numbers_in::<f64>(64), numbers_in::<f64>(63)], [16, 8, 7]);
    assert_eq!(numbers_in::<()>(64), 64);
}
