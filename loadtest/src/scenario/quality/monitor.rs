//! What one receiver got, second by second: of its line, of its picture, of its voice.

use std::collections::BTreeMap;
use std::time::Duration;

use firstbell_linksim::Fate;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::client::protocol::Line;
use crate::playout::audio::{AudioFigures, STEP};
use crate::playout::video::VideoFigures;
use crate::report::delays;

use super::receiver::Receiver;

/// What travels towards a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    Video,
    Audio,
    /// RTCP, STUN, DTLS.
    Other,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Second {
    pub second: u64,
    /// What the line carries now; `null`: any rate.
    pub capacity_kbps: Option<f64>,
    /// What the node said the line carries; `null`: it said nothing.
    pub estimate_kbps: Option<f64>,
    /// What the node said about pictures: `full`, `reduced`, `off`.
    pub line: Option<String>,
    /// By the node, UDP payload.
    pub sent_kbps: f64,
    pub video_sent_kbps: f64,
    pub arrived_kbps: f64,
    pub queue_ms_p50: f64,
    pub queue_ms_p95: f64,
    pub queue_ms_max: f64,
    /// Packets the queue had no place for, and packets lost on the line.
    pub dropped: u64,
    pub lost: u64,
    /// Of the picture shown at the second's end.
    pub height: Option<u16>,
    pub frames: u64,
    pub freezes: u32,
    pub frozen_ms: f64,
    /// Share of the second's sound that was invented.
    pub concealed: f64,
    pub audio_buffer_ms: f64,
    pub nacks: u64,
    pub keyframe_requests: u64,
}

#[derive(Clone, Debug, Default)]
struct Cumulative {
    audio: AudioFigures,
    video: VideoFigures,
    nacks: u64,
}

impl Cumulative {
    fn of(receiver: &Receiver) -> Self {
        let ear = receiver.ear.as_ref();
        let eye = receiver.eye.as_ref();
        Self {
            audio: ear.map(|ear| ear.playout.figures()).unwrap_or_default(),
            video: eye.map(|eye| eye.playout.figures()).unwrap_or_default(),
            nacks: eye.map_or(0, |eye| eye.missing.requested),
        }
    }
}

struct Window {
    queued: Histogram<u64>,
    sent: u64,
    video_sent: u64,
    arrived: u64,
    dropped: u64,
    lost: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            queued: delays(),
            sent: 0,
            video_sent: 0,
            arrived: 0,
            dropped: 0,
            lost: 0,
        }
    }
}

#[derive(Default)]
pub struct Monitor {
    /// When measuring began. `None`: not yet.
    began: Option<Duration>,
    before: Cumulative,
    window: Window,
    total: Window,
    line: Line,
    /// When the node first said each word about pictures, since the beginning.
    pub line_words: BTreeMap<String, Vec<Duration>>,
    pub seconds: Vec<Second>,
    /// When the last packet of a picture was sent to it, for each second.
    pub last_video_sent: Option<Duration>,
}

impl Monitor {
    pub fn begin(&mut self, now: Duration, receiver: &Receiver) {
        let line = std::mem::take(&mut self.line);
        *self = Self {
            began: Some(now),
            before: Cumulative::of(receiver),
            line,
            ..Self::default()
        };
    }

    /// A datagram was sent towards the receiver.
    pub fn on_sent(&mut self, now: Duration, cargo: Cargo, len: usize, fate: Fate) {
        if self.began.is_none() {
            return;
        }
        for window in [&mut self.window, &mut self.total] {
            window.sent += len as u64;
            if cargo == Cargo::Video {
                window.video_sent += len as u64;
            }
            match fate {
                Fate::Dropped => window.dropped += 1,
                Fate::Lost { .. } => window.lost += 1,
                Fate::Arrives { .. } => {}
            }
            if let Some(queued) = fate.queued() {
                window.queued.saturating_record(queued.as_micros() as u64);
            }
        }
        if cargo == Cargo::Video {
            self.last_video_sent = Some(now);
        }
    }

    pub fn on_arrived(&mut self, len: usize) {
        self.window.arrived += len as u64;
        self.total.arrived += len as u64;
    }

    pub fn on_line(&mut self, now: Duration, line: Line) {
        if let (Some(began), Some(word)) = (self.began, &line.video)
            && self.line.video.as_ref() != Some(word)
        {
            let times = self.line_words.entry(word.clone()).or_default();
            times.push(now.saturating_sub(began));
        }
        self.line = line;
    }

    /// A second of the measuring is over.
    pub fn close_second(&mut self, capacity: Option<u64>, receiver: &Receiver) {
        let window = std::mem::take(&mut self.window);
        let now = Cumulative::of(receiver);
        let before = std::mem::replace(&mut self.before, now.clone());
        let kbps = |bytes: u64| (bytes * 8) as f64 / 1000.0;
        let ms = |quantile| window.queued.value_at_quantile(quantile) as f64 / 1000.0;
        let steps = now.audio.steps - before.audio.steps;
        let concealed = now.audio.concealed - before.audio.concealed;
        self.seconds.push(Second {
            second: self.seconds.len() as u64,
            capacity_kbps: capacity.map(|rate| rate as f64 / 1000.0),
            estimate_kbps: self.line.downlink_kbps,
            line: self.line.video.clone(),
            sent_kbps: kbps(window.sent),
            video_sent_kbps: kbps(window.video_sent),
            arrived_kbps: kbps(window.arrived),
            queue_ms_p50: ms(0.5),
            queue_ms_p95: ms(0.95),
            queue_ms_max: window.queued.max() as f64 / 1000.0,
            dropped: window.dropped,
            lost: window.lost,
            height: receiver.eye.as_ref().and_then(|eye| eye.playout.height()),
            frames: now.video.frames - before.video.frames,
            freezes: now.video.freezes - before.video.freezes,
            frozen_ms: (now.video.frozen - before.video.frozen).as_secs_f64() * 1000.0,
            concealed: concealed as f64 / steps.max(1) as f64,
            audio_buffer_ms: receiver
                .ear
                .as_ref()
                .map_or(0.0, |ear| ear.playout.buffer().0.as_secs_f64() * 1000.0),
            nacks: now.nacks - before.nacks,
            keyframe_requests: now.video.keyframe_requests - before.video.keyframe_requests,
        });
    }

    /// All of it, with what the receiver says.
    pub fn result(&self, name: &str, measured: Duration, receiver: &Receiver) -> ReceiverResult {
        let began = self.began.unwrap_or_default();
        let totals = Cumulative::of(receiver);
        let quantile = |quantile| self.total.queued.value_at_quantile(quantile) as f64 / 1000.0;
        let seconds = measured.as_secs_f64().max(1e-3);
        let (audio, video) = (totals.audio, totals.video);
        let eye = receiver.eye.as_ref();
        let heights = eye.map(|eye| eye.playout.heights()).unwrap_or_default();
        let since = |at: Duration| at.saturating_sub(began).as_secs_f64();
        let ear = receiver.ear.as_ref();
        ReceiverResult {
            name: name.to_owned(),
            queue_ms_p50: quantile(0.5),
            queue_ms_p95: quantile(0.95),
            queue_ms_max: self.total.queued.max() as f64 / 1000.0,
            sent_kbps: (self.total.sent * 8) as f64 / 1000.0 / seconds,
            arrived_kbps: (self.total.arrived * 8) as f64 / 1000.0 / seconds,
            dropped: self.total.dropped,
            lost: self.total.lost,
            frames: video.frames,
            keyframes: video.keyframes,
            keyframe_requests: video.keyframe_requests,
            freezes: video.freezes,
            frozen_share: video.frozen.as_secs_f64() / seconds,
            concealed_share: audio.concealed as f64 / audio.steps.max(1) as f64,
            longest_audio_gap_ms: (STEP * audio.longest_gap as u32).as_secs_f64() * 1000.0,
            with_copies_share: ear.map_or(0.0, |ear| {
                ear.with_copies as f64 / ear.packets.max(1) as f64
            }),
            retransmissions: eye.map_or(0, |eye| eye.retransmissions),
            corrupted: receiver.corrupted,
            heights: heights
                .iter()
                .map(|(at, height)| (since(*at), *height))
                .collect(),
            line_words: self
                .line_words
                .iter()
                .map(|(word, times)| {
                    let times = times.iter().map(Duration::as_secs_f64).collect();
                    (word.clone(), times)
                })
                .collect(),
            failure: None,
            seconds: self.seconds.clone(),
        }
    }
}

/// How one receiver fared. Times in seconds since measuring began.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReceiverResult {
    pub name: String,
    pub queue_ms_p50: f64,
    pub queue_ms_p95: f64,
    pub queue_ms_max: f64,
    pub sent_kbps: f64,
    pub arrived_kbps: f64,
    pub dropped: u64,
    pub lost: u64,
    pub frames: u64,
    pub keyframes: u64,
    pub keyframe_requests: u64,
    pub freezes: u32,
    pub frozen_share: f64,
    pub concealed_share: f64,
    pub longest_audio_gap_ms: f64,
    /// Share of voice packets that carried copies of earlier frames.
    pub with_copies_share: f64,
    pub retransmissions: u64,
    pub corrupted: u64,
    /// Heights of the picture, and since when each.
    pub heights: Vec<(f64, u16)>,
    /// When the node said each word about pictures.
    pub line_words: BTreeMap<String, Vec<f64>>,
    /// Why it did not stay to the end.
    pub failure: Option<String>,
    pub seconds: Vec<Second>,
}

#[cfg(test)]
mod tests {
    use firstbell_linksim::Arrivals;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn arrives(queued: Duration) -> Fate {
        Fate::Arrives {
            at: Arrivals {
                first: Duration::ZERO,
                copy: None,
            },
            queued,
        }
    }

    fn line(video: &str, kbps: f64) -> Line {
        Line {
            downlink_kbps: Some(kbps),
            video: Some(video.into()),
            reason: None,
        }
    }

    #[test]
    fn seconds_hold_what_happened_in_them() {
        let receiver = Receiver::default();
        let mut monitor = Monitor::default();
        monitor.on_sent(MS, Cargo::Video, 9_999, Fate::Dropped);
        monitor.on_line(MS, line("full", 900.0));
        monitor.begin(1_000 * MS, &receiver);
        monitor.on_sent(1_100 * MS, Cargo::Video, 1_000, arrives(40 * MS));
        monitor.on_sent(
            1_200 * MS,
            Cargo::Audio,
            100,
            Fate::Lost { queued: 80 * MS },
        );
        monitor.on_arrived(1_000);
        monitor.close_second(Some(500_000), &receiver);
        monitor.on_line(2_500 * MS, line("off", 60.0));
        monitor.on_line(2_600 * MS, line("off", 50.0));
        monitor.on_sent(2_700 * MS, Cargo::Other, 100, Fate::Dropped);
        monitor.close_second(None, &receiver);
        let [first, second] = monitor.seconds.as_slice() else {
            panic!("two seconds")
        };
        assert!((first.sent_kbps - 8.8).abs() < 1e-9);
        assert!((first.video_sent_kbps - 8.0).abs() < 1e-9);
        assert!((first.queue_ms_max - 80.0).abs() < 1.0);
        assert_eq!((first.lost, first.dropped), (1, 0));
        assert_eq!(first.estimate_kbps, Some(900.0));
        assert_eq!(first.capacity_kbps, Some(500.0));
        assert_eq!((second.dropped, second.line.as_deref()), (1, Some("off")));
        let result = monitor.result("r", 2_000 * MS, &receiver);
        assert_eq!(result.line_words["off"], [1.5]);
        assert_eq!((result.dropped, result.lost), (1, 1));
        assert_eq!(monitor.last_video_sent, Some(1_100 * MS));
    }
}
