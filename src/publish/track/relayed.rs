//! A track whose packets come from another shard's track of the same source.
//!
//! It is a [`Track`] in all that subscribers see of it: it has a packet cache, asks for what is
//! missing and for keyframes, and keeps the clock. Only what it asks for goes to the other shard
//! instead of the publisher, and numbers come ready extended.

use std::time::Instant;

use arrayvec::ArrayString;

use super::super::sender_clock::SenderReportTime;
use super::{Ingress, Order, Track, TrackDrop};
use crate::media::{Codec, MediaKind, Source};
use crate::wire::codec;
use crate::wire::extensions::ExtensionMap;
use crate::wire::sdp::{Feedback, Mid, PublishLine};

impl Track {
    /// The track of a publisher on another shard. What it asks for names its source by
    /// [`relayed_ssrc`].
    pub fn relayed(now: Instant, source: Source, codec: Codec) -> Self {
        let is_video = codec.kind() == MediaKind::Video;
        Self::new(
            now,
            &PublishLine {
                mid: Mid(ArrayString::new()),
                source,
                codec,
                payload_type: 0,
                rtx_payload_type: None,
                ssrc: Some(relayed_ssrc(source)),
                rtx_ssrc: None,
                extensions: ExtensionMap::default(),
                feedback: Feedback {
                    nack: is_video,
                    pli: is_video,
                    ..Feedback::default()
                },
            },
        )
    }

    /// Takes a packet that the other shard's track has accepted. `goes_on`: this track was wanted
    /// before, so what is missing in front of the packet was lost between the shards.
    pub fn receive_relayed<'a>(
        &mut self,
        now: Instant,
        packet: Ingress<'a>,
        goes_on: bool,
    ) -> Result<Ingress<'a>, TrackDrop> {
        let mut accepted = self.window.insert_index(packet.index)?;
        let is_newest = !matches!(accepted.order, Order::Late);
        if is_newest {
            self.newest_timestamp = Some(packet.timestamp);
            self.clock.on_packet(now, packet.timestamp);
            if !goes_on {
                accepted.order = Order::First;
                if let Some(nacks) = self.video.as_mut().and_then(|video| video.nacks.as_mut()) {
                    nacks.clear();
                }
            }
        }
        self.keep_video(now, accepted, &packet);
        self.last_packet = Some(now);
        Ok(packet)
    }

    /// Takes over what the other shard's track believes of the publisher's clock.
    pub fn set_last_report(&mut self, report: Option<SenderReportTime>) {
        self.clock.set_last_report(report);
    }

    /// A subscriber asks for a packet that has not come: one from before this track was wanted,
    /// which the other shard's may have.
    pub fn on_missed(&mut self, now: Instant, index: u64) {
        if self.window.has_seen(index) {
            return;
        }
        if let Some(nacks) = self.video.as_mut().and_then(|video| video.nacks.as_mut()) {
            nacks.add(now, index);
        }
    }

    /// A packet of the cache as if it came now, late.
    pub fn cached_ingress(&self, now: Instant, sequence: u16) -> Option<Ingress<'_>> {
        let packet = self.cached(self.window.extend(sequence))?;
        let keyframe =
            !packet.payload.is_empty() && codec::is_keyframe(self.codec(), packet.payload);
        Some(Ingress {
            index: packet.index,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
            codec: self.codec(),
            keyframe,
            starts_frame: self.starts_frame(false, packet.timestamp, packet.payload),
            level: None,
            arrival: now,
        })
    }
}

/// What a relayed track calls its stream where it asks for something.
pub fn relayed_ssrc(source: Source) -> u32 {
    source as u32 + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wire::rtcp::Rtcp;

    const MS: Duration = Duration::from_millis(1);
    /// VP8: a frame's first packet, not of a keyframe.
    const PAYLOAD: [u8; 4] = [0x10, 1, 2, 3];

    fn packet(index: u64, now: Instant) -> Ingress<'static> {
        Ingress {
            index,
            timestamp: index as u32 * 3_000,
            marker: true,
            payload: &PAYLOAD,
            codec: Codec::Vp8,
            keyframe: false,
            starts_frame: true,
            level: None,
            arrival: now,
        }
    }

    fn track(now: Instant) -> Track {
        Track::relayed(now, Source::Camera, Codec::Vp8)
    }

    fn asked(track: &mut Track, now: Instant) -> Vec<Rtcp> {
        let mut asked = Vec::new();
        track.poll_feedback(now, &mut asked);
        asked
    }

    fn nacked(track: &mut Track, now: Instant) -> Vec<u16> {
        let mut lost = Vec::new();
        for rtcp in asked(track, now) {
            let Rtcp::Nack(nack) = rtcp else {
                panic!("{rtcp:?}");
            };
            assert_eq!(nack.media_ssrc, relayed_ssrc(Source::Camera));
            lost.extend(nack.lost);
        }
        lost
    }

    #[test]
    fn packets_keep_their_index_and_come_once() {
        let now = Instant::now();
        let mut track = track(now);
        for index in [700_000, 700_001, 699_999] {
            let ingress = track
                .receive_relayed(now, packet(index, now), true)
                .unwrap();
            assert_eq!(ingress.index, index);
            assert_eq!(track.cached(index).unwrap().payload, PAYLOAD);
        }
        let again = track.receive_relayed(now, packet(700_000, now), true);
        assert_eq!(again.unwrap_err(), TrackDrop::Duplicate);
        let old = track.receive_relayed(now, packet(600_000, now), true);
        assert_eq!(old.unwrap_err(), TrackDrop::TooOld);
        // However long the pause was: no 16-bit number has to be guessed.
        assert!(
            track
                .receive_relayed(now, packet(750_000, now), false)
                .is_ok()
        );
        assert!(track.is_live(now));
    }

    #[test]
    fn a_gap_is_asked_for_but_not_what_came_before_it_was_wanted() {
        let now = Instant::now();
        let mut track = track(now);
        let take = |track: &mut Track, index, goes_on| {
            track
                .receive_relayed(now, packet(index, now), goes_on)
                .unwrap();
        };
        take(&mut track, 100, true);
        take(&mut track, 103, true);
        assert_eq!(nacked(&mut track, now + 10 * MS), [101, 102]);
        take(&mut track, 101, true);
        assert_eq!(nacked(&mut track, now + 100 * MS), [102]);
        take(&mut track, 120, false);
        assert_eq!(track.poll_timeout(), None, "nothing is missed any more");
        track.on_missed(now, 119);
        track.on_missed(now, 103);
        assert_eq!(nacked(&mut track, now), [119], "103 came");
    }

    #[test]
    fn a_keyframe_is_asked_for_once_a_second() {
        let now = Instant::now();
        let mut track = track(now);
        track.request_keyframe(now);
        track.request_keyframe(now);
        assert!(matches!(
            asked(&mut track, now)[..],
            [Rtcp::PictureLossIndication(_)]
        ));
        track.request_keyframe(now + MS);
        assert!(asked(&mut track, now + MS).is_empty());
    }

    #[test]
    fn the_cache_answers_by_sequence_number() {
        let now = Instant::now();
        let mut track = track(now);
        for index in 65_534..65_540 {
            track
                .receive_relayed(now, packet(index, now), true)
                .unwrap();
        }
        let found = track.cached_ingress(now, 65_535).unwrap();
        assert_eq!((found.index, found.starts_frame), (65_535, true));
        assert_eq!(track.cached_ingress(now, 2).unwrap().index, 65_538);
        assert!(track.cached_ingress(now, 9).is_none());
    }
}
