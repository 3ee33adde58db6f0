//! The element types of a run, as a value and as Rust's types.

use std::fmt;

use clap::ValueEnum;

/// The element type of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Type {
    F32,
    F64,
}

impl Type {
    /// The unit roundoff u.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::EPSILON) / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
        }
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// An element type that the Rust peers compute in.
#[cfg_attr(
    not(any(feature = "candle", feature = "burn")),
    expect(dead_code, reason = "only libraries with tensors of run-time types need the type as a value")
)]
pub trait Real: num_traits::Float + Send + Sync + 'static {
    const TYPE: Type;
    fn from_le(bytes: &[u8]) -> Option<Self>;
    fn widen(self) -> f64;

    /// The values as `f32`, which holds all numbers of a problem exactly.
    fn narrow(values: &[Self]) -> Vec<f32> {
        values.iter().map(|v| v.widen() as f32).collect()
    }
}

impl Real for f32 {
    const TYPE: Type = Type::F32;

    fn from_le(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }

    fn widen(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    const TYPE: Type = Type::F64;

    fn from_le(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }

    fn widen(self) -> f64 {
        self
    }
}
