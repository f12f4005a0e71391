//! `cargo test --lib congestion::tests -- --nocapture` prints the figures. `FIRSTBELL_SEEDS=200` in
//! front of it runs that many seeds instead of a few.

use super::link::{Link, Loss};
use super::loss_flow::LossFlow;
use super::media_flow::{FlowConfig, MediaFlow};
use super::{run, run_from};
use crate::congestion::FeedbackKind;

const LAYERS: &[f64] = &[150e3, 500e3, 1_500e3];

fn seeds() -> std::ops::Range<u64> {
    let wanted = std::env::var("FIRSTBELL_SEEDS").ok();
    0..wanted.and_then(|count| count.parse().ok()).unwrap_or(2)
}

fn config(seed: u64) -> FlowConfig {
    FlowConfig {
        start_us: 0,
        delay_us: 25_000,
        video_bps: 5e6,
        layers: &[],
        feedback: FeedbackKind::TransportWide,
        feedback_loss: 0.0,
        seed,
    }
}

/// Bytes that take so long at this rate.
fn queue(bps: f64, ms: f64) -> usize {
    (bps * ms / 8e3) as usize
}

/// 3 Mbit/s, from 15 s on 0.5 Mbit/s, from 30 s on 3 Mbit/s again.
fn variable_capacity(name: &str, config: FlowConfig, queue_limit: usize) -> MediaFlow {
    let schedule = [(0.0, 3e6), (15.0, 0.5e6), (30.0, 3e6)];
    let mut link = Link::new(&schedule, queue_limit, Loss::None, config.seed);
    let mut media = [MediaFlow::new(config)];
    run(45.0, &mut link, &mut media, &mut []);
    let [flow] = media;
    let p95 = flow.wait_ms(0.0, 45.0, 0.95);
    let long = link.waiting_over(300_000);
    let below = flow.first(15.0, |bps| bps < 0.5e6);
    println!(
        "variable capacity, {name}, seed {}: queueing p95 {p95:.0} ms, over 300 ms {:.1} % of the \
         time, below 0.5 Mbit/s after {below:.1} s, at 2.7 Mbit/s {:.1} s after the rise, \
         arriving {:.0}/{:.0}/{:.0} kbit/s, padding {} kB",
        config.seed,
        long * 100.0,
        flow.first(30.0, |bps| bps >= 2.7e6),
        flow.goodput(5.0, 15.0) / 1e3,
        flow.goodput(18.0, 30.0) / 1e3,
        flow.goodput(40.0, 45.0) / 1e3,
        flow.padding_bytes / 1000,
    );
    assert!(p95 <= 300.0, "{p95}");
    assert!(long <= 0.05, "{long}");
    assert!(below <= 2.0, "{below}");
    flow
}

#[test]
fn a_drop_is_followed_at_once_and_the_rise_within_ten_seconds() {
    for seed in seeds() {
        for (name, limit) in [
            ("300 ms at 0.5 Mbit/s", queue(0.5e6, 300.0)),
            ("300 ms at 3 Mbit/s", queue(3e6, 300.0)),
            ("1 s at 3 Mbit/s", queue(3e6, 1_000.0)),
        ] {
            let flow = variable_capacity(name, config(seed), limit);
            let back = flow.first(30.0, |bps| bps >= 2.7e6);
            assert!(back <= 10.0, "{back}");
            assert!(flow.goodput(18.0, 30.0) > 0.4e6);
        }
    }
}

#[test]
fn rfc_8888_feedback_does_as_well() {
    for seed in seeds() {
        let feedback = FeedbackKind::CongestionControl;
        let config = FlowConfig {
            feedback,
            ..config(seed)
        };
        let flow = variable_capacity("RFC 8888", config, queue(3e6, 300.0));
        let back = flow.first(30.0, |bps| bps >= 2.7e6);
        assert!(back <= 10.0, "{back}");
    }
}

#[test]
fn lost_feedback_is_no_congestion() {
    for seed in seeds() {
        let config = FlowConfig {
            feedback_loss: 0.1,
            ..config(seed)
        };
        let flow = variable_capacity("10 % of feedback lost", config, queue(3e6, 300.0));
        let back = flow.first(30.0, |bps| bps >= 2.7e6);
        assert!(back <= 10.0, "{back}");
        assert!(flow.goodput(5.0, 15.0) > 2e6);
    }
}

/// A radio link that hands over nothing for a while, again and again.
#[test]
fn stalls_of_a_radio_link_are_borne() {
    for seed in seeds() {
        let stall = |at: u32| {
            let from = 2.0 + 2.0 * f64::from(at) + 0.1 * seed as f64;
            [(from, 10e3), (from + 0.1, 3e6)]
        };
        let mut schedule = vec![(0.0, 3e6)];
        schedule.extend((0..28).flat_map(stall));
        let mut link = Link::new(&schedule, queue(3e6, 1_000.0), Loss::None, seed);
        let mut media = [MediaFlow::new(config(seed))];
        run(58.0, &mut link, &mut media, &mut []);
        let [flow] = media;
        let arriving = flow.goodput(5.0, 58.0);
        println!(
            "stalls of 100 ms every 2 s, seed {seed}: {:.0} kbit/s, lowest estimate {:.0}, queueing \
             p95 {:.0} ms",
            arriving / 1e3,
            flow.lowest_target(5.0, 58.0) / 1e3,
            flow.wait_ms(0.0, 58.0, 0.95),
        );
        assert!(arriving >= 1e6, "{arriving}");
    }
}

#[test]
fn layers_come_back_though_the_lower_one_does_not_fill_the_line() {
    for seed in seeds() {
        let config = FlowConfig {
            layers: LAYERS,
            video_bps: 1_500e3,
            ..config(seed)
        };
        let flow = variable_capacity("three layers", config, queue(3e6, 300.0));
        assert!(flow.goodput(5.0, 15.0) > 1.4e6);
        let low = flow.goodput(20.0, 30.0);
        assert!((0.15e6..0.5e6).contains(&low), "{low}");
        let back = flow.first(30.0, |bps| bps >= 1.6e6);
        assert!(back <= 10.0, "{back}");
    }
}

#[test]
fn losses_that_are_the_paths_own_do_not_collapse_it() {
    let bursts = Loss::GilbertElliott {
        enter: 0.01,
        leave: 0.2,
        lost: 0.8,
    };
    for seed in seeds() {
        for (name, loss, least) in [
            ("5 % random", Loss::Random(0.05), 1.8e6),
            ("10 % random", Loss::Random(0.1), 1e6),
            ("4 % in bursts", bursts, 1.8e6),
        ] {
            let mut link = Link::new(&[(0.0, 3e6)], queue(3e6, 300.0), loss, seed);
            let mut media = [MediaFlow::new(config(seed))];
            run(60.0, &mut link, &mut media, &mut []);
            let [flow] = media;
            let mean = flow.mean_target(10.0, 60.0);
            println!(
                "{name}, seed {seed}: estimate {:.0} kbit/s, lowest {:.0}, arriving {:.0}, \
                 queueing p95 {:.0} ms",
                mean / 1e3,
                flow.lowest_target(10.0, 60.0) / 1e3,
                flow.goodput(10.0, 60.0) / 1e3,
                flow.wait_ms(0.0, 60.0, 0.95),
            );
            assert!(mean >= least, "{mean}");
        }
    }
}

#[test]
fn a_narrow_line_is_not_filled_and_is_used_when_it_opens() {
    for seed in seeds() {
        for (name, limit) in [("1 s", queue(60e3, 1_000.0)), ("3 s", queue(60e3, 3_000.0))] {
            let schedule = [(0.0, 60e3), (40.0, 1e6)];
            let mut link = Link::new(&schedule, limit, Loss::None, seed);
            let mut media = [MediaFlow::new(config(seed))];
            run(60.0, &mut link, &mut media, &mut []);
            let [flow] = media;
            let mean = flow.mean_target(10.0, 40.0);
            let p95 = flow.wait_ms(10.0, 40.0, 0.95);
            let back = flow.first(40.0, |bps| bps >= 0.9e6);
            println!(
                "60 kbit/s with a queue of {name}, seed {seed}: estimate {:.0} kbit/s, queueing \
                 p50 {:.0} p95 {p95:.0} ms, at 0.9 Mbit/s {back:.1} s after it opens",
                mean / 1e3,
                flow.wait_ms(10.0, 40.0, 0.5),
            );
            assert!((40e3..60e3).contains(&mean), "{mean}");
            assert!(p95 <= 100.0, "{p95}");
            assert!(back <= 10.0, "{back}");
        }
    }
}

/// Two flows for two minutes on 3 Mbit/s; gives the ratio of what arrived from 40 s on.
fn share(name: &str, seed: u64, delays_us: [i64; 2], starts_us: [i64; 2]) -> f64 {
    let mut link = Link::new(&[(0.0, 3e6)], queue(3e6, 300.0), Loss::None, seed);
    let mut media = [0, 1].map(|at| {
        MediaFlow::new(FlowConfig {
            delay_us: delays_us[at],
            start_us: starts_us[at],
            ..config(2 * seed + at as u64)
        })
    });
    run(120.0, &mut link, &mut media, &mut []);
    let [first, second] = media.map(|flow| flow.goodput(40.0, 120.0));
    println!(
        "two flows, {name}, seed {seed}: {:.0} and {:.0} kbit/s, over 300 ms of queue {:.1} % of \
         the time",
        first / 1e3,
        second / 1e3,
        link.waiting_over(300_000) * 100.0,
    );
    assert!(first + second > 2.2e6);
    (first / second).max(second / first)
}

#[test]
fn two_flows_share_a_line() {
    for seed in seeds() {
        let same = [25_000, 25_000];
        for (name, starts) in [
            ("at once", [0, 0]),
            ("one after the other", [0, 10_000_000]),
        ] {
            let ratio = share(name, seed, same, starts);
            assert!(ratio <= 2.0, "{ratio}");
        }
    }
}

#[test]
fn a_longer_round_trip_is_no_great_disadvantage() {
    for seed in seeds() {
        for (name, starts) in [
            ("100 and 20 ms", [0, 0]),
            ("100 ms later than 20 ms", [10_000_000, 0]),
        ] {
            let ratio = share(name, seed, [50_000, 10_000], starts);
            assert!(ratio <= 3.0, "{ratio}");
        }
    }
}

#[test]
fn a_transfer_that_fills_the_queue_does_not_starve_it() {
    for seed in seeds() {
        let mut link = Link::new(&[(0.0, 3e6)], queue(3e6, 300.0), Loss::None, seed);
        let mut media = [MediaFlow::new(config(seed))];
        let mut others = [LossFlow::new(10_000_000, 25_000)];
        run(90.0, &mut link, &mut media, &mut others);
        let [flow] = media;
        let arriving = flow.goodput(30.0, 90.0);
        println!(
            "against a transfer, seed {seed}: {:.0} and {:.0} kbit/s, lowest estimate {:.0}",
            arriving / 1e3,
            others[0].goodput(30.0, 90.0) / 1e3,
            flow.lowest_target(30.0, 90.0) / 1e3,
        );
        assert!(arriving >= 0.3e6, "{arriving}");
    }
}

#[test]
fn sound_alone_neither_raises_nor_lowers_what_was_probed() {
    for seed in seeds() {
        let mut link = Link::new(&[(0.0, 3e6)], queue(3e6, 300.0), Loss::None, seed);
        let mut media = [MediaFlow::new(config(seed))];
        run(5.0, &mut link, &mut media, &mut []);
        media[0].want(0.0);
        // A probe may be under way.
        run_from(5.0, 6.0, &mut link, &mut media, &mut []);
        let probed = media[0].target_at(6.0);
        let padding = media[0].padding_bytes;
        run_from(6.0, 65.0, &mut link, &mut media, &mut []);
        let [flow] = media;
        let (lowest, highest) = (
            flow.lowest_target(6.0, 65.0),
            flow.highest_target(6.0, 65.0),
        );
        println!(
            "sound alone, seed {seed}: {:.0} kbit/s at first, then {:.0} to {:.0}",
            probed / 1e3,
            lowest / 1e3,
            highest / 1e3,
        );
        assert!(lowest > 0.95 * probed && highest < 1.05 * probed);
        assert_eq!(flow.padding_bytes, padding, "nobody wants more");
    }
}

#[test]
fn sound_alone_from_the_start_stays_at_the_start() {
    let mut link = Link::new(&[(0.0, 3e6)], queue(3e6, 300.0), Loss::None, 1);
    let config = FlowConfig {
        video_bps: 0.0,
        ..config(1)
    };
    let mut media = [MediaFlow::new(config)];
    run(60.0, &mut link, &mut media, &mut []);
    let [flow] = media;
    assert!(flow.lowest_target(0.0, 60.0) >= 300e3);
    assert!(flow.highest_target(0.0, 60.0) <= 320e3);
    assert_eq!(flow.padding_bytes, 0);
}
