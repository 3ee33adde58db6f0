//! Promise: the hint of a report explains all wrong entries that it lists, or there is none.

use handgrad::gradcheck::{Block, Check, Hint, Outcome};

/// sum of i x_i², and its gradient.
fn parabola(x: &[f64]) -> f64 {
    x.iter().zip(1..).map(|(x, i)| f64::from(i) * x * x).sum()
}

fn parabola_grad(x: &[f64]) -> Vec<f64> {
    x.iter().zip(1..).map(|(x, i)| 2.0 * f64::from(i) * x).collect()
}

#[test]
fn hints_tell_the_usual_mistakes() {
    // W is 3 x 4, b has 4 entries.
    let blocks = [Block::matrix("W", 3, 4), Block::vector("b", 4)];
    let x: Vec<f64> = (1..17).map(|i| (f64::from(i) * 0.7).sin() + 0.3).collect();
    let right: Vec<f64> = parabola_grad(&x);
    let hint = |claims: &[f64]| {
        let report = Check::new(&x, claims).blocks(&blocks).run(parabola, &mut [0.0; 32]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong);
        report.hint()
    };
    let map = |f: fn(f64) -> f64| right.iter().map(|g| f(*g)).collect::<Vec<_>>();
    assert_eq!(hint(&map(|g| -g)), Some(Hint::Sign));
    assert_eq!(hint(&map(|_| 0.0)), Some(Hint::Zero));
    assert_eq!(hint(&map(|g| g / 2.0)), Some(Hint::TooSmall(2)));
    assert_eq!(hint(&map(|g| g * 2.0)), Some(Hint::TooLarge(2)));
    assert_eq!(hint(&map(|g| g * 32.0)), Some(Hint::TooLarge(32)));
    assert_eq!(hint(&map(|g| g / 1797.0)), Some(Hint::TooSmall(1797)));
    assert_eq!(hint(&map(|g| g * 1.5)), None);
    let mut claims = right.clone();
    (0..12).for_each(|i| claims[i % 4 * 3 + i / 4] = right[i]);
    assert_eq!(hint(&claims), Some(Hint::Transposed));
    claims.copy_from_slice(&right);
    claims[..12].rotate_right(4);
    claims[..4].copy_from_slice(&right[..4]);
    assert_eq!(hint(&claims), Some(Hint::Row(1)));
    claims.copy_from_slice(&right);
    claims[..12].rotate_left(4);
    claims[8..12].copy_from_slice(&right[8..12]);
    assert_eq!(hint(&claims), Some(Hint::Row(-1)));
    // In a vector an entry is a row.
    claims.copy_from_slice(&right);
    claims[12..].rotate_right(1);
    assert_eq!(hint(&claims), Some(Hint::Row(1)));
    // From the last entry of W into b, and not.
    claims.copy_from_slice(&right);
    claims[12..15].copy_from_slice(&right[13..16]);
    assert_eq!(hint(&claims), Some(Hint::Row(-1)));
    // One entry of many: its sign, or nearly twice its value.
    claims.copy_from_slice(&right);
    claims[7] *= -1.0;
    assert_eq!(hint(&claims), Some(Hint::Sign));
    claims[7] = right[7] / 2.0;
    assert_eq!(hint(&claims), Some(Hint::TooSmall(2)));
    claims[7] = right[7] / 2.01;
    assert_eq!(hint(&claims), None);
    claims[7] = right[7] / 1.2;
    assert_eq!(hint(&claims), None);
    // The same of small slopes.
    let small: Vec<f64> = x.iter().map(|x| 1e-5 * x).collect();
    let claims_of_small: Vec<f64> = parabola_grad(&small).iter().map(|g| g / 2.01).collect();
    let check = Check::new(&small, &claims_of_small).blocks(&blocks);
    assert_eq!(check.run(parabola, &mut [0.0; 32]).unwrap().hint(), None);
    // One wrong entry alone is no pattern, two of different kinds are none either.
    claims.copy_from_slice(&right);
    claims[4] = right[0];
    assert_eq!(hint(&claims), None);
    claims[5] = -right[5];
    assert_eq!(hint(&claims), None);
}

/// Rows further down than the second, and a slope that one other claim happens to have.
#[test]
fn hints_in_a_longer_matrix() {
    let blocks = [Block::matrix("W", 5, 2)];
    let x: Vec<f64> = (1..11).map(|i| (f64::from(i) * 0.7).sin() + 0.3).collect();
    let right = parabola_grad(&x);
    let hint =
        |claims: &[f64]| Check::new(&x, claims).blocks(&blocks).run(parabola, &mut [0.0; 20]).unwrap().hint();
    let mut claims = right.clone();
    claims[..8].copy_from_slice(&right[2..]);
    assert_eq!(hint(&claims), Some(Hint::Row(-1)));
    claims[2..].copy_from_slice(&right[..8]);
    claims[..2].copy_from_slice(&right[..2]);
    assert_eq!(hint(&claims), Some(Hint::Row(1)));
    claims.copy_from_slice(&right);
    // The slope of the first entry stands one row further down as well, by chance.
    (claims[0], claims[2]) = (5.0, right[0]);
    let x2 = [x[0], x[1], right[0] / 6.0].into_iter().chain(x[3..].iter().copied()).collect::<Vec<_>>();
    let report = Check::new(&x2, &claims).blocks(&blocks).run(parabola, &mut [0.0; 20]).unwrap();
    assert_eq!((report.outcome(), report.hint()), (Outcome::Wrong, None), "{report}");
}

/// |z|² weighted, of 8 complex numbers: as pairs (re, im), as rows of two, and as two blocks.
#[test]
fn conjugated_claims() {
    let x: Vec<f64> = (1..17).map(|i| (f64::from(i) * 0.7).sin() + 0.3).collect();
    let right = parabola_grad(&x);
    let hint = |claims: &[f64], blocks: &[Block<'static>]| {
        let report = Check::new(&x, claims).blocks(blocks).run(parabola, &mut [0.0; 32]).unwrap();
        assert_eq!(report.outcome(), Outcome::Wrong);
        report.hint()
    };
    let flipped = |is_flipped: fn(usize) -> bool| {
        let signs = (0..16).map(|i| if is_flipped(i) { -1.0 } else { 1.0 });
        right.iter().zip(signs).map(|(g, sign)| g * sign).collect::<Vec<_>>()
    };
    let interleaved = flipped(|i| i % 2 == 1);
    let (one, rows) = ([Block::vector("z", 16)], [Block::matrix("z", 8, 2)]);
    let parts = [Block::matrix("W.re", 2, 4), Block::matrix("W.im", 2, 4)];
    let both = [Block::vector("real", 4), Block::vector("imag", 4), Block::vector("z", 8)];
    assert_eq!(hint(&interleaved, &one), Some(Hint::Conjugated));
    assert_eq!(hint(&interleaved, &rows), Some(Hint::Conjugated));
    assert_eq!(hint(&flipped(|i| i >= 8), &parts), Some(Hint::Conjugated));
    assert_eq!(
        hint(&flipped(|i| (4..8).contains(&i) || (i > 8 && i % 2 == 1)), &both),
        Some(Hint::Conjugated)
    );
    // In blocks of these names by turns is no conjugation, and neither is a half of a block of another name.
    assert_eq!(hint(&interleaved, &parts), Some(Hint::Sign));
    assert_eq!(hint(&flipped(|i| i >= 8), &one), Some(Hint::Sign));
    assert_eq!(
        hint(&flipped(|i| i >= 8), &[Block::vector("V", 8), Block::vector("dim", 8)]),
        Some(Hint::Sign)
    );
    // The real parts instead, all of them, all imaginary parts but one, one alone.
    assert_eq!(hint(&flipped(|i| i % 2 == 0), &one), Some(Hint::Sign));
    assert_eq!(hint(&flipped(|_| true), &one), Some(Hint::Sign));
    assert_eq!(hint(&flipped(|i| i % 2 == 1 && i != 5), &one), Some(Hint::Sign));
    assert_eq!(hint(&flipped(|i| i == 5), &one), Some(Hint::Sign));
    assert_eq!(hint(&flipped(|i| i % 2 == 1 || i == 4), &one), Some(Hint::Sign));
    // Of one complex number it is no pattern.
    let report = Check::new(&x[..2], &[right[0], -right[1]]).run(parabola, &mut [0.0; 4]).unwrap();
    assert_eq!(report.hint(), Some(Hint::Sign));
    // Not by the sign alone.
    let doubled: Vec<f64> =
        interleaved.iter().zip(&right).map(|(f, g)| if f == g { *g } else { -2.0 * g }).collect();
    assert_eq!(hint(&doubled, &one), None);
    // Where no real part has a slope, the signs are all that is wrong.
    let x2: Vec<f64> = x.iter().enumerate().map(|(i, x)| if i % 2 == 0 { 0.0 } else { *x }).collect();
    let claims: Vec<f64> = parabola_grad(&x2).iter().map(|g| -g).collect();
    let report = Check::new(&x2, &claims).run(parabola, &mut [0.0; 32]).unwrap();
    assert_eq!(report.hint(), Some(Hint::Sign));
    // Of 200 complex numbers a sample is probed.
    let x: Vec<f64> = (1..401).map(|i| (f64::from(i) * 0.7).sin() + 1.3).collect();
    let claims: Vec<f64> =
        parabola_grad(&x).iter().enumerate().map(|(i, g)| if i % 2 == 1 { -g } else { *g }).collect();
    let report = Check::new(&x, &claims).run(parabola, &mut [0.0; 800]).unwrap();
    assert_eq!(report.hint(), Some(Hint::Conjugated), "{report}");
}

#[test]
fn hints_read_well() {
    let texts = [
        Hint::Sign,
        Hint::Zero,
        Hint::TooLarge(8),
        Hint::TooSmall(3),
        Hint::Transposed,
        Hint::Row(1),
        Hint::Row(-1),
        Hint::Conjugated,
    ]
    .map(|hint| hint.to_string());
    let words = [
        "opposite sign",
        "claims are 0",
        "8 times the slopes",
        "3 times the claims",
        "transposed",
        "down",
        "up",
        "imaginary parts",
    ];
    assert!(texts.iter().zip(words).all(|(text, word)| text.contains(word)), "{texts:?}");
}
