use proptest::prelude::*;

use super::*;
use crate::loss::Loss;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Sends packets of these sizes, so long after each other, and gives their fates with the times
/// they were sent.
fn run(link: &mut Link, packets: &[(Duration, usize)]) -> Vec<(Duration, Fate)> {
    let mut now = Duration::ZERO;
    packets
        .iter()
        .map(|(gap, len)| {
            now += *gap;
            (now, link.send(now, *len))
        })
        .collect()
}

fn traffic() -> impl Strategy<Value = Vec<(Duration, usize)>> {
    let packet = (0_u64..30_000, 40_usize..1_400);
    let packet = packet.prop_map(|(gap, len)| (Duration::from_micros(gap), len));
    prop::collection::vec(packet, 1..400)
}

fn shape() -> impl Strategy<Value = Shape> {
    let rate = prop::option::of(50_000_u64..5_000_000);
    let queue = prop_oneof![
        Just(Queue::Unlimited),
        (0_u64..500).prop_map(|ms| Queue::Time(Duration::from_millis(ms))),
        (0_u64..100_000).prop_map(Queue::Bytes),
    ];
    let loss = prop_oneof![
        Just(Loss::None),
        (0.0..0.5_f64).prop_map(|share| Loss::Random { share }),
        (0.0..0.5_f64, 1.0..5.0_f64).prop_map(|(share, burst)| Loss::gilbert(share, burst)),
    ];
    let times = (0_u64..200, 0_u64..50, any::<bool>());
    let shares = (0.0..0.2_f64, 0.0..0.2_f64, 0_usize..60);
    (rate, queue, loss, times, shares).prop_map(
        |(rate, queue, loss, (delay, jitter, jitter_reorders), (reorder, duplicate, overhead))| {
            Shape {
                rate,
                queue,
                overhead,
                delay: Duration::from_millis(delay),
                jitter: Duration::from_millis(jitter),
                jitter_reorders,
                loss,
                reorder,
                reorder_by: 30 * MS,
                duplicate,
            }
        },
    )
}

#[test]
fn an_ideal_link_is_none() {
    let mut link = Link::new(1, Schedule::constant(Shape::IDEAL));
    for (sent, fate) in run(&mut link, &[(MS, 1200); 100]) {
        let at = Arrivals {
            first: sent,
            copy: None,
        };
        let queued = Duration::ZERO;
        assert_eq!(fate, Fate::Arrives { at, queued });
    }
}

#[test]
fn a_burst_waits_in_line_and_the_tail_is_dropped() {
    // 1,000 bytes a millisecond; a packet of 1,000 takes one.
    let shape = Shape::limited(8_000_000, 3 * MS, 20 * MS);
    let mut link = Link::new(
        1,
        Schedule::constant(Shape {
            overhead: 0,
            ..shape
        }),
    );
    let fates = [(); 6].map(|()| link.send(SECOND, 1000));
    for (place, fate) in (0..4).zip(fates) {
        assert_eq!(fate.queued(), Some(place * MS));
        let arrivals: Vec<_> = fate.arrivals().collect();
        assert_eq!(arrivals, [SECOND + (place + 21) * MS]);
    }
    assert_eq!(fates[4..], [Fate::Dropped; 2]);
    assert_eq!(link.queue_delay(SECOND + MS), 3 * MS);
    assert!(link.send(SECOND + 2 * MS, 1000).queued().is_some());
    let counters = link.counters();
    assert_eq!((counters.offered, counters.delivered), (7, 5));
    assert_eq!((counters.dropped, counters.delivered_bytes), (2, 5000));
}

#[test]
fn a_queue_of_bytes_holds_so_many() {
    let shape = Shape {
        rate: Some(8_000),
        queue: Queue::Bytes(2_500),
        ..Shape::IDEAL
    };
    let mut link = Link::new(1, Schedule::constant(shape));
    let fates = [1000, 1000, 1000, 500].map(|len| link.send(SECOND, len));
    assert_eq!(fates[2], Fate::Dropped);
    assert_eq!(fates[3].queued(), Some(2 * SECOND));
    // A packet longer than the queue passes an empty one.
    assert_eq!(link.send(20 * SECOND, 5_000).queued(), Some(Duration::ZERO));
}

#[test]
fn a_slower_line_empties_its_queue_slower() {
    let line = |rate| Shape::limited(rate, SECOND, Duration::ZERO);
    let mut link = Link::new(1, Schedule::constant(line(800_000)));
    // A tenth of a second's worth.
    for _ in 0..10 {
        link.send(Duration::ZERO, 1000 - Shape::UDP_OVERHEAD);
    }
    let now = 50 * MS;
    link.reschedule(now, Schedule::constant(line(80_000)));
    assert_eq!(link.queue_delay(now), 500 * MS, "half of it at a tenth");
    assert_eq!(link.shape(now).rate, Some(80_000));
    link.reschedule(now, Schedule::constant(Shape::IDEAL));
    assert_eq!(link.queue_delay(now), Duration::ZERO);
}

#[test]
fn a_closed_line_drops_what_it_will_never_send() {
    let shape = Shape {
        rate: Some(0),
        ..Shape::IDEAL
    };
    let mut link = Link::new(1, Schedule::constant(shape));
    assert_eq!(link.send(SECOND, 100), Fate::Dropped);
    let opens = Schedule::constant(shape).then(2 * SECOND, Shape::IDEAL);
    link.reschedule(SECOND, opens);
    assert_eq!(link.send(SECOND, 100).arrivals().next(), Some(2 * SECOND));
}

proptest! {
    #[test]
    fn the_rate_is_kept(seed: u64, shape in shape(), packets in traffic()) {
        let shape = Shape { jitter: Duration::ZERO, reorder: 0.0, duplicate: 0.0, ..shape };
        let Some(rate) = shape.rate else { return Ok(()) };
        let mut link = Link::new(seed, Schedule::constant(shape));
        let mut arrived: Vec<(Duration, usize)> = run(&mut link, &packets)
            .iter()
            .zip(&packets)
            .flat_map(|((_, fate), (_, len))| fate.arrivals().map(|at| (at, *len)))
            .collect();
        arrived.sort_unstable();
        // From the end of any packet on, those after it fit the rate. (The longest prefix and
        // all its tails: every pair would be as many as packets squared.)
        for from in [0, arrived.len() / 3, arrived.len() / 2] {
            let mut bits = 0;
            for (at, len) in arrived.iter().skip(from + 1) {
                bits += (len + shape.overhead) as u64 * 8;
                let took = (*at - arrived[from].0).as_nanos();
                let least = u128::from(bits) * 1_000_000_000 / u128::from(rate);
                prop_assert!(took + 1 >= least, "{bits} bits in {took} ns");
            }
        }
    }

    #[test]
    fn nothing_is_lost_where_nothing_may_be(seed: u64, shape in shape(), packets in traffic()) {
        let shape = Shape { loss: Loss::None, queue: Queue::Unlimited, ..shape };
        let mut link = Link::new(seed, Schedule::constant(shape));
        for (sent, fate) in run(&mut link, &packets) {
            let mut arrivals = fate.arrivals();
            prop_assert!(arrivals.next().is_some_and(|at| at >= sent + shape.delay));
        }
        let counters = link.counters();
        prop_assert_eq!(counters.delivered, packets.len() as u64);
        prop_assert_eq!((counters.dropped, counters.lost), (0, 0));
    }

    #[test]
    fn order_is_kept_without_reordering(seed: u64, shape in shape(), packets in traffic()) {
        let shape = Shape { reorder: 0.0, jitter_reorders: false, ..shape };
        let mut link = Link::new(seed, Schedule::constant(shape));
        let mut latest = Duration::ZERO;
        for (_, fate) in run(&mut link, &packets) {
            if let Fate::Arrives { at, .. } = fate {
                prop_assert!(at.first >= latest);
                prop_assert!(at.copy.is_none_or(|copy| copy >= at.first));
                latest = at.first;
            }
        }
    }

    #[test]
    fn no_packet_waits_longer_than_the_queue_holds(
        seed: u64, shape in shape(), packets in traffic(), longest in 0_u64..300,
    ) {
        let longest = Duration::from_millis(longest);
        let shape = Shape { queue: Queue::Time(longest), ..shape };
        let mut link = Link::new(seed, Schedule::constant(shape));
        for (sent, fate) in run(&mut link, &packets) {
            prop_assert!(fate.queued().is_none_or(|queued| queued <= longest));
            for at in fate.arrivals() {
                let rate = shape.rate.unwrap_or(u64::MAX) as f64;
                let sending = Duration::from_secs_f64(1_500.0 * 8.0 / rate);
                let most = longest + sending + shape.delay + shape.jitter + shape.reorder_by;
                prop_assert!(at <= sent + most);
            }
        }
    }

    #[test]
    fn every_packet_is_counted_once(seed: u64, shape in shape(), packets in traffic()) {
        let mut link = Link::new(seed, Schedule::constant(shape));
        let fates = run(&mut link, &packets);
        let counters = link.counters();
        prop_assert_eq!(counters.offered, packets.len() as u64);
        prop_assert_eq!(
            counters.offered,
            counters.delivered + counters.dropped + counters.lost
        );
        let arrivals = fates.iter().flat_map(|(_, fate)| fate.arrivals()).count() as u64;
        prop_assert_eq!(arrivals, counters.delivered + counters.duplicated);
    }

    #[test]
    fn a_run_is_its_seed(seed: u64, shape in shape(), packets in traffic()) {
        let mut again = Link::new(seed, Schedule::constant(shape));
        let mut link = Link::new(seed, Schedule::constant(shape));
        prop_assert_eq!(run(&mut link, &packets), run(&mut again, &packets));
    }

    /// What is lost on a line does not depend on its rate: figures stay comparable.
    #[test]
    fn dice_fall_the_same_at_any_rate(seed: u64, shape in shape(), packets in traffic()) {
        let run_at = |rate| {
            let shape = Shape { rate, queue: Queue::Unlimited, ..shape };
            let fates = run(&mut Link::new(seed, Schedule::constant(shape)), &packets);
            fates.iter().map(|(_, fate)| matches!(fate, Fate::Lost { .. })).collect::<Vec<_>>()
        };
        prop_assert_eq!(run_at(None), run_at(Some(100_000)));
    }
}
