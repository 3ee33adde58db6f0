//! What happens to the sums of a product before they are stored.

use crate::kink::Kink;

/// What happens to an element of the product when its sum is complete.
pub(crate) enum Epilogue<'a, T> {
    /// It stays as it is.
    None,
    /// (1), (2): it becomes z = sum + bias, and a = max(0, z) goes to the same place of `a`.
    Activate { kink: Kink, bias: &'a [T], a: &'a mut [T] },
    /// (14): it becomes I * sum. The pre-activation is at the same place of `z`, or where the result goes.
    Mask { kink: Kink, z: Option<&'a [T]> },
}

impl<T> Epilogue<'_, T> {
    /// The same for the part of the result that begins `offset` further in memory, in column `col`.
    pub(super) fn at(&mut self, offset: usize, col: usize) -> Epilogue<'_, T> {
        match self {
            Epilogue::None => Epilogue::None,
            Epilogue::Activate { kink, bias, a } => {
                Epilogue::Activate { kink: *kink, bias: &bias[col..], a: &mut a[offset..] }
            }
            Epilogue::Mask { kink, z } => Epilogue::Mask { kink: *kink, z: z.map(|z| &z[offset..]) },
        }
    }
}
