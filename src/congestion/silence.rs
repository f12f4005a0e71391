//! Whether feedback fails to come: the path, or the way back, may be gone.

use super::send_history::SendHistory;

/// Without feedback for this long, or three round trips, less is sent; and again after each further
/// [`STEP_MICROS`].
const PATIENCE_MICROS: i64 = 2_000_000;
const PATIENCE_ROUND_TRIPS: i64 = 3;
const STEP_MICROS: i64 = 1_000_000;
/// Receiver reports come every few seconds.
const REPORT_PATIENCE_MICROS: i64 = 10_000_000;
/// As long as so many packets were sent meanwhile: the loss of the last one before a pause is no
/// silence.
const MIN_PACKETS: u64 = 5;

#[derive(Clone, Copy, Debug, Default)]
pub struct Silence {
    /// Latest feedback, or the first packet sent.
    heard_us: Option<i64>,
    reacted_us: Option<i64>,
}

impl Silence {
    /// Whether anything was sent.
    pub fn has_begun(&self) -> bool {
        self.heard_us.is_some()
    }

    /// Returns whether it was the first packet.
    pub fn on_sent(&mut self, now_us: i64) -> bool {
        let first = self.heard_us.is_none();
        self.heard_us.get_or_insert(now_us);
        first
    }

    pub fn on_feedback(&mut self, now_us: i64) {
        self.heard_us = Some(now_us);
        self.reacted_us = None;
    }

    pub fn on_reaction(&mut self, now_us: i64) {
        self.reacted_us = Some(now_us);
    }

    /// When to react to silence. Without a round trip only reports are to be expected.
    pub fn due_us(&self, history: &SendHistory, round_trip_us: Option<i64>) -> Option<i64> {
        let heard = self.heard_us?;
        let oldest = history.oldest_in_flight_us()?;
        if history.packets_in_flight() < MIN_PACKETS {
            return None;
        }
        if let Some(reacted) = self.reacted_us {
            return Some(reacted + STEP_MICROS);
        }
        let patience = match round_trip_us {
            Some(rtt) => (PATIENCE_ROUND_TRIPS * rtt).max(PATIENCE_MICROS),
            None => REPORT_PATIENCE_MICROS,
        };
        Some(oldest.max(heard) + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::{PacketClass, SentPacket};

    fn sent(count: u64) -> SendHistory {
        let mut history = SendHistory::new(false);
        for sequence in 0..count {
            let packet = SentPacket {
                sequence,
                ssrc: 1,
                rtp_sequence: sequence as u16,
                bytes: 100,
                class: PacketClass::Audio,
            };
            history.on_sent(1_000 * sequence as i64, &packet, None);
        }
        history
    }

    #[test]
    fn is_due_two_seconds_after_the_latest_word_and_then_every_second() {
        let mut silence = Silence::default();
        assert!(silence.on_sent(0) && !silence.on_sent(5));
        let history = sent(5);
        assert_eq!(silence.due_us(&history, Some(0)), Some(2_000_000));
        assert_eq!(silence.due_us(&history, Some(900_000)), Some(2_700_000));
        assert_eq!(silence.due_us(&history, None), Some(10_000_000));
        silence.on_reaction(2_000_000);
        assert_eq!(silence.due_us(&history, Some(0)), Some(3_000_000));
        silence.on_feedback(2_500_000);
        assert_eq!(silence.due_us(&history, Some(0)), Some(4_500_000));
    }

    #[test]
    fn is_none_while_hardly_anything_is_awaited() {
        let mut silence = Silence::default();
        silence.on_sent(0);
        assert_eq!(silence.due_us(&sent(4), Some(0)), None);
        let mut history = sent(9);
        history.give_up_flight();
        assert_eq!(silence.due_us(&history, Some(0)), None);
    }
}
