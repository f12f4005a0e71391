//! Which packets a line loses.

use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    None,
    /// Each packet for itself.
    Random {
        share: f64,
    },
    /// Gilbert and Elliott's two states: packets are lost seldom in the good one and often in the
    /// bad one, and the state moves from packet to packet.
    Bursts {
        /// Probability, each packet, that a good line turns bad ("p").
        to_bad: f64,
        /// That a bad line turns good ("r"); a bad spell lasts 1/r packets on average.
        to_good: f64,
        in_good: f64,
        in_bad: f64,
    },
}

impl Loss {
    /// Bursts of `mean_burst` packets in which all is lost, and nothing in between (Gilbert), with
    /// this share lost in all.
    pub fn gilbert(share: f64, mean_burst: f64) -> Self {
        let to_good = 1.0 / mean_burst.max(1.0);
        Self::Bursts {
            to_bad: to_good * share / (1.0 - share).max(f64::EPSILON),
            to_good,
            in_good: 0.0,
            in_bad: 1.0,
        }
    }

    /// The share lost in the long run.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Random { share } => share,
            Self::Bursts {
                to_bad,
                to_good,
                in_good,
                in_bad,
            } => {
                let bad = match to_bad + to_good > 0.0 {
                    true => to_bad / (to_bad + to_good),
                    false => 0.0,
                };
                (1.0 - bad) * in_good + bad * in_bad
            }
        }
    }
}

/// The state of the line's loss: lives as long as the line, whatever its shape becomes.
#[derive(Clone, Debug)]
pub(crate) struct LossProcess {
    random: Random,
    is_bad: bool,
}

impl LossProcess {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            is_bad: false,
        }
    }

    /// Whether the next packet is lost. Draws the same number of times for every kind of loss, so
    /// that a change of the kind does not shift what comes after.
    pub(crate) fn takes(&mut self, loss: &Loss) -> bool {
        let (change, fate) = (self.random.unit(), self.random.unit());
        let share = match *loss {
            Loss::None => 0.0,
            Loss::Random { share } => share,
            Loss::Bursts {
                to_bad,
                to_good,
                in_good,
                in_bad,
            } => {
                let turns = change < if self.is_bad { to_good } else { to_bad };
                self.is_bad ^= turns;
                if self.is_bad { in_bad } else { in_good }
            }
        };
        fate < share
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKETS: usize = 60_000;

    fn run(loss: Loss, seed: u64) -> Vec<bool> {
        let mut process = LossProcess::new(Random::new(seed));
        (0..PACKETS).map(|_| process.takes(&loss)).collect()
    }

    fn share(lost: &[bool]) -> f64 {
        lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64
    }

    fn mean_burst(lost: &[bool]) -> f64 {
        let begins = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        lost.iter().filter(|lost| **lost).count() as f64 / begins.max(1) as f64
    }

    #[test]
    fn nothing_is_lost_without_loss_and_all_with_all() {
        assert!(run(Loss::None, 1).iter().all(|lost| !lost));
        let all = Loss::Random { share: 1.0 };
        assert!(run(all, 1).iter().all(|lost| *lost));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn shares_and_bursts_are_as_asked_for(
            seed: u64,
            asked in 0.01_f64..0.5,
            burst in 1.0_f64..6.0,
        ) {
            let alone = run(Loss::Random { share: asked }, seed);
            prop_assert!((share(&alone) - asked).abs() < 0.02);
            // Alone, a loss is followed by one with the same probability as any.
            prop_assert!((mean_burst(&alone) - 1.0 / (1.0 - asked)).abs() < 0.15);
            // Shorter bursts than those of chance would need luck in between.
            let burst = burst.max(asked / (1.0 - asked) + 1.0);
            let loss = Loss::gilbert(asked, burst);
            prop_assert!((loss.mean() - asked).abs() < 1e-9);
            let bursts = run(loss, seed);
            prop_assert!((share(&bursts) - asked).abs() < 0.05);
            prop_assert!((mean_burst(&bursts) / burst - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn the_mean_of_the_two_states_is_that_of_the_run() {
        let loss = Loss::Bursts {
            to_bad: 0.02,
            to_good: 0.1,
            in_good: 0.01,
            in_bad: 0.6,
        };
        assert!((share(&run(loss, 3)) - loss.mean()).abs() < 0.02);
    }
}
