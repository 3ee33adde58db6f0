//! Inputs with zeros.

use crate::support::Problem;

/// Which inputs are zeros. Every second one of them is -0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inputs {
    /// So many in a hundred are none, in no order.
    Density(usize),
    /// Two examples of three are blank.
    BlankExamples,
    /// Two columns of three are, and of the others a half.
    BlankColumns,
}

pub const KINDS: [Inputs; 8] = [
    Inputs::Density(5),
    Inputs::Density(0),
    Inputs::Density(30),
    Inputs::BlankExamples,
    Inputs::Density(50),
    Inputs::BlankColumns,
    Inputs::Density(90),
    Inputs::Density(100),
];

impl Inputs {
    /// A net and a batch with such inputs.
    pub fn problem(self, shape @ (m, h, c, n): (usize, usize, usize, usize)) -> Problem {
        let mut problem = Problem::random((m * 31 + h * 17 + c * 5 + n) as u64, shape);
        let mut rng = fastrand::Rng::with_seed(n as u64);
        for (i, x) in problem.x.iter_mut().enumerate() {
            let (row, col) = (i / m, i % m);
            let is_zero = match self {
                Inputs::Density(share) => rng.usize(0..100) >= share,
                Inputs::BlankExamples => row % 3 != 1,
                Inputs::BlankColumns => col % 3 != 1 || rng.bool(),
            };
            if is_zero {
                *x = if i % 2 == 0 { 0.0 } else { -0.0 };
            } else if *x == 0.0 {
                *x = 0.5;
            }
        }
        problem
    }
}

impl Problem {
    /// Sums of the problem's few bits would be exact in any order: more bits, and some inputs subnormal in f32.
    pub fn make_uneven(&mut self) {
        let numbers = self.theta.iter_mut().chain(&mut self.x);
        numbers.for_each(|value| *value *= 0.123_456_789);
        let nonzero = self.x.iter_mut().filter(|x| **x != 0.0);
        nonzero.step_by(13).for_each(|x| *x *= f64::from(f32::MIN_POSITIVE));
        self.grain = 0.0;
    }
}
