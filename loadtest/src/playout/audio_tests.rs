use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Plays frames (number, when it comes, how), in the order of coming, until `end`.
fn play(arrivals: &[(u32, Duration, Origin)], end: Duration) -> AudioPlayout {
    let mut arrivals = arrivals.to_vec();
    arrivals.sort_by_key(|(_, at, _)| *at);
    let mut playout = AudioPlayout::default();
    for (frame, at, origin) in arrivals {
        playout.advance(at);
        // Near the wrap of the clock.
        let timestamp = (u32::MAX - 9_600).wrapping_add(frame * 960);
        playout.insert(at, timestamp, origin);
    }
    playout.advance(end);
    playout
}

fn regular(count: u32, late: impl Fn(u32) -> Duration) -> Vec<(u32, Duration, Origin)> {
    (0..count)
        .map(|frame| (frame, FRAME * frame + late(frame), Origin::Primary))
        .collect()
}

#[test]
fn a_good_line_conceals_nothing() {
    let playout = play(&regular(500, |_| 40 * MS), 10 * SECOND);
    let figures = playout.figures();
    assert_eq!((figures.concealed, figures.late), (0, 0));
    assert!((990..=1000).contains(&figures.steps));
}

#[test]
fn a_lost_frame_is_twenty_milliseconds_of_concealment() {
    let mut arrivals = regular(500, |_| Duration::ZERO);
    arrivals.retain(|(frame, ..)| frame % 50 != 25);
    let figures = play(&arrivals, 10 * SECOND - MS).figures();
    assert_eq!(figures.concealed, 10 * 2);
    assert_eq!(figures.longest_gap, 2);
    // Three in a row are a gap of sixty.
    let mut arrivals = regular(500, |_| Duration::ZERO);
    arrivals.retain(|(frame, ..)| !(300..303).contains(frame));
    let figures = play(&arrivals, 10 * SECOND - MS).figures();
    assert_eq!((figures.concealed, figures.longest_gap), (6, 6));
}

#[test]
fn a_copy_in_the_next_packet_repairs_a_loss_once_the_buffer_is_long_enough() {
    let mut arrivals = regular(1000, |_| Duration::ZERO);
    for (frame, at, origin) in &mut arrivals {
        if *frame % 10 == 5 {
            *at += FRAME;
            *origin = Origin::Repaired;
        }
    }
    let figures = play(&arrivals, 20 * SECOND - MS).figures();
    // Until it has learnt, a few; then none.
    assert!(figures.concealed <= 8, "{figures:?}");
    assert!(figures.repaired > 95, "{figures:?}");
}

#[test]
fn jitter_is_learnt() {
    let jitter = |frame: u32| MS * (frame * 7_919 % 60);
    let playout = play(&regular(1500, jitter), 30 * SECOND);
    let before = play(&regular(500, jitter), 10 * SECOND).figures().concealed;
    let after = playout.figures().concealed - before;
    assert!(after <= 20, "{after} steps of 2000, after {before} of 1000");
    assert_eq!(playout.buffer().1, 60 * MS);
}

#[test]
fn an_outage_is_one_gap_and_then_the_buffer_shrinks_again() {
    // Nothing for a second, then all of it at once.
    let late = |frame: u32| match frame {
        100..150 => FRAME * (150 - frame),
        _ => Duration::ZERO,
    };
    let playout = play(&regular(1500, late), 30 * SECOND - MS);
    let figures = playout.figures();
    assert!((90..=110).contains(&figures.longest_gap), "{figures:?}");
    assert!(playout.buffer().0 <= 60 * MS, "{:?}", playout.buffer());
    assert!(figures.concealed <= 120, "{figures:?}");
}

#[test]
fn silence_on_the_line_is_concealment() {
    let figures = play(&regular(100, |_| Duration::ZERO), 4 * SECOND).figures();
    assert!((195..=202).contains(&figures.concealed), "{figures:?}");
    assert_eq!(figures.longest_gap, figures.concealed);
}

#[test]
fn figures_begin_anew_when_told() {
    let mut playout = play(&regular(100, |_| Duration::ZERO), 4 * SECOND);
    playout.reset();
    assert_eq!(playout.figures(), AudioFigures::default());
    playout.advance(4 * SECOND + 30 * MS);
    assert_eq!(playout.figures().longest_gap, 3);
}

#[test]
fn a_buffer_that_is_full_begins_anew() {
    let arrivals: Vec<_> = (0..1000)
        .map(|frame| (frame, Duration::ZERO, Origin::Primary))
        .collect();
    let playout = play(&arrivals, Duration::ZERO);
    assert!(playout.buffer.len() <= MAX_BUFFER);
}

proptest! {
    /// Whatever comes, every step is either played or concealed, and none is invented.
    #[test]
    fn time_is_accounted_for(
        arrivals in prop::collection::vec((0_u32..400, 0_u64..8_000, any::<bool>()), 1..500),
    ) {
        let arrivals: Vec<_> = arrivals
            .into_iter()
            .map(|(frame, at, primary)| {
                let origin = if primary { Origin::Primary } else { Origin::Repaired };
                (frame, Duration::from_millis(at), origin)
            })
            .collect();
        let first = arrivals.iter().map(|(_, at, _)| *at).min().unwrap_or_default();
        let figures = play(&arrivals, 9 * SECOND).figures();
        let steps = (9 * SECOND - first).as_millis() as u64 / 10;
        prop_assert_eq!(figures.steps, steps);
        prop_assert!(figures.concealed <= figures.steps);
        prop_assert!(figures.longest_gap <= figures.concealed);
    }
}
