//! Masks against a look at each element, on every instruction set.
