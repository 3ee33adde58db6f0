//! What the functions of (25) to (34) refuse: each slice one too short and one too long, and vectors of no elements. Nothing is
//! written then.

use handgrad::derivation as d;
use handgrad::{Error, Kink, What};

const PATTERN: f64 = -77.5;

/// m, h and C.
const SIZES: (usize, usize, usize) = (4, 3, 2);

/// What the length of a slice is to a function.
#[derive(Clone, Copy)]
enum Length {
    /// One of the sizes, by which others are measured.
    Size(What),
    /// Given by these.
    Given(What),
}

use Length::{Given, Size};

/// Calls a function of slices of these lengths, which writes to one of this length if there is any.
fn refuses(
    inputs: &[(usize, Length)],
    output: (usize, What),
    call: impl Fn(&[&[f64]], &mut [f64]) -> Result<(), Error>,
) {
    let (memory, mut written) = ([1.0; 16], [PATTERN; 16]);
    let lens: Vec<usize> = inputs.iter().map(|(len, _)| *len).collect();
    let mut call = |lens: &[usize], output: usize| {
        let slices: Vec<&[f64]> = lens.iter().map(|len| &memory[..*len]).collect();
        let got = call(&slices, &mut written[..output]);
        assert!(got.is_ok() || written == [PATTERN; 16], "{got:?}, but something was written");
        got
    };
    for (index, (len, length)) in inputs.iter().enumerate() {
        let with = |other: usize| {
            let mut lens = lens.clone();
            lens[index] = other;
            lens
        };
        match *length {
            Size(what) => assert_eq!(call(&with(0), output.0), Err(Error::Zero { what })),
            Given(what) => {
                for got in [len - 1, len + 1] {
                    let error = Error::Length { what, expected: *len, got };
                    assert_eq!(call(&with(got), output.0), Err(error), "slice {index}");
                }
            }
        }
    }
    let (len, what) = output;
    if len > 0 {
        for got in [len - 1, len + 1] {
            assert_eq!(call(&lens, got), Err(Error::Length { what, expected: len, got }));
        }
    }
    assert_eq!(call(&lens, len), Ok(()));
}

#[test]
fn tangents() {
    let (m, h, c) = SIZES;
    let (zh, gc) = ((h, Size(What::Hidden)), (c, Size(What::Classes)));
    let (w2, v2) = ((c * h, Given(What::W2)), (c * h, Given(What::Direction)));
    let (of_hidden, of_scores) = ((h, Given(What::Tangent)), (c, Given(What::Tangent)));
    refuses(
        &[(h * m, Given(What::Direction)), (h, Given(What::Direction)), (m, Size(What::Inputs)), zh],
        (h, What::Tangent),
        |s, out| d::hidden_tangent(s[0], s[1], s[2], s[3], Kink::One, out),
    );
    refuses(&[w2, v2, gc, zh, of_hidden], (c, What::Tangent), |s, out| {
        d::score_tangent(s[0], s[1], s[2], s[3], s[4], out)
    });
    refuses(&[gc, of_scores], (c, What::Tangent), |s, out| d::score_grad_tangent(s[0], 1.0, s[1], out));
    refuses(&[zh, w2, v2, gc, of_scores], (h, What::Tangent), |s, out| {
        d::hidden_grad_tangent(s[0], s[1], s[2], s[3], s[4], Kink::One, out)
    });
    refuses(&[gc, zh, of_scores, of_hidden], (c * h, What::W2), |s, out| {
        d::hessian_vector_w2(s[0], s[1], s[2], s[3], out)
    });
    refuses(&[gc, (c, Given(What::ScoreGradient)), of_scores, v2, zh], (0, What::Hessian), |s, _| {
        d::directional_curvature(s[0], 1.0, s[1], s[2], s[3], s[4]).map(|_| ())
    });
}

#[test]
fn hessians() {
    let (m, h, c) = SIZES;
    let (zh, gc, xm) = ((h, Size(What::Hidden)), (c, Size(What::Classes)), (m, Size(What::Inputs)));
    let (w2, to) = ((c * h, Given(What::W2)), |len: usize| (len, What::Hessian));
    refuses(&[gc], to(c), |s, out| d::diagonal_b2(s[0], 1.0, out));
    refuses(&[gc, zh], to(c * h), |s, out| d::diagonal_w2(s[0], s[1], out));
    refuses(&[gc, zh, w2], to(h), |s, out| d::hidden_diagonal(s[0], 1.0, s[1], s[2], Kink::One, out));
    refuses(&[zh, xm], to(h * m), |s, out| d::diagonal_w1(s[0], s[1], out));
    refuses(&[gc, zh, (h, Given(What::Hessian)), xm], to(0), |s, _| {
        d::hessian_trace(s[0], s[1], s[2], s[3]).map(|_| ())
    });
    refuses(&[gc], to(c * c), |s, out| d::score_hessian(s[0], 1.0, out));
    refuses(&[gc, zh, w2], to(h * h), |s, out| d::hidden_hessian(s[0], 1.0, s[1], s[2], Kink::One, out));
}
