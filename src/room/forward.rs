//! The RTP path: one packet of a publisher to every slot that shows its track.

use std::time::Instant;

use super::{Room, Turn, speakers};
use crate::media::Source;
use crate::publish::Ingress;
use crate::subscribe::Forwarded;
use crate::wire::rtp::RtpHeader;

impl Room {
    /// Takes a decrypted packet of the participant at `seat`. Gives the participant's next media
    /// deadline, which the packet may have moved.
    pub fn handle_rtp(
        &mut self,
        turn: &mut Turn<'_>,
        seat: usize,
        header: &RtpHeader,
        packet: &[u8],
    ) -> Option<Instant> {
        let publisher = self.publisher_mut(seat)?;
        let received = publisher.receive(turn.now, header, packet);
        let deadline = publisher.poll_timeout();
        let (source, ingress) = match received {
            Ok(received) => received,
            Err(reason) => {
                turn.counters.count_drop(reason);
                return deadline;
            }
        };
        turn.counters.packets_accepted += 1;
        self.note_arrival(turn.now, seat, source, &ingress);
        self.forward(turn, seat, source, &ingress);
        if self.relay.is_some() {
            self.relay_packet(turn, seat, source, &ingress);
        }
        deadline
    }

    fn note_arrival(&mut self, now: Instant, seat: usize, source: Source, ingress: &Ingress<'_>) {
        let Some(published) = self.published_mut(seat, source) else {
            return;
        };
        if published.muted {
            return;
        }
        if !published.live {
            published.live = true;
            published.live_since = now;
            self.mark_dirty(source.kind());
            self.on_publisher_changed(seat);
        }
        if source == Source::Microphone {
            self.note_voice(now, seat, ingress);
        }
    }

    /// Takes the loudness of a packet of somebody's microphone that is not muted.
    pub(super) fn note_voice(&mut self, now: Instant, seat: usize, ingress: &Ingress<'_>) {
        if let Some(level) = ingress.level
            && self.speakers.observe(seat, now, level)
        {
            self.audio_dirty = true;
            self.next_tick.get_or_insert(now + speakers::TICK);
        }
    }

    /// Sends a packet to the slots here that show its track.
    pub(super) fn forward(
        &mut self,
        turn: &mut Turn<'_>,
        seat: usize,
        source: Source,
        packet: &Ingress<'_>,
    ) {
        for route in self.routes.of(seat, source) {
            let Some(subscriber) = self.seats.get_mut(route.seat) else {
                continue;
            };
            match subscriber.forward(turn.wall, route.slot, packet, turn.out) {
                Forwarded::Sent => turn.counters.packets_forwarded += 1,
                Forwarded::WaitingForKeyframe => turn.counters.packets_before_keyframe += 1,
                Forwarded::Refused | Forwarded::NotQueued => turn.counters.packets_refused += 1,
                Forwarded::Skipped => {}
            }
        }
    }
}
