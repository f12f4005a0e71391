//! What is due by time for one participant: feedback to it as publisher, reports both ways.

use std::time::{Duration, Instant};

use super::{REPORT_INTERVAL, Room, Turn};
use crate::media::Source;
use crate::publish::NODE_SSRC;
use crate::wire::rtcp::{ReceiverReport, Rtcp, write_compound};

/// RTCP compounds are cut below this, to stay under any path's MTU once sealed.
const MAX_COMPOUND_BYTES: usize = 1_100;

impl Room {
    /// Does what is due for the participant at `seat`. Its connection is the shard's to handle.
    pub fn handle_timeout(&mut self, turn: &mut Turn<'_>, seat: usize) {
        let Some(participant) = self.seats.get_mut(seat) else {
            return;
        };
        if !participant.is_connected() {
            return;
        }
        let is_report_due = participant.next_report <= turn.now;
        if is_report_due {
            // Anchored to the old deadline: a late wake-up does not stretch the interval.
            let next = participant.next_report + REPORT_INTERVAL;
            participant.next_report = next.max(turn.now + REPORT_INTERVAL / 2);
        }
        let mut feedback = Vec::new();
        if let Some(publisher) = self.publisher_mut(seat) {
            publisher.poll_feedback(turn.now, &mut feedback);
        }
        for packet in &feedback {
            match packet {
                Rtcp::Nack(_) => turn.counters.nacks_sent += 1,
                Rtcp::PictureLossIndication(_) | Rtcp::FullIntraRequest(_) => {
                    turn.counters.keyframe_requests_sent += 1;
                }
                _ => {}
            }
        }
        self.send_rtcp(turn, seat, &feedback);
        if is_report_due {
            let reports = self.reports(turn.now, turn.wall, seat);
            self.send_rtcp(turn, seat, &reports);
            self.look_for_silence(turn.now, seat);
            self.repeat_keyframe_requests(turn.now, seat);
        }
    }

    /// A receiver report on what the participant sends, then a sender report per slot.
    fn reports(&mut self, now: Instant, wall: Duration, seat: usize) -> Vec<Rtcp> {
        let Some(publisher) = self.publisher_mut(seat) else {
            return Vec::new();
        };
        let blocks = publisher.report_blocks(now);
        let mut reports = vec![Rtcp::ReceiverReport(ReceiverReport {
            ssrc: NODE_SSRC,
            reports: blocks,
        })];
        let Some(participant) = self.seats.get(seat) else {
            return reports;
        };
        for place in &participant.places {
            let Some(track) = place.slot.shows() else {
                continue;
            };
            let publisher = self.by_id.get(&track.participant);
            let Some(publisher) = publisher.and_then(|&seat| self.publisher(seat)) else {
                continue;
            };
            let report = publisher.published(track.source).and_then(|published| {
                let clock = published.track.clock();
                place
                    .slot
                    .sender_report(now, wall, clock, publisher.clock())
            });
            reports.extend(report.map(Rtcp::SenderReport));
        }
        reports
    }

    fn send_rtcp(&mut self, turn: &mut Turn<'_>, seat: usize, packets: &[Rtcp]) {
        let Some(participant) = self.seats.get_mut(seat) else {
            return;
        };
        let mut compound = Vec::new();
        let mut part = Vec::new();
        for packet in packets {
            part.clear();
            write_compound(std::slice::from_ref(packet), &mut part);
            if !compound.is_empty() && compound.len() + part.len() > MAX_COMPOUND_BYTES {
                participant.connection.send_rtcp(&compound, turn.out);
                compound.clear();
            }
            compound.extend_from_slice(&part);
        }
        if !compound.is_empty() {
            participant.connection.send_rtcp(&compound, turn.out);
        }
    }

    /// Frees the slots of tracks whose packets stopped.
    fn look_for_silence(&mut self, now: Instant, seat: usize) {
        for source in Source::ALL {
            if let Some(published) = self.published_mut(seat, source)
                && published.live
                && !published.track.is_live(now)
            {
                published.live = false;
                self.mark_dirty(source.kind());
                self.on_publisher_changed(seat);
            }
        }
    }

    /// Slots that still wait ask again; the track joins all who wait into one request a second.
    fn repeat_keyframe_requests(&mut self, now: Instant, seat: usize) {
        let Some(participant) = self.seats.get(seat) else {
            return;
        };
        let waiting: Vec<_> = participant
            .places
            .iter()
            .filter(|place| place.slot.needs_keyframe())
            .filter_map(|place| place.slot.shows())
            .collect();
        for track in waiting {
            self.request_keyframe(now, track);
        }
    }
}
