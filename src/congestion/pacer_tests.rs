use super::*;
use proptest::prelude::*;

const FRAME: [usize; 5] = [1_200; 5];

fn offer(
    pacer: &mut Pacer<u32>,
    now_us: i64,
    item: u32,
    bytes: usize,
    class: PacketClass,
) -> Admit {
    let admit = pacer.admit(now_us, bytes, class);
    if admit == Admit::Queue {
        pacer.push(item, bytes, class);
    }
    admit
}

fn drain(pacer: &mut Pacer<u32>, now_us: i64) -> Vec<u32> {
    std::iter::from_fn(|| pacer.release(now_us)).collect()
}

#[test]
fn a_frame_leaves_at_once_when_the_line_is_wide() {
    let mut pacer = Pacer::new(0, 1_500_000.0);
    for frame in 0..100 {
        for bytes in FRAME {
            let admit = offer(&mut pacer, frame * 40_000, 0, bytes, PacketClass::Video);
            assert_eq!(admit, Admit::Now);
        }
    }
    assert_eq!(pacer.poll_timeout_us(), None);
}

#[test]
fn a_keyframe_is_spread_at_the_pacing_rate_in_batches() {
    let mut pacer = Pacer::new(0, 500_000.0);
    let mut sent = 0;
    for packet in 0..25 {
        match offer(&mut pacer, 0, packet, 1_200, PacketClass::Video) {
            Admit::Now => sent += 1,
            Admit::Queue => {}
            Admit::Refuse => panic!("25 packets are 240 ms"),
        }
    }
    // 40 ms at 1.25 Mbit/s, and the packet that crosses it.
    assert_eq!(sent, 6);
    let (mut released, mut wakeups, mut now) = (Vec::new(), 0, 0);
    while let Some(due) = pacer.poll_timeout_us() {
        now = due;
        wakeups += 1;
        released.extend(drain(&mut pacer, now));
    }
    assert_eq!(released, (6..25).collect::<Vec<_>>());
    assert!((130_000..160_000).contains(&now), "{now}");
    assert!(wakeups <= 19, "{wakeups}");
}

#[test]
fn audio_never_waits_and_the_rest_goes_by_class() {
    let mut pacer = Pacer::new(0, 500_000.0);
    let mut offered = 0;
    while offer(&mut pacer, 0, 0, 1_200, PacketClass::Video) == Admit::Now {
        offered += 1;
    }
    assert!(offered > 0);
    assert_eq!(
        offer(&mut pacer, 0, 1, 100, PacketClass::Padding),
        Admit::Queue
    );
    assert_eq!(
        offer(&mut pacer, 0, 2, 1_200, PacketClass::Video),
        Admit::Queue
    );
    let again = offer(&mut pacer, 0, 3, 1_200, PacketClass::Retransmission);
    assert_eq!(again, Admit::Queue);
    assert_eq!(offer(&mut pacer, 0, 9, 160, PacketClass::Audio), Admit::Now);
    // New video does not overtake.
    assert_eq!(
        offer(&mut pacer, 60_000, 4, 1_200, PacketClass::Video),
        Admit::Queue
    );
    // A retransmission overtakes video, not another.
    let overtaken = offer(&mut pacer, 60_000, 5, 1_200, PacketClass::Retransmission);
    assert_eq!(overtaken, Admit::Queue);
    assert_eq!(drain(&mut pacer, 200_000), [3, 5, 0, 2, 4, 1]);
    assert!(pacer.is_empty() && pacer.queue_micros() == 0);
}

#[test]
fn padding_goes_only_when_nothing_is_owed() {
    let mut pacer: Pacer<u32> = Pacer::new(0, 1e6);
    assert_eq!(pacer.admit(0, 1_000, PacketClass::Padding), Admit::Now);
    assert_eq!(pacer.admit(0, 1_000, PacketClass::Padding), Admit::Queue);
    assert_eq!(
        pacer.admit(3_199, 1_000, PacketClass::Padding),
        Admit::Queue
    );
    assert_eq!(pacer.admit(3_200, 1_000, PacketClass::Padding), Admit::Now);
}

#[test]
fn a_queue_longer_than_the_line_can_take_is_refused() {
    let mut pacer = Pacer::new(0, 500_000.0);
    let refused = (0..100)
        .map(|item| offer(&mut pacer, 0, item, 1_200, PacketClass::Video))
        .position(|admit| admit == Admit::Refuse);
    // 300 ms at 1.25 Mbit/s behind the burst.
    assert_eq!(refused, Some(6 + 39));
    assert!(pacer.queue_micros() <= MAX_QUEUE_MICROS);
    pacer.retain(|item| item % 2 == 0);
    assert_eq!(
        offer(&mut pacer, 0, 0, 1_200, PacketClass::Video),
        Admit::Queue
    );
    // A lower target makes what waits longer, a higher one shorter.
    let before = pacer.queue_micros();
    pacer.set_target(0, 1_000_000.0);
    assert_eq!(pacer.queue_micros(), before / 2);
    assert_eq!(pacer.admit(0, 160, PacketClass::Audio), Admit::Now);
}

#[test]
fn a_long_pause_is_no_credit() {
    let mut pacer = Pacer::new(0, 500_000.0);
    let sent = (0..50)
        .take_while(|_| pacer.admit(60_000_000, 1_200, PacketClass::Video) == Admit::Now)
        .count();
    assert_eq!(sent, 6);
    pacer.push(7, 1_200, PacketClass::Video);
    assert_eq!(pacer.release(0), None, "time does not go back");
}

proptest! {
    /// Whatever is offered: the queue is bounded, nothing is lost or doubled, each class stays in
    /// order, and over any time no more goes than the rate, a burst and one packet.
    #[test]
    fn budget_bounds_and_order_hold(
        target in 10_000.0..5e6f64,
        steps in proptest::collection::vec((0..30_000i64, 40..1_400usize, 0..4usize), 1..400),
    ) {
        let classes = [
            PacketClass::Audio,
            PacketClass::Retransmission,
            PacketClass::Video,
            PacketClass::Padding,
        ];
        let mut pacer = Pacer::new(0, target);
        let (mut now, mut paced_bits) = (0, 0.0);
        let mut queued = Vec::new();
        let mut released = Vec::new();
        for (item, (wait, bytes, class)) in steps.into_iter().enumerate() {
            now += wait;
            let class = classes[class];
            while let Some((item, bytes, class)) = pacer.release(now) {
                paced_bits += bytes as f64 * 8.0;
                released.push((class, item));
            }
            match pacer.admit(now, bytes, class) {
                Admit::Now => {
                    if class != PacketClass::Audio {
                        paced_bits += bytes as f64 * 8.0;
                    }
                }
                Admit::Queue => {
                    pacer.push((item, bytes, class), bytes, class);
                    queued.push((class, item));
                }
                Admit::Refuse => prop_assert!(!pacer.fits(bytes)),
            }
            prop_assert!(pacer.len() <= MAX_QUEUED);
            prop_assert!(pacer.queue_micros() <= MAX_QUEUE_MICROS + 1);
            let rate = pacing_rate(target);
            let most = rate * (now as f64 + BURST_MICROS) + 1_400.0 * 8.0;
            prop_assert!(paced_bits <= most + 1.0, "{paced_bits} {most}");
        }
        while let Some((item, _, class)) = pacer.release_next() {
            released.push((class, item));
        }
        for class in classes {
            let of = |list: &[(PacketClass, usize)]| -> Vec<usize> {
                list.iter().filter(|(it, _)| *it == class).map(|(_, item)| *item).collect()
            };
            prop_assert_eq!(of(&released), of(&queued));
        }
    }
}
