//! Predicted classes, in integers of the caller's type.

/// The integers that [`Pass::predictions`](crate::Pass::predictions) can write: all of the language up to 64 bits.
pub trait ClassInteger: sealed::Sealed + Copy {
    #[doc(hidden)]
    fn predictions(classes: &mut [Self]) -> Predictions<'_>
    where
        Self: Sized;
}

mod sealed {
    pub trait Sealed {}
}

// A macro, because no generic type can hold slices of several: what runs the pass knows no type of integers, or each would
// have code of its own.
macro_rules! integers {
    ($($variant:ident $int:ty,)*) => {
        /// A slice of integers of one of these types.
        #[doc(hidden)]
        #[derive(Debug)]
        pub enum Predictions<'a> {
            $($variant(&'a mut [$int]),)*
        }

        $(
            impl sealed::Sealed for $int {}

            impl ClassInteger for $int {
                fn predictions(classes: &mut [Self]) -> Predictions<'_> {
                    Predictions::$variant(classes)
                }
            }
        )*

        impl<'a> Predictions<'a> {
            pub(super) fn len(&self) -> usize {
                match self { $(Self::$variant(classes) => classes.len(),)* }
            }

            /// The largest class that the type can hold.
            pub(super) fn largest(&self) -> usize {
                match self { $(Self::$variant(_) => usize::try_from(<$int>::MAX).unwrap_or(usize::MAX),)* }
            }

            pub(super) fn reborrow(&mut self) -> Predictions<'_> {
                match self { $(Self::$variant(classes) => Predictions::$variant(classes),)* }
            }

            pub(super) fn split_at(self, at: usize) -> (Self, Self) {
                match self {
                    $(Self::$variant(classes) => {
                        let (first, second) = classes.split_at_mut(at);
                        (Self::$variant(first), Self::$variant(second))
                    })*
                }
            }

            /// Writes some classes from row `at` on. That the type holds them has been checked.
            pub(super) fn write(&mut self, at: usize, classes: &[usize]) {
                match self {
                    $(Self::$variant(out) => {
                        out[at..].iter_mut().zip(classes).for_each(|(out, &class)| *out = class as $int);
                    })*
                }
            }
        }
    };
}

integers! {
    U8 u8, U16 u16, U32 u32, U64 u64, Usize usize, I8 i8, I16 i16, I32 i32, I64 i64, Isize isize,
}
