//! What is sent to one subscriber, in bits per second.

/// A rate over this; the half before counts too until the next is over.
const WINDOW_MICROS: i64 = 500_000;

/// Two halves of a window: constant memory and time whatever is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentRate {
    began_us: i64,
    bits: u64,
    previous_bits: u64,
}

impl SentRate {
    pub fn on_sent(&mut self, now_us: i64, bytes: usize) {
        self.advance(now_us);
        self.bits = self.bits.saturating_add(bytes as u64 * 8);
    }

    pub fn bps(&mut self, now_us: i64) -> f64 {
        self.advance(now_us);
        let micros = WINDOW_MICROS + (now_us - self.began_us).max(0);
        (self.previous_bits + self.bits) as f64 * 1e6 / micros as f64
    }

    fn advance(&mut self, now_us: i64) {
        let passed = now_us - self.began_us;
        if passed < WINDOW_MICROS {
            return;
        }
        self.previous_bits = match passed < 2 * WINDOW_MICROS {
            true => self.bits,
            false => 0,
        };
        self.bits = 0;
        self.began_us = match passed < 2 * WINDOW_MICROS {
            true => self.began_us + WINDOW_MICROS,
            false => now_us,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_what_is_sent_and_forgets_it() {
        let mut rate = SentRate::default();
        for ms in 0..2_000 {
            rate.on_sent(ms * 1_000, 125);
        }
        assert!((rate.bps(2_000_000) / 1e6 - 1.0).abs() < 0.01);
        assert!((rate.bps(2_250_000) / 667e3 - 1.0).abs() < 0.01);
        assert_eq!(rate.bps(4_000_000), 0.0);
    }
}
