//! exp and ln_1p.
use num_traits::Float;
pub(crate) trait Math: Float {
    #[inline(always)]
    fn vexp(self) -> Self {
        self.exp()
    }
    #[inline(always)]
    fn vln_1p(self) -> Self {
        self.ln_1p()
    }
}
impl Math for f32 {}
impl Math for f64 {}
