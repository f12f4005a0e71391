//! What a session counts.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::client::payload::Kind;
use crate::verify::fault::Faults;

/// What a session saw and did.
#[derive(Clone, Debug)]
pub struct SessionTally {
    pub faults: Faults,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub bytes_received: u64,
    pub audio_received: u64,
    pub video_received: u64,
    pub rtx_received: u64,
    pub rtx_sent: u64,
    pub nacks_sent: u64,
    pub keyframe_requests_received: u64,
    pub sender_reports_received: u64,
    pub switches: u64,
    /// Slots that ever brought something.
    pub audio_slots_used: usize,
    pub video_slots_used: usize,
    pub first_audio: Option<Instant>,
    pub first_video: Option<Instant>,
    /// Microseconds from a publisher's socket to here.
    pub delay_us: Histogram<u64>,
}

impl SessionTally {
    pub(super) fn new() -> Self {
        Self {
            faults: Faults::default(),
            packets_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            audio_received: 0,
            video_received: 0,
            rtx_received: 0,
            rtx_sent: 0,
            nacks_sent: 0,
            keyframe_requests_received: 0,
            sender_reports_received: 0,
            switches: 0,
            audio_slots_used: 0,
            video_slots_used: 0,
            first_audio: None,
            first_video: None,
            delay_us: crate::report::delays(),
        }
    }

    pub(super) fn good(&mut self, now: Instant, kind: Kind, delay_us: Option<u64>) {
        match kind {
            Kind::Audio => {
                self.audio_received += 1;
                self.first_audio.get_or_insert(now);
            }
            Kind::Video => {
                self.video_received += 1;
                self.first_video.get_or_insert(now);
            }
        }
        if let Some(delay_us) = delay_us {
            self.delay_us.saturating_record(delay_us);
        }
    }
}
