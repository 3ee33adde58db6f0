//! The tests of `handgrad::gradcheck` and of the dual numbers. One program, because each would compile the same
//! checker again; `cargo test --test gradcheck reports` runs one file of it.

mod adjoints;
mod budgets;
mod checks;
mod detection;
mod dual_semantics;
mod fields;
mod functions;
mod hints;
mod modes;
mod narrow;
mod peer_checkers;
mod peers;
mod reports;
mod rough;
mod self_tests;
mod slopes;
mod sums;
mod tolerances;
