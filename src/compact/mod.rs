//! One example at a time, for small targets: little code, little memory, nothing packed, and no panic for the
//! linker to keep.
//!
//! The formulas are those of [`Pass`](crate::Pass). Parameters and gradient are flat slices `[W1, b1, W2, b2]`, and an
//! example is a slice, so that it can come from where it is measured or stored. [`Net`] reads the parameters; [`NetMut`]
//! learns in their place, so that no gradient has to be stored.
//! Each sum is formed in one fixed order with separate multiplications and additions, and exp and ln_1p are
//! the type's own: the results are the same bits on every target where those are. (They are not those of
//! `Pass`, which adds up in another order.) With many examples on a large machine a `Pass` is faster.
//!
//! # Example
//!
//! Stochastic gradient descent with no heap and no gradient:
//!
//! ```
//! # fn main() -> Result<(), handgrad::Error> {
//! use handgrad::start::{Random, Start};
//! use handgrad::{Dims, ParamsMut, compact::{Net, NetMut}};
//!
//! const DIMS: Dims = match Dims::new(2, 8, 2) {
//!     Ok(dims) => dims,
//!     Err(_) => panic!("constant dimensions"),
//! };
//! let (mut theta, mut random) = ([0.0_f32; DIMS.param_len()], Random::new(1));
//! Start::HeNormal.fill(&mut ParamsMut::from_flat(DIMS, &mut theta)?, || random.next_u64());
//! let mut scratch = [0.0; DIMS.scratch_len(1)];
//! let examples = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)]; // "exclusive or"
//! for _ in 0..200 {
//!     for (x, class) in &examples {
//!         NetMut::new(DIMS, &mut theta)?.step(x, *class, 0.1, &mut scratch)?;
//!     }
//! }
//! assert_eq!(Net::new(DIMS, &theta)?.predict(&[1.0, 0.0], &mut scratch)?, 1);
//! # Ok(())
//! # }
//! ```

mod net;
mod softmax;
mod step;
mod sums;

pub use net::Net;
pub use step::NetMut;
