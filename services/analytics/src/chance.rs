//! Chance that can be repeated: the same seed gives the same numbers on every machine.

/// The generator xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64. Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    state: [u64; 4],
}

impl Chance {
    /// The `stream`-th independent sequence of a seed.
    pub fn new(seed: u64, stream: u64) -> Chance {
        let mut z = splitmix(seed) ^ splitmix(stream.wrapping_mul(0xd134_2543_de82_ef95));
        Chance {
            state: std::array::from_fn(|_| {
                z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
                splitmix(z)
            }),
        }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number from zero to just below one.
    pub fn share(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let share = (self.bits() >> 11) as f64;
        share / (1_u64 << 53) as f64
    }

    /// A whole number below `n`, by the high half of a product: the bias is below `n / 2^64`.
    pub fn below(&mut self, n: usize) -> usize {
        let product = u128::from(self.bits()) * n as u128;
        usize::try_from(product >> 64).expect("the high half is below n")
    }
}

fn splitmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_repeats_and_streams_differ() {
        let draw = |seed, stream| Chance::new(seed, stream).bits();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn shares_are_even() {
        let mut chance = Chance::new(7, 0);
        let draws = 100_000;
        let mean = (0..draws).map(|_| chance.share()).sum::<f64>() / f64::from(draws);
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let low = (0..draws).filter(|_| chance.below(10) < 3).count();
        assert!((29_000..31_000).contains(&low), "{low}");
    }
}
