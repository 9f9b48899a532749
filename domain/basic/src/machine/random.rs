//! Random numbers that come again with the same seed.

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, passes BigCrush, and never changes. Scripts draw
/// lots and roll dice with it; nothing secret depends on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Random {
    pub(super) state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// 64 bits by chance.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and less than 1.
    pub fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Any whole number from `least` to `most`, both included.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let (least, most) = (least.min(most), least.max(most));
        let count = most.abs_diff(least) as u128 + 1;
        // A product of 128 bits spreads evenly but for a bias of 2⁻⁶⁴ times the count.
        let offset = (u128::from(self.bits()) * count) >> 64;
        (i128::from(least) + offset as i128) as i64
    }
}
