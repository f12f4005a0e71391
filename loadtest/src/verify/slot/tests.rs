//! The verifier against streams that are right, and against every kind of wrong one.

use super::*;
use crate::client::rtp::RtpHead;
use crate::client::vp8::DESCRIPTOR_LEN;

const ME: Identity = Identity {
    room: 1,
    client: 10,
};
const PACKETS_PER_FRAME: u32 = 2;

/// One packet on its way to a slot; tests break it before it is received.
#[derive(Clone)]
struct Sent {
    sequence: u16,
    timestamp: u32,
    media: Vec<u8>,
}

/// A node that forwards publishers onto one slot, as it should be.
struct Egress {
    kind: Kind,
    sequence: u16,
    timestamp: u32,
    picture_id: u16,
}

struct Publisher {
    client: u32,
    room: u32,
    counter: u32,
}

impl Publisher {
    fn new(client: u32) -> Self {
        Self {
            client,
            room: ME.room,
            counter: 0,
        }
    }
}

impl Egress {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            sequence: 65_500,
            timestamp: u32::MAX - 5000,
            picture_id: 32_760,
        }
    }

    fn frame(&mut self, from: &mut Publisher, keyframe: bool) -> Vec<Sent> {
        let packets = if self.kind == Kind::Audio {
            1
        } else {
            PACKETS_PER_FRAME
        };
        self.timestamp = self.timestamp.wrapping_add(3000);
        self.picture_id = (self.picture_id + 1) % PICTURE_ID_MODULUS;
        (0..packets)
            .map(|index| self.packet(from, keyframe, index == 0))
            .collect()
    }

    fn packet(&mut self, from: &mut Publisher, keyframe: bool, first: bool) -> Sent {
        let mut media = Vec::new();
        let mut prefix = Vec::new();
        if self.kind == Kind::Video {
            let descriptor = Descriptor {
                starts_frame: first,
                picture_id: self.picture_id,
                tl0_pic_idx: 0,
                temporal_id: 0,
            };
            descriptor.write(&mut media);
            if first {
                let header = if keyframe {
                    FrameHeader::Keyframe {
                        width: 640,
                        height: 360,
                    }
                } else {
                    FrameHeader::Delta
                };
                header.write(500, &mut prefix);
            }
        }
        media.extend_from_slice(&prefix);
        let stamp = Stamp {
            kind: self.kind,
            room: from.room,
            publisher: from.client,
            counter: from.counter,
            sent_us: 0,
        };
        payload::write(&stamp, &prefix, 120, &mut media);
        from.counter += 1;
        self.sequence = self.sequence.wrapping_add(1);
        Sent {
            sequence: self.sequence,
            timestamp: self.timestamp,
            media,
        }
    }
}

struct Receiver {
    slot: SlotVerifier,
    faults: Faults,
    now: Instant,
}

impl Receiver {
    fn new(kind: Kind, shown: u32) -> Self {
        let now = Instant::now();
        let mut slot = SlotVerifier::new(now, ME, kind);
        let mut faults = Faults::default();
        slot.set_mapping(now, Some(shown), &mut faults);
        Self { slot, faults, now }
    }

    fn take(&mut self, sent: &Sent) -> Verdict {
        let mut bytes = Vec::new();
        let head = RtpHead {
            marker: false,
            payload_type: 96,
            sequence: sent.sequence,
            timestamp: sent.timestamp,
            ssrc: 1,
        };
        head.write(&[], &mut bytes);
        bytes.extend_from_slice(&sent.media);
        let packet = Rtp::read(&bytes).unwrap();
        self.slot.receive(
            self.now,
            &packet,
            packet.sequence,
            packet.payload,
            &mut self.faults,
        )
    }

    fn take_all(&mut self, sent: &[Sent]) {
        for sent in sent {
            self.take(sent);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.slot.advance(self.now, false, &mut self.faults);
    }

    fn settle(mut self) -> Faults {
        self.wait(GRACE * 3);
        self.slot.finish(self.now, &mut self.faults);
        self.faults
    }
}

fn only(fault: Fault, count: u64) -> Faults {
    let mut faults = Faults::default();
    faults.add_many(fault, count);
    faults
}

fn lost(count: u64) -> Faults {
    let mut faults = Faults::default();
    faults.lost = count;
    faults
}

#[test]
fn good_streams_with_switches_have_no_fault() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut egress = Egress::new(kind);
        let mut receiver = Receiver::new(kind, 1);
        let mut publishers = [Publisher::new(1), Publisher::new(2)];
        for turn in 0..6 {
            let publisher = &mut publishers[turn % 2];
            let shown = Some(publisher.client);
            receiver
                .slot
                .set_mapping(receiver.now, shown, &mut receiver.faults);
            for frame in 0..20 {
                let mut sent = egress.frame(publisher, frame == 0);
                // Reordering within a frame is no fault, but a stream begins with its beginning.
                if (turn, frame) != (0, 0) {
                    sent.reverse();
                }
                receiver.take_all(&sent);
                receiver.wait(Duration::from_millis(40));
            }
            // While it is away its publisher goes on.
            publisher.counter += 500;
        }
        assert_eq!(receiver.slot.switches, 6);
        assert_eq!(receiver.settle(), Faults::default(), "{kind:?}");
    }
}

#[test]
fn the_same_source_may_come_back_to_its_slot() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut egress = Egress::new(kind);
        let mut receiver = Receiver::new(kind, 1);
        let mut publisher = Publisher::new(1);
        receiver.take_all(&egress.frame(&mut publisher, true));
        receiver
            .slot
            .set_mapping(receiver.now, None, &mut receiver.faults);
        receiver.wait(Duration::from_secs(10));
        publisher.counter += 500;
        receiver
            .slot
            .set_mapping(receiver.now, Some(1), &mut receiver.faults);
        receiver.take_all(&egress.frame(&mut publisher, true));
        assert_eq!(receiver.settle(), Faults::default(), "{kind:?}");
    }
}

#[test]
fn every_changed_bit_of_the_media_is_corruption() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut egress = Egress::new(kind);
        let mut publisher = Publisher::new(1);
        let sent = egress.frame(&mut publisher, true).remove(0);
        let guarded = if kind == Kind::Video {
            DESCRIPTOR_LEN
        } else {
            0
        };
        for bit in guarded * 8..sent.media.len() * 8 {
            let mut broken = sent.clone();
            broken.media[bit / 8] ^= 1 << (bit % 8);
            let mut receiver = Receiver::new(kind, 1);
            assert!(
                matches!(receiver.take(&broken), Verdict::Faulty(_)),
                "{kind:?} {bit}"
            );
            assert_eq!(
                receiver
                    .faults
                    .sum(super::super::fault::FaultClass::Corrupted),
                1
            );
        }
    }
}

#[test]
fn a_missing_packet_is_lost_and_a_recovered_one_is_not() {
    for kind in [Kind::Audio, Kind::Video] {
        for recovered in [false, true] {
            let mut egress = Egress::new(kind);
            let mut receiver = Receiver::new(kind, 1);
            let mut publisher = Publisher::new(1);
            let mut sent: Vec<Sent> = (0..40)
                .flat_map(|frame| egress.frame(&mut publisher, frame == 0))
                .collect();
            let missing = sent.remove(21);
            receiver.take_all(&sent);
            receiver.wait(Duration::from_millis(50));
            let mut nacks = Vec::new();
            receiver.slot.nacks(receiver.now, &mut nacks);
            assert_eq!(nacks, [missing.sequence]);
            if recovered {
                receiver.take(&missing);
            }
            let expected = lost(u64::from(!recovered));
            assert_eq!(receiver.settle(), expected);
        }
    }
}

#[test]
fn a_loss_hidden_by_renumbering_is_still_a_loss() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut egress = Egress::new(kind);
        let mut receiver = Receiver::new(kind, 1);
        let mut publisher = Publisher::new(1);
        receiver.take_all(&egress.frame(&mut publisher, true));
        receiver.wait(GRACE * 3);
        publisher.counter += 3;
        receiver.take_all(&egress.frame(&mut publisher, false));
        assert_eq!(receiver.settle(), lost(3));
    }
}

#[test]
fn wrong_sources_are_misrouted() {
    for kind in [Kind::Audio, Kind::Video] {
        let run = |mut publisher: Publisher| {
            let mut egress = Egress::new(kind);
            let mut receiver = Receiver::new(kind, 1);
            let sent = egress.frame(&mut publisher, true);
            receiver.take_all(&sent);
            (receiver.settle(), sent.len() as u64)
        };
        let (faults, count) = run(Publisher::new(2));
        assert_eq!(faults, only(Fault::OtherSource, count));
        let (faults, count) = run(Publisher {
            room: 2,
            ..Publisher::new(1)
        });
        assert_eq!(faults, only(Fault::OtherRoom, count));
        let (faults, count) = run(Publisher::new(ME.client));
        assert_eq!(faults, only(Fault::OwnMedia, count));
    }
    let mut egress = Egress::new(Kind::Audio);
    let mut sent = egress.frame(&mut Publisher::new(1), false).remove(0);
    let mut media = Vec::new();
    Descriptor {
        starts_frame: false,
        picture_id: 1,
        tl0_pic_idx: 0,
        temporal_id: 0,
    }
    .write(&mut media);
    media.append(&mut sent.media);
    sent.media = media;
    let mut receiver = Receiver::new(Kind::Video, 1);
    assert_eq!(receiver.take(&sent), Verdict::Faulty(Fault::OtherKind));
}

#[test]
fn an_empty_slot_that_carries_media_is_misrouted() {
    let mut egress = Egress::new(Kind::Audio);
    let mut receiver = Receiver::new(Kind::Audio, 1);
    receiver
        .slot
        .set_mapping(receiver.now, None, &mut receiver.faults);
    receiver.wait(GRACE * 2);
    receiver.take_all(&egress.frame(&mut Publisher::new(1), false));
    assert_eq!(receiver.settle(), only(Fault::OtherSource, 1));
}

#[test]
fn picture_ids_that_step_wrong_are_corruption() {
    let mut egress = Egress::new(Kind::Video);
    let mut receiver = Receiver::new(Kind::Video, 1);
    let mut publisher = Publisher::new(1);
    receiver.take_all(&egress.frame(&mut publisher, true));
    egress.picture_id += 1;
    receiver.take_all(&egress.frame(&mut publisher, false));
    assert_eq!(receiver.settle(), only(Fault::PictureId, 1));
}

#[test]
fn a_switch_to_the_middle_of_a_stream_is_corruption() {
    let mut egress = Egress::new(Kind::Video);
    let mut receiver = Receiver::new(Kind::Video, 1);
    receiver.take_all(&egress.frame(&mut Publisher::new(1), true));
    receiver
        .slot
        .set_mapping(receiver.now, Some(2), &mut receiver.faults);
    receiver.take_all(&egress.frame(&mut Publisher::new(2), false));
    assert_eq!(receiver.settle(), only(Fault::NoKeyframe, 1));
}

#[test]
fn time_that_runs_back_is_corruption() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut egress = Egress::new(kind);
        let mut receiver = Receiver::new(kind, 1);
        let mut publisher = Publisher::new(1);
        receiver.take_all(&egress.frame(&mut publisher, true));
        egress.timestamp = egress.timestamp.wrapping_sub(9000);
        receiver.take_all(&egress.frame(&mut publisher, false));
        assert_eq!(receiver.settle(), only(Fault::Timestamp, 1), "{kind:?}");
    }
}

#[test]
fn the_same_packet_under_a_new_number_is_corruption() {
    let mut egress = Egress::new(Kind::Audio);
    let mut receiver = Receiver::new(Kind::Audio, 1);
    let mut publisher = Publisher::new(1);
    receiver.take_all(&egress.frame(&mut publisher, false));
    publisher.counter -= 1;
    receiver.take_all(&egress.frame(&mut publisher, false));
    assert_eq!(receiver.settle(), only(Fault::Repeated, 1));
}

#[test]
fn a_slot_that_falls_silent_is_stalled_once() {
    let mut egress = Egress::new(Kind::Audio);
    let mut receiver = Receiver::new(Kind::Audio, 1);
    receiver.take_all(&egress.frame(&mut Publisher::new(1), false));
    for _ in 0..10 {
        receiver.now += STALL_AFTER / 2;
        receiver
            .slot
            .advance(receiver.now, true, &mut receiver.faults);
    }
    let mut expected = Faults::default();
    expected.stalled = 1;
    assert_eq!(receiver.faults, expected);
}

#[test]
fn of_foreign_streams_only_gaps_are_judged() {
    for kind in [Kind::Audio, Kind::Video] {
        let mut egress = Egress::new(kind);
        let mut publisher = Publisher::new(1);
        let mut receiver = Receiver::new(kind, 7);
        receiver.slot = receiver.slot.of(Content::Foreign);
        for _ in 0..3 {
            for mut sent in egress.frame(&mut publisher, false) {
                sent.media.fill(0xAB);
                assert_eq!(receiver.take(&sent), Verdict::Unverified, "{kind:?}");
            }
        }
        egress.sequence += 2;
        receiver.take_all(&egress.frame(&mut publisher, false));
        receiver.wait(Duration::from_secs(10));
        assert_eq!(receiver.settle(), lost(2), "{kind:?}");
    }
}
