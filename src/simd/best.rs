//! The best instruction set that there is on this machine.

use core::any::{Any, TypeId};

use super::registers::Simd;

/// Something that is made of an instruction set.
pub(crate) trait WithSimd<T> {
    type Made;

    fn with<S: Simd<T>>(self, simd: &'static S) -> Self::Made;
}

/// What is made of the best one for `f32`.
pub(crate) fn best_of_f32<W: WithSimd<f32>>(with: W) -> W::Made {
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(found) = super::x86::Avx512::detect() {
        return with.with(found);
    }
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(found) = super::x86::Avx2::detect() {
        return with.with(found);
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    return with.with(super::neon::Neon::get());
    #[cfg(not(all(feature = "std", target_arch = "aarch64", target_feature = "neon")))]
    with.with(&super::portable::Portable)
}

/// And for `f64`.
pub(crate) fn best_of_f64<W: WithSimd<f64>>(with: W) -> W::Made {
    #[cfg(all(feature = "std", target_arch = "x86_64", handgrad_avx512))]
    if let Some(found) = super::x86::Avx512::detect() {
        return with.with(found);
    }
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if let Some(found) = super::x86::Avx2::detect() {
        return with.with(found);
    }
    #[cfg(all(feature = "std", target_arch = "aarch64", target_feature = "neon"))]
    return with.with(super::neon::Neon::get());
    #[cfg(not(all(feature = "std", target_arch = "aarch64", target_feature = "neon")))]
    with.with(&super::portable::Portable)
}

/// Something made for U as the same for T, if T is U: `Any` finds that out with no demand on T, which may be
/// anybody's. Asked before it is made, so that a program of one type does not contain the loops of the other.
pub(crate) fn if_same<T: 'static, U: 'static, A: Copy + 'static, B: 'static>(make: fn() -> B) -> Option<A> {
    if TypeId::of::<T>() != TypeId::of::<U>() {
        return None;
    }
    (&make() as &dyn Any).downcast_ref::<A>().copied()
}
