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
