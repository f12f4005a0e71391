//! Counters that wrap, made to go on.

/// Extends 16-bit numbers: the extended number nearest to the highest seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrap16 {
    highest: Option<i64>,
}

impl Unwrap16 {
    pub fn extend(&mut self, number: u16) -> i64 {
        let highest = *self.highest.get_or_insert(i64::from(number));
        let step = number.wrapping_sub(highest as u16) as i16;
        let extended = highest + i64::from(step);
        self.highest = Some(highest.max(extended));
        extended
    }
}

/// Extends 32-bit timestamps likewise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrap32 {
    highest: Option<i64>,
}

impl Unwrap32 {
    pub fn extend(&mut self, number: u32) -> i64 {
        let highest = *self.highest.get_or_insert(i64::from(number));
        let step = number.wrapping_sub(highest as u32) as i32;
        let extended = highest + i64::from(step);
        self.highest = Some(highest.max(extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_across_the_wrap_and_back() {
        let mut sequence = Unwrap16::default();
        let extended: Vec<i64> = [65_534, 1, 65_535, 0, 32_768, 300]
            .map(|number| sequence.extend(number))
            .into();
        assert_eq!(extended, [65_534, 65_537, 65_535, 65_536, 98_304, 65_836]);
        let mut timestamp = Unwrap32::default();
        assert_eq!(timestamp.extend(u32::MAX), i64::from(u32::MAX));
        assert_eq!(timestamp.extend(899), i64::from(u32::MAX) + 900);
        assert_eq!(timestamp.extend(u32::MAX - 9), i64::from(u32::MAX) - 9);
    }
}
