//! Where a discrepancy lies: between two numbers, or on each side of x between two.

use num_traits::Float;

/// A discrepancy lies between `low` and `high`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval<T> {
    pub(super) low: T,
    pub(super) high: T,
}

impl<T: Float> Interval<T> {
    pub(super) fn around(value: T, error: T) -> Self {
        Self { low: value - error, high: value + error }
    }

    pub(super) fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    pub(super) fn width(self) -> T {
        self.high - self.low
    }

    /// Whether there may be no discrepancy at all.
    pub(super) fn has_zero(self) -> bool {
        self.low <= T::zero() && self.high >= T::zero()
    }

    /// The largest discrepancy in it.
    pub(super) fn max_abs(self) -> T {
        self.high.max(-self.low)
    }

    pub(super) fn middle(self) -> T {
        self.low + self.width() / (T::one() + T::one())
    }

    /// The distance between two intervals, 0 if they overlap.
    pub(super) fn gap(self, other: Self) -> T {
        (other.low - self.high).max(self.low - other.high).max(T::zero())
    }

    /// Whether neither admits the claim, both are on the same side of it, and they overlap: then they tell of the same
    /// discrepancy.
    pub(super) fn confirms(self, other: Self) -> bool {
        let (zero, [a, b]) = (T::zero(), [self, other]);
        ((a.low > zero && b.low > zero) || (a.high < zero && b.high < zero)) && a.gap(b) == zero
    }
}

/// What the discrepancy is to the right and to the left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<T>(pub(super) [Interval<T>; 2]);

impl<T: Float> Sides<T> {
    /// Whether not both can be right: on either side.
    pub(super) fn is_against(self, other: Self) -> bool {
        self.0.into_iter().zip(other.0).any(|(a, b)| a.gap(b) > T::zero())
    }

    /// Whether these can't be right together with others that admit the claim: with all that lies between those, or with a
    /// side of theirs that admits it alone.
    pub(super) fn denies(self, other: Self) -> bool {
        let whole = |sides: Self| sides.0[0].hull(sides.0[1]);
        let side = |(a, b): (Interval<T>, Interval<T>)| b.has_zero() && a.gap(b) > T::zero();
        whole(self).gap(whole(other)) > T::zero() || self.0.into_iter().zip(other.0).any(side)
    }

    pub(super) fn hull(self, other: Self) -> Self {
        let ([right, left], [other_right, other_left]) = (self.0, other.0);
        Self([right.hull(other_right), left.hull(other_left)])
    }

    pub(super) fn width(self) -> T {
        self.0[0].width() + self.0[1].width()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Interval<f64> {
        Interval { low, high }
    }

    #[test]
    fn the_largest_magnitude_is_that_of_the_farther_end() {
        assert_eq!(interval(-3.0, 1.0).max_abs(), 3.0);
        assert_eq!(interval(-1.0, 2.0).max_abs(), 2.0);
    }

    #[test]
    fn a_gap_is_what_lies_between() {
        assert_eq!(interval(-3.0, -1.0).gap(interval(2.0, 4.0)), 3.0);
        assert_eq!(interval(2.0, 4.0).gap(interval(-3.0, -1.0)), 3.0);
        assert_eq!(interval(2.0, 4.0).gap(interval(3.0, 5.0)), 0.0);
    }

    /// 0 must be in neither, not even at an end.
    #[test]
    fn intervals_that_overlap_beside_0_confirm_one_another() {
        let confirms = |a: (f64, f64), b: (f64, f64)| {
            let (a, b) = (interval(a.0, a.1), interval(b.0, b.1));
            let [there, back] = [a.confirms(b), b.confirms(a)];
            assert_eq!(there, back);
            there
        };
        assert!(confirms((1.0, 3.0), (2.0, 4.0)) && confirms((-3.0, -1.0), (-4.0, -1.0)));
        assert!(confirms((1.0, 2.0), (2.0, 4.0)) && !confirms((1.0, 2.0), (2.5, 4.0)));
        assert!(!confirms((0.0, 3.0), (1.0, 2.0)) && !confirms((-3.0, 0.0), (-2.0, -1.0)));
        assert!(!confirms((-1.0, 3.0), (1.0, 2.0)) && !confirms((-2.0, -1.0), (1.0, 2.0)));
    }

    /// Right and left of x: to deny what admits the claim it is enough to lie beside the side that admits it.
    #[test]
    fn sides_against_one_another() {
        let sides = |right: (f64, f64), left: (f64, f64)| {
            Sides([interval(right.0, right.1), interval(left.0, left.1)])
        };
        let kink = sides((1.0, 2.0), (-2.0, -1.0));
        assert!(!kink.is_against(sides((2.0, 3.0), (-1.0, 0.0))));
        assert!(
            kink.is_against(sides((3.0, 4.0), (-1.0, 0.0))) && kink.is_against(sides((2.0, 3.0), (0.0, 1.0)))
        );
        // What lies between the sides has 0 as well, and here each side of the other one is beside those.
        assert!(!kink.denies(sides((3.0, 4.0), (-4.0, -3.0))));
        assert!(kink.denies(sides((-0.5, 0.5), (-2.0, -1.0))) && kink.denies(sides((1.0, 2.0), (-0.5, 0.5))));
        assert!(!kink.denies(sides((-0.5, 1.0), (-2.0, -1.0))));
        assert!(kink.denies(sides((3.0, 4.0), (3.0, 4.0))));
        let hull = kink.hull(sides((3.0, 4.0), (-1.5, 0.0)));
        assert_eq!([hull.0[0].low, hull.0[0].high, hull.0[1].low, hull.0[1].high], [1.0, 4.0, -2.0, 0.0]);
        assert_eq!((kink.width(), hull.width()), (2.0, 5.0));
    }
}
