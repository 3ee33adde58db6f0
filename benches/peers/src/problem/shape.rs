//! The sizes of a problem.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

/// Inputs m, hidden units h, classes C, examples n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub m: usize,
    pub h: usize,
    pub c: usize,
    pub n: usize,
}

/// The shapes of a full run, smallest first.
pub const SHAPES: [Shape; 7] = [
    Shape { m: 64, h: 32, c: 10, n: 1 },
    Shape { m: 64, h: 32, c: 10, n: 32 },
    Shape { m: 64, h: 32, c: 10, n: 1797 },
    Shape { m: 784, h: 128, c: 10, n: 128 },
    Shape { m: 784, h: 128, c: 10, n: 1024 },
    Shape { m: 784, h: 1024, c: 10, n: 1024 },
    Shape { m: 3072, h: 1024, c: 1000, n: 1024 },
];

impl Shape {
    /// The floating-point operations of the matrix products, 4nmh + 6nhC: X W1ᵀ and Dᵀ X cost 2nmh each,
    /// A W2ᵀ, Gᵀ A and G W2 cost 2nhC each.
    pub fn flops(&self) -> f64 {
        (4 * self.n * self.m * self.h + 6 * self.n * self.h * self.c) as f64
    }

    /// The same of the products of the Hessian with so many directions in one call, divided by their number: each direction
    /// has X V1ᵀ and D'ᵀ X of 2nmh each, and six products of 2nhC (A' W2ᵀ, A V2ᵀ, G' W2, G V2, G'ᵀ A, Gᵀ A'); X W1ᵀ and
    /// A W2ᵀ are once for all.
    pub fn hessian_flops(&self, directions: usize) -> f64 {
        let (nmh, nhc) = ((self.n * self.m * self.h) as f64, (self.n * self.h * self.c) as f64);
        4.0 * nmh + 12.0 * nhc + 2.0 * (nmh + nhc) / directions as f64
    }

    /// The number of parameters.
    pub fn params(&self) -> usize {
        self.blocks().iter().sum()
    }

    /// The lengths of W1, b1, W2, b2, in the order in which they lie in the flat slices.
    pub fn blocks(&self) -> [usize; 4] {
        [self.h * self.m, self.h, self.c * self.h, self.c]
    }

    /// Cuts a flat slice of parameters into W1, b1, W2, b2.
    pub fn split<'a, T>(&self, flat: &'a [T]) -> [&'a [T]; 4] {
        let mut rest = flat;
        self.blocks().map(|len| {
            let (block, tail) = rest.split_at(len);
            rest = tail;
            block
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.m, self.h, self.c, self.n)
    }
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let sizes: Vec<usize> = text.split(',').map(|size| size.trim().parse()).collect::<Result<_, _>>()?;
        match sizes[..] {
            [m, h, c, n] if m > 0 && h > 0 && c > 0 && n > 0 => Ok(Self { m, h, c, n }),
            _ => bail!("a shape is four positive sizes, m,h,C,n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flops_and_blocks() {
        let shape: Shape = "2, 3,5,7".parse().unwrap();
        assert_eq!(shape, Shape { m: 2, h: 3, c: 5, n: 7 });
        assert_eq!(shape.flops(), (4 * 7 * 2 * 3 + 6 * 7 * 3 * 5) as f64);
        let (nmh, nhc) = (42.0, 105.0);
        assert_eq!(shape.hessian_flops(1), 6.0 * nmh + 14.0 * nhc);
        assert_eq!(shape.hessian_flops(4), 4.5 * nmh + 12.5 * nhc);
        assert_eq!(shape.params(), 6 + 3 + 15 + 5);
        assert!("1,2,3".parse::<Shape>().is_err() && "1,2,3,0".parse::<Shape>().is_err());
    }
}
