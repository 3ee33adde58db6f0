//! What the programs of this package share: the digits, the net and its objective, solvers, a canvas.

pub mod canvas;
pub mod data;
pub mod net;
pub mod solvers;
