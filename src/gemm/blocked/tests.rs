//! Which right factors are read where they lie.

use super::in_place;
use crate::data::MatRef;
use crate::limits::{FAR_STRIDE, IN_PLACE_DEPTH, IN_PLACE_ROWS};

#[test]
fn few_rows_shallow_ones_and_near_ones_are_read_where_they_lie() {
    let (far, deep, many) = (FAR_STRIDE, IN_PLACE_DEPTH, IN_PLACE_ROWS + 1);
    let memory = vec![0f32; 2 * (far + 1) * (deep + 1)];
    for (rows, strides, depth, expected) in [
        (many, (far, 1), deep, false),
        (many, (far + 1, 1), deep + 1, false),
        (many, (far - 1, 1), deep, true),
        (many - 1, (far, 1), deep, true),
        (many - 2, (far + 1, 1), deep, true),
        (many, (far, 1), deep - 1, true),
        (many, (far, 1), deep - 2, true),
        // Only if they are rows.
        (many, (far - 1, 2), deep, false),
        (many - 1, (far - 1, 2), deep - 1, false),
    ] {
        if depth > 0 {
            let b = MatRef::with_strides(&memory, (depth, 5), strides).unwrap();
            assert_eq!(in_place(rows, &b), expected, "{rows} {strides:?} {depth}");
        }
    }
}
