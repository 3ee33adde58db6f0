//! The cuts for all widths up to 200 columns.

use super::{panel, panels, widths};
use crate::simd::Simd;
use crate::simd::tests::{Check, on_each_set};

struct Cut;

impl Cut {
    fn check_type<T, S: Simd<T>>(name: &str) {
        for cols in 1..=200 {
            let all: Vec<_> = (0..panels::<T, S>(cols)).map(|index| panel::<T, S>(cols, index)).collect();
            let context = || format!("{name}, {} lanes, {cols} columns: {all:?}", S::LANES);
            let mut next = 0;
            for cols in &all {
                assert!(cols.start == next && cols.end > next, "{}", context());
                assert!(cols.start % S::LANES == 0, "{}", context());
                assert!(cols.len() <= S::NR_VECS * S::LANES, "{}", context());
                next = cols.end;
            }
            assert!(next == cols, "{}", context());
            // As few as can be, and as equal: none has two registers less than another.
            assert!(all.len() == cols.div_ceil(S::NR_VECS * S::LANES), "{}", context());
            let vecs: Vec<_> = all.iter().map(|cols| cols.len().div_ceil(S::LANES)).collect();
            let (least, most) = (vecs.iter().min().unwrap(), vecs.iter().max().unwrap());
            assert!(most - least <= 1, "{}", context());
            // The wider ones come first, and as many of each as it says.
            assert!(vecs.is_sorted_by(|a, b| a >= b), "{}", context());
            let said = widths::<T, S>(cols).into_iter().flat_map(|(count, vecs)| [vecs].repeat(count));
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
fn panels_cover_the_columns_once_and_none_is_wider_than_a_tile() {
    on_each_set(&Cut);
}
