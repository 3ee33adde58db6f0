//! Choices from a byte string.

/// What is left of a byte string. Where there is nothing left, everything is 0.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    /// A number below this one, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// One in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn seed(&mut self) -> u64 {
        (0..3).fold(0, |seed, _| seed << 8 | u64::from(self.byte()))
    }

    /// A size, small ones more often: at most this.
    pub fn size(&mut self, most: usize) -> usize {
        let byte = self.byte();
        let most = match byte >> 5 {
            0..3 => most.min(9),
            3..6 => most.min(20),
            6 => most.min(44),
            _ => most,
        };
        let rest = usize::from(byte & 31) * 8 + usize::from(byte >> 5);
        1 + if most > 44 { rest * 7 + usize::from(self.byte()) } else { rest } % most
    }
}
