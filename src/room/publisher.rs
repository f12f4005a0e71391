//! What one participant publishes: its tracks, and what may and does come in.

use std::time::{Duration, Instant};

use super::counters::MediaDrop;
use super::permissions::Permissions;
use super::relay::{PublisherState, RelayedTo, TrackState};
use super::streams::Streams;
use crate::congestion::FeedbackRecorder;
use crate::media::Source;
use crate::publish::{Ingress, NODE_SSRC, PublisherClock, Track};
use crate::wire::extensions::{self, ExtensionKind};
use crate::wire::rtcp::{ReportBlock, Rtcp, SenderReport};
use crate::wire::rtp::RtpHeader;
use crate::wire::sdp::PublishLine;

/// A track and what the room knows of it beyond its packets.
#[derive(Debug)]
pub struct Published {
    pub track: Track,
    /// The client said that it stopped sending.
    pub muted: bool,
    /// Packets come, and may.
    pub live: bool,
    /// When it last became live.
    pub live_since: Instant,
}

pub struct Publisher {
    permissions: Permissions,
    published: [Option<Box<Published>>; Source::ALL.len()],
    streams: Streams,
    clock: PublisherClock,
    recorder: FeedbackRecorder,
    /// Ids of the participant's header extensions: the same in all m-lines of a bundle
    /// (RFC 9143 §7.1.3).
    mid_extension: Option<u8>,
    transport_sequence_extension: Option<u8>,
    /// What other shards know and want of it.
    pub relayed_to: RelayedTo,
}

impl Publisher {
    pub fn new(now: Instant, lines: &[PublishLine], permissions: Permissions) -> Self {
        let mut published: [Option<Box<Published>>; 4] = Default::default();
        for line in lines {
            published[line.source as usize] = Some(Box::new(Published {
                track: Track::new(now, line),
                muted: false,
                live: false,
                live_since: now,
            }));
        }
        let extension = |kind| lines.iter().find_map(|line| line.extensions.get(kind));
        Self {
            permissions,
            published,
            streams: Streams::new(lines),
            clock: PublisherClock::new(),
            recorder: FeedbackRecorder::new(now, NODE_SSRC),
            mid_extension: extension(ExtensionKind::Mid),
            transport_sequence_extension: extension(ExtensionKind::TransportSequence),
            relayed_to: RelayedTo::default(),
        }
    }

    /// Somebody on another shard; tracks come with [`take_over`](Self::take_over).
    pub fn relayed(permissions: Permissions, now: Instant) -> Self {
        Self::new(now, &[], permissions)
    }

    /// Takes over what another shard says of its publisher. True if that changes who may be shown
    /// or heard.
    pub fn take_over(&mut self, now: Instant, state: &PublisherState) -> bool {
        self.clock = state.clock;
        let mut has_changed =
            std::mem::replace(&mut self.permissions, state.permissions) != state.permissions;
        for (source, told) in Source::ALL.into_iter().zip(&state.tracks) {
            if let Some(told) = told {
                has_changed |= self.take_over_track(now, source, told);
            }
        }
        has_changed
    }

    fn take_over_track(&mut self, now: Instant, source: Source, told: &TrackState) -> bool {
        let live_since = now.checked_sub(told.live_for).unwrap_or(now);
        let place = &mut self.published[source as usize];
        let is_new = place.is_none();
        let published = place.get_or_insert_with(|| {
            Box::new(Published {
                track: Track::relayed(now, source, told.codec),
                muted: told.muted,
                live: told.live,
                live_since,
            })
        });
        let has_changed = (published.muted, published.live) != (told.muted, told.live);
        published.muted = told.muted;
        published.live = told.live;
        if has_changed {
            published.live_since = live_since;
        }
        published.track.set_last_report(told.report);
        is_new || has_changed
    }

    pub fn published(&self, source: Source) -> Option<&Published> {
        self.published[source as usize].as_deref()
    }

    pub fn published_mut(&mut self, source: Source) -> Option<&mut Published> {
        self.published[source as usize].as_deref_mut()
    }

    pub fn tracks(&self) -> impl Iterator<Item = (Source, &Published)> {
        let sources = Source::ALL.into_iter();
        sources.filter_map(|source| Some((source, self.published(source)?)))
    }

    pub fn clock(&self) -> &PublisherClock {
        &self.clock
    }

    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    pub fn allows(&self, source: Source) -> bool {
        self.permissions.allow(source)
    }

    /// What is no longer allowed is no longer live.
    pub fn set_permissions(&mut self, permissions: Permissions) {
        self.permissions = permissions;
        for source in Source::ALL {
            if let Some(published) = self.published_mut(source) {
                published.live &= permissions.allow(source);
            }
        }
    }

    /// The track that sends under `ssrc`, be it media or retransmissions.
    pub fn source_of(&self, ssrc: u32) -> Option<Source> {
        self.streams.find(ssrc)
    }

    /// Takes a decrypted packet into its track.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        header: &RtpHeader,
        packet: &'a [u8],
    ) -> Result<(Source, Ingress<'a>), MediaDrop> {
        let mut mid = None;
        for (id, data) in header.extensions(packet) {
            if Some(id) == self.transport_sequence_extension {
                // Before anything can refuse the packet: feedback tells what the network did.
                if let Some(sequence) = extensions::transport_sequence(data) {
                    self.recorder.record(now, header.ssrc, sequence);
                }
            } else if Some(id) == self.mid_extension {
                mid = Some(data);
            }
        }
        let source = match self.streams.find(header.ssrc) {
            Some(source) => source,
            None => self.streams.learn(header.ssrc, mid, header.payload_type)?,
        };
        if !self.permissions.allow(source) {
            return Err(MediaDrop::NotPermitted);
        }
        let published = self.published_mut(source).ok_or(MediaDrop::UnknownStream)?;
        let ingress = published.track.receive(now, header, packet)?;
        Ok((source, ingress))
    }

    /// A sender report of one of the participant's streams.
    pub fn on_sender_report(&mut self, now: Instant, wall: Duration, report: &SenderReport) {
        let Some(source) = self.streams.find(report.ssrc) else {
            return;
        };
        if let Some(published) = self.published[source as usize].as_deref_mut() {
            let clock = &mut self.clock;
            published.track.on_sender_report(now, wall, report, clock);
        }
    }

    /// Appends the feedback that is due: NACKs, keyframe requests, transport-wide feedback.
    pub fn poll_feedback(&mut self, now: Instant, out: &mut Vec<Rtcp>) {
        for published in self.published.iter_mut().flatten() {
            published.track.poll_feedback(now, out);
        }
        while let Some(report) = self.recorder.poll(now) {
            out.push(Rtcp::TransportFeedback(report));
        }
    }

    /// Closes a reporting interval of every track.
    pub fn report_blocks(&mut self, now: Instant) -> Vec<ReportBlock> {
        let tracks = self.published.iter_mut().flatten();
        tracks
            .filter_map(|published| published.track.report_block(now))
            .collect()
    }

    /// When feedback is next due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.tracks()
            .map(|(_, published)| published.track.poll_timeout())
            .chain([self.recorder.poll_timeout()])
            .flatten()
            .min()
    }
}
