//! How far terms are divided so that their sums stay in range.

use half::f16;

use super::halvings;

/// The largest number of f16 is 65504, and half of it is for sums.
#[test]
fn sums_of_a_group_are_halved_until_they_are_in_range() {
    for (of_chunk, chunks, expected) in [
        (0.0, 128, 0),
        (32752.0, 1, 0),
        (32753.0, 1, 1),
        // 40000, 65504, 80000 and 2^21, which is more than 2^6 times half of the largest number.
        (20000.0, 2, 1),
        (16376.0, 4, 1),
        (20000.0, 4, 2),
        (16384.0, 128, 7),
        // More would leave nothing of the terms.
        (1e300, 2, 15),
    ] {
        assert_eq!(halvings::<f16>(of_chunk, chunks), expected, "{of_chunk} of each of {chunks}");
    }
}
