//! Checks one slot's stream: from the raw packet to the verdict.

use std::time::{Duration, Instant};

use crate::client::payload::{self, Kind, Stamp};
use crate::client::rtp::Rtp;
use crate::client::vp8::{Descriptor, FrameHeader, PICTURE_ID_MODULUS};

use super::fault::{Fault, Faults};
use super::source::{GRACE, SourceJudge};
use super::window::{Delivery, Pushed, ReceiveWindow};

/// A slot that shows a live source and is silent for this long is stalled.
pub const STALL_AFTER: Duration = Duration::from_secs(5);

/// Who a client is, within the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub room: u32,
    pub client: u32,
}

/// What the in-order checks need of a packet.
#[derive(Clone, Copy, Debug)]
struct Seen {
    publisher: u32,
    counter: u32,
    timestamp: u32,
    video: Option<SeenVideo>,
}

#[derive(Clone, Copy, Debug)]
struct SeenVideo {
    picture_id: u16,
    starts_frame: bool,
    keyframe: bool,
}

/// The packet before, in order.
#[derive(Clone, Copy, Debug)]
struct Before {
    sequence: u64,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good(Stamp),
    /// Of a publisher that is no client of this run: nothing in it can be verified.
    Unverified,
    /// A copy of what was there already, or too late; harmless.
    Stale,
    Faulty(Fault),
}

/// Who publishes what slots show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Clients of this run, whose packets say what they are.
    #[default]
    Stamped,
    /// Others, such as browsers: only gaps in the numbering can be told.
    Foreign,
}

#[derive(Debug)]
pub struct SlotVerifier {
    me: Identity,
    kind: Kind,
    content: Content,
    judge: SourceJudge<u32>,
    window: ReceiveWindow<Seen>,
    before: Option<Before>,
    last_packet: Option<Instant>,
    stalled: bool,
    pub received: u64,
    pub lost: u64,
    pub switches: u64,
}

impl SlotVerifier {
    pub fn new(now: Instant, me: Identity, kind: Kind) -> Self {
        Self {
            me,
            kind,
            content: Content::Stamped,
            judge: SourceJudge::new(now, None),
            window: ReceiveWindow::default(),
            before: None,
            last_packet: None,
            stalled: false,
            received: 0,
            lost: 0,
            switches: 0,
        }
    }

    #[must_use]
    pub fn of(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Sequence numbers to ask for now (RFC 4585 §6.2.1).
    pub fn nacks(&mut self, now: Instant, out: &mut Vec<u16>) {
        self.window.nacks(now, out);
    }

    /// Highest sequence number seen, extended; for receiver reports.
    pub fn highest_sequence(&self) -> Option<u32> {
        Some((self.window.highest()? - 1) as u32)
    }

    /// The mapping as signalled: the client whose track of this slot's kind is shown.
    pub fn set_mapping(&mut self, now: Instant, shown: Option<u32>, faults: &mut Faults) {
        if self.judge.shown() != shown.as_ref() {
            self.stalled = false;
        }
        let wrong = self.judge.set_mapping(now, shown);
        if self.content == Content::Stamped {
            faults.add_many(Fault::OtherSource, wrong);
        }
    }

    /// A decrypted packet of this slot's stream; `sequence` and `payload` are given apart, as those
    /// of a retransmission are not where they usually are.
    pub fn receive(
        &mut self,
        now: Instant,
        packet: &Rtp<'_>,
        sequence: u16,
        media: &[u8],
        faults: &mut Faults,
    ) -> Verdict {
        let (stamp, seen) = match self.examine(packet, media) {
            Ok(found) => found,
            Err(fault) => {
                faults.add(fault);
                return Verdict::Faulty(fault);
            }
        };
        self.last_packet = Some(now);
        self.stalled = false;
        if let Some(stamp) = stamp {
            faults.add_many(Fault::OtherSource, self.judge.packet(now, &stamp.publisher));
        }
        let mut checks = Checks::of(self, now);
        let pushed = self.window.push(now, sequence, seen, |delivery| {
            checks.take(delivery, faults)
        });
        let Checks {
            before,
            lost,
            switches,
            ..
        } = checks;
        (self.before, self.lost, self.switches) = (before, lost, switches);
        match pushed {
            Pushed::Taken => {
                self.received += 1;
                stamp.map_or(Verdict::Unverified, Verdict::Good)
            }
            Pushed::Stale => Verdict::Stale,
            Pushed::Jumped => {
                faults.add(Fault::Repeated);
                Verdict::Faulty(Fault::Repeated)
            }
        }
    }

    fn examine(&self, packet: &Rtp<'_>, media: &[u8]) -> Result<(Option<Stamp>, Seen), Fault> {
        if self.content == Content::Foreign {
            let seen = Seen {
                publisher: 0,
                counter: 0,
                timestamp: packet.timestamp,
                video: None,
            };
            return Ok((None, seen));
        }
        let (prefix, body, video) = match self.kind {
            Kind::Audio => (&[][..], media, None),
            Kind::Video => {
                let (descriptor, len) = Descriptor::read(media).map_err(|_| Fault::BadFraming)?;
                let data = media.get(len..).unwrap_or_default();
                let (keyframe, header) = if descriptor.starts_frame {
                    let (frame, len) = FrameHeader::read(data).map_err(|_| Fault::BadFraming)?;
                    (matches!(frame, FrameHeader::Keyframe { .. }), len)
                } else {
                    (false, 0)
                };
                let (prefix, body) = data.split_at_checked(header).ok_or(Fault::BadFraming)?;
                let seen = SeenVideo {
                    picture_id: descriptor.picture_id,
                    starts_frame: descriptor.starts_frame,
                    keyframe,
                };
                (prefix, body, Some(seen))
            }
        };
        let stamp = payload::read(prefix, body).map_err(|_| Fault::BadPayload)?;
        if stamp.room != self.me.room {
            return Err(Fault::OtherRoom);
        }
        if stamp.publisher == self.me.client {
            return Err(Fault::OwnMedia);
        }
        if stamp.kind != self.kind {
            return Err(Fault::OtherKind);
        }
        let seen = Seen {
            publisher: stamp.publisher,
            counter: stamp.counter,
            timestamp: packet.timestamp,
            video,
        };
        Ok((Some(stamp), seen))
    }

    /// Time goes on: overdue packets and mappings, and silence. `playing`: sources are sending.
    pub fn advance(&mut self, now: Instant, playing: bool, faults: &mut Faults) {
        if self.content == Content::Stamped {
            faults.add_many(Fault::OtherSource, self.judge.expire(now));
        }
        let mut checks = Checks::of(self, now);
        self.window
            .advance(now, |delivery| checks.take(delivery, faults));
        let Checks {
            before,
            lost,
            switches,
            ..
        } = checks;
        (self.before, self.lost, self.switches) = (before, lost, switches);
        // Browsers may pause on their own account.
        let is_judged = playing && self.content == Content::Stamped;
        if is_judged && !self.stalled && self.judge.shown().is_some() {
            let quiet_since = self
                .last_packet
                .map_or(self.judge.since(), |last| last.max(self.judge.since()));
            if now.duration_since(quiet_since) > STALL_AFTER {
                self.stalled = true;
                faults.stalled += 1;
            }
        }
    }

    /// The run is over.
    pub fn finish(&mut self, now: Instant, faults: &mut Faults) {
        let mut checks = Checks::of(self, now);
        self.window
            .give_up(&mut |delivery| checks.take(delivery, faults));
        let Checks {
            before,
            lost,
            switches,
            ..
        } = checks;
        (self.before, self.lost, self.switches) = (before, lost, switches);
    }
}

/// The in-order checks, apart from the window that drives them.
struct Checks {
    kind: Kind,
    content: Content,
    /// The mapping changed lately: the same publisher may come back with a step in its count.
    mapping_moved: bool,
    before: Option<Before>,
    lost: u64,
    switches: u64,
}

impl Checks {
    fn of(slot: &SlotVerifier, now: Instant) -> Self {
        Self {
            kind: slot.kind,
            content: slot.content,
            mapping_moved: now.duration_since(slot.judge.since()) <= GRACE * 2,
            before: slot.before,
            lost: slot.lost,
            switches: slot.switches,
        }
    }

    fn take(&mut self, delivery: Delivery<Seen>, faults: &mut Faults) {
        match delivery {
            Delivery::Lost { .. } => {
                self.lost += 1;
                faults.lost += 1;
            }
            Delivery::Packet { .. } if self.content == Content::Foreign => {}
            Delivery::Packet { sequence, packet } => {
                let before = self.before.replace(Before {
                    sequence,
                    seen: packet,
                });
                match before {
                    Some(before) if before.seen.publisher == packet.publisher => {
                        self.same_source(before, sequence, packet, faults);
                    }
                    _ => self.new_source(before, sequence, packet, faults),
                }
            }
        }
    }

    fn new_source(
        &mut self,
        before: Option<Before>,
        sequence: u64,
        packet: Seen,
        faults: &mut Faults,
    ) {
        self.switches += 1;
        let gap = before.is_some_and(|before| before.sequence + 1 != sequence);
        let Some(video) = packet.video else { return };
        let begins_whole = video.starts_frame && video.keyframe;
        if !gap && !begins_whole {
            faults.add(Fault::NoKeyframe);
        }
        if let Some(before) = before
            && let Some(former) = before.seen.video
            && !gap
        {
            Self::check_picture(former, video, true, faults);
            Self::check_time(before.seen, packet, true, faults);
        }
    }

    fn same_source(&mut self, before: Before, sequence: u64, packet: Seen, faults: &mut Faults) {
        let steps = (sequence - before.sequence) as u32;
        let counted = packet.counter.wrapping_sub(before.seen.counter);
        if counted == 0 || counted > u32::MAX / 2 {
            faults.add(Fault::Repeated);
            return;
        }
        let new_frame = packet.timestamp != before.seen.timestamp;
        // Away and back again: the count steps while the numbering goes on. With video such a
        // comeback begins with a keyframe, which a node that hides a loss does not wait for.
        let resumed = counted > steps
            && match packet.video {
                Some(video) => video.starts_frame && video.keyframe,
                None => self.mapping_moved,
            };
        if counted > steps && !resumed {
            let hidden = u64::from(counted - steps);
            self.lost += hidden;
            faults.lost += hidden;
        }
        if counted < steps {
            // Numbers were used for packets that the publisher never sent.
            faults.add(Fault::Repeated);
        }
        if steps != 1 || counted != steps && !resumed {
            return;
        }
        if let (Some(former), Some(video)) = (before.seen.video, packet.video) {
            Self::check_picture(former, video, new_frame || resumed, faults);
        }
        if self.kind == Kind::Audio || new_frame {
            Self::check_time(before.seen, packet, true, faults);
        }
    }

    /// Picture ids step by one from frame to frame and stay within one.
    fn check_picture(before: SeenVideo, now: SeenVideo, new_frame: bool, faults: &mut Faults) {
        let step = u16::from(new_frame);
        let expected = (before.picture_id + step) % PICTURE_ID_MODULUS;
        if now.picture_id != expected || now.starts_frame != new_frame {
            faults.add(Fault::PictureId);
        }
    }

    fn check_time(before: Seen, now: Seen, strictly: bool, faults: &mut Faults) {
        let step = now.timestamp.wrapping_sub(before.timestamp);
        if step > u32::MAX / 2 || (strictly && step == 0) {
            faults.add(Fault::Timestamp);
        }
    }
}

#[cfg(test)]
mod tests;
