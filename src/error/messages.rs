//! What an error says.

use core::fmt;

use super::{Error, What};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Zero { what } => write!(f, "{what}: expected at least 1, got 0"),
            Error::Overflow { what, sizes: (a, b) } => {
                write!(f, "{what}: the sizes {a} and {b} together exceed isize::MAX")
            }
            Error::Length { what, expected, got } => length(f, what, expected, got),
            Error::Slice { shape, strides, expected, got } => slice(f, shape, strides, expected, got),
            Error::NegativeStride { shape: (rows, cols), strides: (row, col) } => {
                write!(
                    f,
                    "matrix {rows} x {cols}: a view cannot run backwards, expected strides from 0 on, got ({row}, {col})"
                )
            }
            Error::Shape { what, expected, got } => shape(f, what, expected, got),
            Error::Dims { what, expected: (m, h, c), got } => {
                let (got_m, got_h, got_c) = got;
                write!(f, "{what}: expected that of a net with (m, h, C) = ({m}, {h}, {c})")?;
                write!(f, ", got that of one with ({got_m}, {got_h}, {got_c})")
            }
            Error::Overlap { shape: (rows, cols), strides: (row, col) } => {
                write!(f, "mutable matrix {rows} x {cols}: with strides ({row}, {col})")?;
                write!(f, " two elements would be in one place")
            }
            Error::Rows { range: (start, end), rows } => {
                write!(f, "rows {start}..{end}: expected a range within 0..{rows}")
            }
            Error::Offset { index, expected: (least, most), got } => {
                write!(
                    f,
                    "offset {index} of sparse rows: expected a number from {least} to {most}, got {got}"
                )
            }
            Error::Input { example, entry, inputs, got } => {
                write!(f, "index of entry {entry}, of example {example}: ")?;
                write!(f, "expected an input in 0..{inputs}, got {got}")
            }
            Error::Label { example, classes, got } => label(f, example, classes, got),
            Error::ClassInteger { classes, largest } => {
                write!(f, "predictions: expected integers that hold the classes 0..{classes}")?;
                write!(f, ", got some up to {largest}")
            }
            Error::Unlabelled { what } => {
                write!(f, "{what}: expected a batch with labels or targets, got one without")
            }
            Error::Value { what, index, got } => value(f, what, index, got),
            Error::Target { example, class, got } => {
                write!(f, "target of example {example} for class {class}: ")?;
                write!(f, "expected a finite number from 0 on, got {got}")
            }
            Error::TargetSum { example, tolerance, got } => {
                write!(f, "target of example {example}: expected numbers that add up to 1")?;
                if tolerance > 0.0 {
                    write!(f, ", give or take {tolerance}")?;
                }
                write!(f, ", got a sum of {got} (see Pass::target_sum_tolerance)")
            }
            Error::Index { what, len, got } => {
                write!(f, "{what}: expected a number in 0..{len}, got {got}")
            }
            Error::Order { expected, got } => {
                write!(f, "sum over shards: expected shard {expected} next, got {got}")
            }
            Error::Executor => {
                write!(f, "executor: expected every task to be run before it returns, got one that was not")
            }
        }
    }
}

fn length(f: &mut fmt::Formatter<'_>, what: What, expected: usize, got: usize) -> fmt::Result {
    match what {
        What::Scratch => {
            write!(f, "scratch: expected length {expected} or more (Dims::scratch_len), got {got}")
        }
        What::Examples => {
            write!(f, "{what}: expected {expected} at most (Dims::chunk_len), got {got}")
        }
        What::Shards => write!(f, "{what}: expected {expected} of them, got {got}"),
        _ => write!(f, "{what}: expected length {expected}{}, got {got}", what.letters(false)),
    }
}

fn slice(
    f: &mut fmt::Formatter<'_>,
    (rows, cols): (usize, usize),
    (row, col): (usize, usize),
    expected: usize,
    got: usize,
) -> fmt::Result {
    write!(f, "matrix {rows} x {cols} with strides ({row}, {col}): expected a slice of length {expected}")?;
    // Only a view without gaps takes the whole of its slice.
    write!(f, ", got {got}{}", if got > expected { " (with gaps: with_strides)" } else { "" })
}

fn shape(
    f: &mut fmt::Formatter<'_>,
    what: What,
    (rows, cols): (usize, usize),
    got: (usize, usize),
) -> fmt::Result {
    write!(f, "{what}: expected {rows} x {cols}{}, got {} x {}", what.letters(true), got.0, got.1)?;
    f.write_str(if got == (cols, rows) { ": this is the transpose, give its t()" } else { "" })
}

fn label(f: &mut fmt::Formatter<'_>, example: usize, classes: usize, got: i128) -> fmt::Result {
    write!(f, "label of example {example}: expected a class in 0..{classes}, got {got}")?;
    f.write_str(match got {
        i128::MAX => " or more",
        ..0 => " (for examples to leave out: Pass::ignore_label)",
        _ if usize::try_from(got) == Ok(classes) => " (classes are counted from 0)",
        _ => "",
    })
}

fn value(f: &mut fmt::Formatter<'_>, what: What, index: usize, got: f64) -> fmt::Result {
    match what {
        What::ExampleWeights => write!(f, "weight of example {index}")?,
        What::ClassWeights => write!(f, "weight of class {index}")?,
        What::L2 => write!(f, "L2 factor of W{}", index + 1)?,
        _ => write!(f, "{what}")?,
    }
    let expected = match what {
        What::Smoothing => "a number from 0 to 1",
        What::Tolerance => "a number from 0 on, less than 1",
        What::Divisor => "a finite number above 0",
        What::TargetSumTolerance => "a number from 0 on, or infinity",
        _ => "a finite number from 0 on",
    };
    write!(f, ": expected {expected}, got {got}")
}

impl What {
    /// Its size in the letters of the documentation, where that is the same everywhere: as a matrix, or else as a
    /// slice.
    fn letters(self, is_matrix: bool) -> &'static str {
        match self {
            What::X | What::InputGradient if is_matrix => " (n x m)",
            What::W1 if is_matrix => " (h x m)",
            What::W2 if is_matrix => " (C x h)",
            What::Scores | What::Probabilities | What::LogProbabilities | What::Targets if is_matrix => {
                " (n x C)"
            }
            What::Gram => " (n x n)",
            What::ExampleGradients => " (n x Dims::param_len)",
            What::Labels | What::Losses | What::Predictions | What::GradNorms => " (one for each row of x)",
            What::ExampleWeights => " (one for each example)",
            What::ClassWeights => " (one for each class)",
            What::B1 => " (h, the rows of W1)",
            What::B2 => " (C, the rows of W2)",
            What::Params => " (Dims::param_len)",
            What::Offsets => " (n + 1)",
            What::Values => " (one for each index)",
            What::UsedInputs | What::Indices => " (Csr::entry_count)",
            What::Positions => " (m)",
            _ => "",
        }
    }
}
