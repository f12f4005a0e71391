//! A voice played out as browsers do: a buffer whose length follows the arrivals, played in steps of
//! 10 ms; what is not there when it is due is concealed; a little faster or slower playing brings
//! the buffer to its length.
//!
//! Concealment is the share of time filled with invented sound (webrtc-stats `concealedSamples` over
//! `totalSamplesReceived`).

use std::collections::BTreeSet;
use std::time::Duration;

use super::lateness::{Lateness, LatenessConfig};
use super::unwrap::Unwrap32;

/// Of playing.
pub const STEP: Duration = Duration::from_millis(10);
/// A frame is 20 ms, in steps and in ticks of the RTP clock.
const STEPS_PER_FRAME: u32 = 2;
const FRAME_TICKS: i64 = 960;
const FRAME: Duration = Duration::from_millis(20);
/// Frames that wait; when full, all are dropped and playing begins anew (4 s are no conversation).
const MAX_BUFFER: usize = 200;
/// Steps between two changes of speed.
const STRETCH_INTERVAL: u32 = 5;
/// Of the buffer's length, each step.
const SMOOTHING: f64 = 1.0 / 64.0;
/// The buffer may be this much shorter than its target before playing slows down.
const SLACK: Duration = Duration::from_millis(85);

const LATENESS: LatenessConfig = LatenessConfig {
    bucket: FRAME,
    quantile: 0.95,
    forget: 0.983,
    window: Duration::from_secs(2),
};

/// How a frame came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In its own packet, at first try.
    Primary,
    /// As a copy in a later packet, or sent again.
    Repaired,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioFigures {
    /// Steps of 10 ms.
    pub steps: u64,
    pub concealed: u64,
    /// Longest run of concealed steps.
    pub longest_gap: u64,
    /// Frames whose own packet came when their time was over.
    pub late: u64,
    /// Frames played that had come as copies or again.
    pub repaired: u64,
}

struct Playing {
    /// Frame that is due next.
    next: i64,
    /// Steps of the current frame still to play.
    remaining: u32,
    /// Concealed steps since the last frame.
    expanded: u32,
    /// When the next step is.
    at: Duration,
}

pub struct AudioPlayout {
    timestamps: Unwrap32,
    /// Frame numbers count from the first packet's timestamp.
    origin: Option<i64>,
    buffer: BTreeSet<i64>,
    repaired: BTreeSet<i64>,
    lateness: Lateness,
    /// Smoothed length of the buffer, ms.
    level: f64,
    since_stretch: u32,
    playing: Option<Playing>,
    gap: u64,
    figures: AudioFigures,
}

impl Default for AudioPlayout {
    fn default() -> Self {
        Self {
            timestamps: Unwrap32::default(),
            origin: None,
            buffer: BTreeSet::new(),
            repaired: BTreeSet::new(),
            lateness: Lateness::new(LATENESS),
            level: 0.0,
            since_stretch: 0,
            playing: None,
            gap: 0,
            figures: AudioFigures::default(),
        }
    }
}

impl AudioPlayout {
    /// A frame came. Time must have been [`advance`](Self::advance)d to now.
    pub fn insert(&mut self, now: Duration, timestamp: u32, origin: Origin) {
        let ticks = self.timestamps.extend(timestamp);
        let first = *self.origin.get_or_insert(ticks);
        let frame = (ticks - first).div_euclid(FRAME_TICKS);
        if origin == Origin::Primary {
            self.lateness.observe(now, frame * FRAME.as_micros() as i64);
        }
        let playing = self.playing.get_or_insert(Playing {
            next: frame,
            remaining: 0,
            expanded: 0,
            // The sound card asks when it likes, not when a packet comes.
            at: now + STEP,
        });
        if frame < playing.next {
            self.figures.late += u64::from(origin == Origin::Primary);
            return;
        }
        if self.buffer.len() == MAX_BUFFER {
            self.buffer.clear();
            self.repaired.clear();
            playing.next = frame;
        }
        if self.buffer.insert(frame) && origin == Origin::Repaired {
            self.repaired.insert(frame);
        }
    }

    /// Plays until now.
    pub fn advance(&mut self, now: Duration) {
        while self
            .playing
            .as_ref()
            .is_some_and(|playing| playing.at <= now)
        {
            self.step();
        }
    }

    fn step(&mut self) {
        let buffered = (self.buffer.len() as u32 * FRAME).as_secs_f64() * 1000.0;
        self.level += (buffered - self.level) * SMOOTHING;
        self.since_stretch += 1;
        let Some(playing) = &mut self.playing else {
            return;
        };
        playing.at += STEP;
        self.figures.steps += 1;
        if playing.remaining > 0 {
            playing.remaining -= 1;
            return;
        }
        if let Some(first) = self.buffer.first().copied() {
            // What is missing in between is skipped once as much time has been filled.
            let missing = u32::try_from(first - playing.next).unwrap_or(u32::MAX);
            if missing.saturating_mul(STEPS_PER_FRAME) <= playing.expanded {
                self.play(first);
                return;
            }
        }
        playing.expanded += 1;
        self.gap += 1;
        self.figures.concealed += 1;
        self.figures.longest_gap = self.figures.longest_gap.max(self.gap);
    }

    fn play(&mut self, frame: i64) {
        let steps = STEPS_PER_FRAME.saturating_add_signed(self.stretch());
        self.buffer.remove(&frame);
        self.figures.repaired += u64::from(self.repaired.remove(&frame));
        self.gap = 0;
        if let Some(playing) = &mut self.playing {
            playing.next = frame + 1;
            playing.expanded = 0;
            playing.remaining = steps.saturating_sub(1);
        }
    }

    /// Steps by which the next frame is played longer, to bring the buffer to its length.
    fn stretch(&mut self) -> i32 {
        if self.since_stretch < STRETCH_INTERVAL {
            return 0;
        }
        let target = self.lateness.target();
        let low = (target * 3 / 4).max(target.saturating_sub(SLACK));
        let high = target.max(low + FRAME);
        let level = Duration::from_secs_f64(self.level.max(0.0) / 1000.0);
        let steps = if level > high {
            -1
        } else if level < low {
            1
        } else {
            return 0;
        };
        self.since_stretch = 0;
        self.level += f64::from(steps) * STEP.as_secs_f64() * 1000.0;
        steps
    }

    pub fn figures(&self) -> AudioFigures {
        self.figures
    }

    /// Figures begin anew.
    pub fn reset(&mut self) {
        self.figures = AudioFigures::default();
        self.gap = 0;
    }

    /// Smoothed length of the buffer and what it should be.
    pub fn buffer(&self) -> (Duration, Duration) {
        let level = Duration::from_secs_f64(self.level.max(0.0) / 1000.0);
        (level, self.lateness.target())
    }
}

#[cfg(test)]
#[path = "audio_tests.rs"]
mod tests;
