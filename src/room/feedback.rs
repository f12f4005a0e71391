//! RTCP from participants: their sender reports, and what they ask as subscribers.

use std::cell::Cell;
use std::time::Instant;

use arrayvec::ArrayVec;

use super::{Room, Turn};
use crate::subscribe::{Retransmitted, TrackKey};
use crate::wire::rtcp::{Nack, ReportBlock, Rtcp, parse_compound};

/// Packets of one NACK that are looked for on other shards; the others have to be asked for again.
const MAX_ELSEWHERE: usize = 64;

impl Room {
    /// Takes a decrypted RTCP compound of the participant at `seat`. What names streams that do
    /// not exist is ignored.
    pub fn handle_rtcp(&mut self, turn: &mut Turn<'_>, seat: usize, compound: &[u8]) {
        let Ok(packets) = parse_compound(compound) else {
            turn.counters.malformed_rtcp += 1;
            return;
        };
        for packet in packets {
            match packet {
                Rtcp::SenderReport(report) => {
                    if let Some(publisher) = self.publisher_mut(seat) {
                        publisher.on_sender_report(turn.now, turn.wall, &report);
                        self.on_publisher_changed(seat);
                    }
                    self.on_report_blocks(turn, seat, &report.reports);
                }
                Rtcp::ReceiverReport(report) => self.on_report_blocks(turn, seat, &report.reports),
                Rtcp::Nack(nack) => self.retransmit(turn, seat, &nack),
                Rtcp::PictureLossIndication(request) => {
                    self.on_keyframe_wanted(turn, seat, request.media_ssrc);
                }
                Rtcp::FullIntraRequest(request) => {
                    for entry in &request.entries {
                        self.on_keyframe_wanted(turn, seat, entry.ssrc);
                    }
                }
                Rtcp::Goodbye(goodbye) => {
                    for &ssrc in &goodbye.ssrcs {
                        self.on_goodbye(turn.now, seat, ssrc);
                    }
                }
                Rtcp::SourceDescription(_)
                | Rtcp::ReceiverEstimatedMaximumBitrate(_)
                | Rtcp::TransportFeedback(_)
                | Rtcp::CongestionFeedback(_)
                | Rtcp::Other { .. } => {}
            }
        }
    }

    fn on_report_blocks(&mut self, turn: &Turn<'_>, seat: usize, blocks: &[ReportBlock]) {
        let Some(participant) = self.seats.get_mut(seat) else {
            return;
        };
        for block in blocks {
            if let Some(slot) = participant.slot_of_ssrc(block.ssrc)
                && let Some((slot, _)) = participant.slot_and_link(slot)
            {
                slot.on_receiver_report(turn.wall, block);
            }
        }
    }

    /// Answers a NACK from the publisher's packet cache.
    fn retransmit(&mut self, turn: &mut Turn<'_>, seat: usize, nack: &Nack) {
        turn.counters.sequences_nacked += nack.lost.len() as u64;
        let (publishers, by_id) = (&self.publishers, &self.by_id);
        let missed = Cell::new(None);
        // The packet may be of the track that the slot showed before.
        let find = |track: TrackKey, index| {
            let &publisher = by_id.get(&track.participant)?;
            let publisher = publishers.get(publisher)?.as_ref()?;
            let cached = publisher.published(track.source)?.track.cached(index);
            missed.set(cached.is_none().then_some((track, index)));
            cached
        };
        let Some(subscriber) = self.seats.get_mut(seat) else {
            return;
        };
        let Some(slot) = subscriber.slot_of_ssrc(nack.media_ssrc) else {
            return;
        };
        let Some((slot, mut link)) = subscriber.slot_and_link(slot) else {
            return;
        };
        let mut elsewhere: ArrayVec<_, MAX_ELSEWHERE> = ArrayVec::new();
        for &lost in &nack.lost {
            match slot.retransmit(turn.now, turn.wall, lost, find, &mut link, turn.out) {
                Retransmitted::Sent => turn.counters.retransmissions += 1,
                _ => turn.counters.retransmissions_missed += 1,
            }
            if let Some(missed) = missed.take() {
                let _ = elsewhere.try_push(missed);
            }
        }
        if self.relay.is_some() {
            self.ask_elsewhere(turn.now, &elsewhere);
        }
    }

    fn on_keyframe_wanted(&mut self, turn: &mut Turn<'_>, seat: usize, media_ssrc: u32) {
        turn.counters.keyframe_requests_received += 1;
        let shows = self.seats.get(seat).and_then(|subscriber| {
            let slot = subscriber.slot_of_ssrc(media_ssrc)?;
            subscriber.places.get(slot)?.slot.shows()
        });
        if let Some(track) = shows {
            self.request_keyframe(turn.now, track);
        }
    }

    /// The stream ends: as silent as if its packets had stopped long ago.
    fn on_goodbye(&mut self, now: Instant, seat: usize, ssrc: u32) {
        let Some(source) = self
            .publisher(seat)
            .and_then(|publisher| publisher.source_of(ssrc))
        else {
            return;
        };
        if let Some(published) = self.published_mut(seat, source)
            && published.track.ssrc() == Some(ssrc)
            && published.live
        {
            published.live = false;
            published.live_since = now;
            self.mark_dirty(source.kind());
            self.on_publisher_changed(seat);
        }
    }
}
