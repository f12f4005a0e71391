//! What a session says about what it sends and receives: NACKs, keyframe requests, transport-wide
//! feedback, reports.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::MediaSession;
use crate::client::outbox::Outbox;
use crate::client::payload::Kind;
use crate::client::rtcp::{self, Reception, Sending};
use crate::client::transport_feedback;

pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Seconds between 1900 (NTP) and 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

impl MediaSession {
    pub(super) fn look_over_slots(&mut self, now: Instant, out: &mut Outbox) {
        let mut lost = Vec::new();
        let mut requests = Vec::new();
        let playing = self.is_publishing();
        for slot in &mut self.slots {
            let lost_before = slot.verifier.lost;
            slot.verifier.advance(now, playing, &mut self.tally.faults);
            if slot.verifier.kind() == Kind::Audio {
                continue;
            }
            lost.clear();
            slot.verifier.nacks(now, &mut lost);
            if !lost.is_empty() {
                self.tally.nacks_sent += lost.len() as u64;
                requests.extend(rtcp::nack(self.own_ssrc, slot.ssrc, &lost));
            }
            if slot.verifier.lost > lost_before {
                requests.extend(rtcp::picture_loss(self.own_ssrc, slot.ssrc));
            }
        }
        if self.next_feedback <= now {
            self.next_feedback = now + transport_feedback::INTERVAL;
            let media_ssrc = self.slots.first().map_or(0, |slot| slot.ssrc);
            if self.with_feedback
                && let Some(feedback) = self.feedback.write(self.own_ssrc, media_ssrc)
            {
                requests.push(feedback.as_slice().into());
            }
        }
        if self.next_report <= now {
            self.next_report = now + REPORT_INTERVAL;
            requests.extend(self.report(now));
        }
        let (Some(to), Some(srtp)) = (self.ice.selected(), &mut self.srtp) else {
            return;
        };
        for request in requests {
            if let Ok(sealed) = srtp.seal_rtcp(&request) {
                out.push(to, &sealed);
            }
        }
    }

    fn report(&self, now: Instant) -> Option<bytes::BytesMut> {
        let ntp = ntp_now();
        let mut sending = Vec::new();
        if let Some(audio) = self.audio.as_ref().filter(|audio| audio.packets() > 0) {
            sending.push(Sending {
                ssrc: audio.ssrc,
                ntp,
                rtp_timestamp: audio.rtp_time(now),
                packets: audio.packets(),
                octets: audio.octets,
            });
        }
        if let Some(video) = self.video.as_ref().filter(|video| video.packets() > 0) {
            sending.push(Sending {
                ssrc: video.ssrc,
                ntp,
                rtp_timestamp: video.rtp_time(now),
                packets: video.packets(),
                octets: video.octets,
            });
        }
        let receptions: Vec<Reception> = self
            .slots
            .iter()
            .filter_map(|slot| {
                let highest = slot.verifier.highest_sequence()?;
                let (last_sender_report, delay) =
                    slot.last_sender_report.map_or((0, 0), |(middle, at)| {
                        let delay = now.duration_since(at).as_micros() * 65_536 / 1_000_000;
                        (middle, delay as u32)
                    });
                let lost = slot.verifier.lost as u32;
                Some(Reception {
                    ssrc: slot.ssrc,
                    lost,
                    highest,
                    last_sender_report,
                    delay,
                })
            })
            .collect();
        rtcp::report(&self.cname, self.own_ssrc, &sending, &receptions).ok()
    }
}

fn ntp_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    ((since.as_secs() + NTP_OFFSET) << 32) | fraction
}
