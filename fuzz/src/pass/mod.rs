//! A pass with any options on any net and batch, against plain loops.

mod case;
mod check;
mod engines;
mod gradients;
mod outputs;
mod reference;
mod run;
mod second;
mod sparse;
mod spoil;

use half::{bf16, f16};

use crate::bytes::Bytes;
use crate::element::Element;
use case::Case;

pub fn pass(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    match bytes.below(16) {
        0..8 => labels::<f32>(&mut bytes),
        8..14 => labels::<f64>(&mut bytes),
        14 => labels::<bf16>(&mut bytes),
        _ => labels::<f16>(&mut bytes),
    }
}

fn labels<T: Element>(bytes: &mut Bytes) {
    let case = Case::<T>::new(bytes);
    // The type of the labels has no part in anything: short ones where they are enough.
    if case.dims.classes() < 100 && bytes.one_in(2) {
        run::run::<T, i8>(bytes, case, -1);
    } else {
        let ignored = case.dims.classes() + 5;
        run::run::<T, usize>(bytes, case, ignored);
    }
}
