//! How many earlier frames each audio packet repeats for one participant: by the loss on its line.
//!
//! A frame is lost to the ear only if its own packet and all that repeat it are lost. With single
//! losses of rate p and `depth` repetitions that is p to the power of `depth + 1`; with bursts it is
//! those longer than `depth` packets. A repetition costs the frame's bytes, but no packet: on a line
//! that loses nothing one is cheap insurance; on one too narrow for it, it would cost the loss it
//! guards against.

/// Most repetitions: 100 ms of 20 ms frames. A longer burst is a pause anyway.
pub const MAX_DEPTH: u8 = 5;

/// Loss, in 1/256, from which on so many frames are repeated; in ascending order of both.
const RISE: [(u8, u8); 4] = [(5, 2), (15, 3), (31, 4), (51, MAX_DEPTH)];

/// A step is taken back only once the loss is below this share of what caused it: the loss of a line
/// is known from a few dozen packets a second, and wavers.
const FALL_PERCENT: u32 = 60;

/// Share of the line, in percent, that all voices with their repetitions may take. Beyond it depth is
/// given up: better some loss than a queue.
const MAX_LINE_SHARE: u64 = 60;

/// What the decision is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Share of packets lost, in 1/256, smoothed over some seconds.
    pub loss: u8,
    /// Estimate of what the line carries; `None`: not known yet.
    pub target_bps: Option<u64>,
    /// What the voices take without repetitions, headers included.
    pub voices_bps: u64,
    /// What one repetition of all of them adds.
    pub repetition_bps: u64,
}

/// The depth from now on.
pub fn depth(current: u8, line: Line) -> u8 {
    let fitting = fitting(line);
    wanted(current, line.loss).min(fitting)
}

fn wanted(current: u8, loss: u8) -> u8 {
    let by_loss = |loss: u32| {
        let steps = RISE.iter().rev();
        steps
            .filter(|&&(from, _)| loss >= u32::from(from))
            .map(|&(_, depth)| depth)
            .next()
            .unwrap_or(1)
    };
    let now = by_loss(u32::from(loss));
    // The depth that this loss would have to fall from.
    let kept = by_loss(u32::from(loss) * 100 / FALL_PERCENT);
    now.max(current.min(kept))
}

fn fitting(line: Line) -> u8 {
    let Some(target) = line.target_bps else {
        return 1;
    };
    let free = (target * MAX_LINE_SHARE / 100).saturating_sub(line.voices_bps);
    match free.checked_div(line.repetition_bps) {
        Some(times) => times.min(u64::from(MAX_DEPTH)) as u8,
        None => MAX_DEPTH,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDE: Line = Line {
        loss: 0,
        target_bps: Some(2_000_000),
        voices_bps: 48_000,
        repetition_bps: 34_000,
    };

    fn percent(loss: u32) -> u8 {
        (loss * 256 / 100) as u8
    }

    fn at(current: u8, loss_percent: u32) -> u8 {
        depth(
            current,
            Line {
                loss: percent(loss_percent),
                ..WIDE
            },
        )
    }

    #[test]
    fn depth_follows_the_loss() {
        let depths: Vec<_> = [0, 1, 2, 5, 10, 15, 20, 30, 99]
            .iter()
            .map(|&loss| at(0, loss))
            .collect();
        assert_eq!(depths, [1, 1, 2, 2, 3, 4, 5, 5, 5]);
    }

    #[test]
    fn depth_is_given_back_late() {
        assert_eq!(at(3, 5), 3);
        assert_eq!(at(3, 3), 2);
        assert_eq!(at(2, 2), 2);
        assert_eq!(at(2, 1), 1);
        assert_eq!(at(5, 0), 1);
    }

    #[test]
    fn a_narrow_line_repeats_nothing() {
        let narrow = Line {
            target_bps: Some(60_000),
            ..WIDE
        };
        assert_eq!(depth(1, narrow), 0);
        let lossy = Line {
            loss: percent(30),
            ..narrow
        };
        assert_eq!(depth(1, lossy), 0);
        let unknown = Line {
            target_bps: None,
            ..lossy
        };
        assert_eq!(depth(0, unknown), 1);
        let wider = Line {
            target_bps: Some(200_000),
            ..lossy
        };
        assert_eq!(depth(1, wider), 2);
    }

    proptest! {
        #[test]
        fn depth_is_bounded_and_monotone(
            current in 0..=MAX_DEPTH, loss in any::<u8>(), more in any::<u8>(),
            target in prop::option::of(0u64..5_000_000), voices in 0u64..200_000,
            repetition in 0u64..100_000,
        ) {
            let line = Line {
                loss, target_bps: target, voices_bps: voices, repetition_bps: repetition,
            };
            let chosen = depth(current, line);
            prop_assert!(chosen <= MAX_DEPTH);
            let lossier = Line { loss: loss.saturating_add(more), ..line };
            prop_assert!(depth(current, lossier) >= chosen);
            // The same line again changes nothing.
            prop_assert_eq!(depth(chosen, line), chosen);
            if let Some(target) = target && chosen > 0 && repetition > 0 {
                let taken = voices + u64::from(chosen) * repetition;
                prop_assert!(taken * 100 <= target * MAX_LINE_SHARE);
            }
        }
    }
}
