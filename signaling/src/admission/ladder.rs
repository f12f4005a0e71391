//! The brownout ladder: what a node gives up, in which order, when it is short of something.
//!
//! Pressure is how near the node is to the end of whatever it is nearest to. The ladder goes up at
//! once, as far as the pressure asks; it goes down one step at a time, after the pressure has been
//! clearly lower for a while. So it gives way before media suffers, and does not flap.

use std::time::{Duration, Instant};

/// What a node is short of, each as a share of its bound: 0 idle, 1 at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// CPU time of the busiest media thread.
    pub media_cpu: f64,
    /// Datagrams that wait to be sent, by what may wait.
    pub send_backlog: f64,
    /// Handshakes that wait, by what may wait.
    pub handshake_queue: f64,
    /// Work of those who wait for admission, by what may wait.
    pub admission_queue: f64,
}

/// What the node gives, each step less than the one before. People in classes keep hearing each
/// other on every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    #[default]
    Full,
    /// Who joins gets the voices first and the pictures a moment later.
    AudioFirst,
    /// Few thumbnails.
    ThumbnailsLimited,
    /// Pictures of those who lead or speak only.
    SpeakersOnly,
    /// No pictures but shared screens.
    AudioOnly,
    /// As before, and joins come in slowly.
    Queue,
}

/// From this pressure on each step is taken. A media thread that is busy for more than nine tenths
/// of the time adds milliseconds to every packet, so that pictures go before that.
const TAKEN_FROM: [(f64, Step); 5] = [
    (0.60, Step::AudioFirst),
    (0.72, Step::ThumbnailsLimited),
    (0.80, Step::SpeakersOnly),
    (0.88, Step::AudioOnly),
    (0.95, Step::Queue),
];

/// A step is left when the pressure is this much lower than where it is taken.
const HYSTERESIS: f64 = 0.1;

/// For this long without a break; then the ladder goes down one step.
pub const DOWN_AFTER: Duration = Duration::from_secs(10);

/// A queue of joins slows joins down by itself. Even a full one asks for no more than this step:
/// pictures of classes that run are not given up for people who wait.
const MOST_FOR_ADMISSION: Step = Step::AudioFirst;

/// How fast joins come in on the last step, as a share of what they may.
const QUEUE_SHARE: f64 = 0.25;

/// Thumbnails that everybody sees when they are limited.
const FEW_THUMBNAILS: u8 = 4;

/// How long pictures wait after a join that is given the voices first.
const VIDEO_AFTER: Duration = Duration::from_secs(1);

/// What a step means to the media plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Pictures of who joins wait this long.
    pub video_after: Duration,
    pub pictures: Pictures,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pictures {
    #[default]
    AsWanted,
    /// Those who lead or speak, and this many others.
    Few(u8),
    /// Those who lead or speak.
    Speakers,
    /// Shared screens only: what is written on them cannot be heard.
    Screens,
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::Full,
        Self::AudioFirst,
        Self::ThumbnailsLimited,
        Self::SpeakersOnly,
        Self::AudioOnly,
        Self::Queue,
    ];

    /// The step that `pressure` asks for.
    pub fn asked_by(pressure: &Pressure) -> Self {
        let media = pressure
            .media_cpu
            .max(pressure.send_backlog)
            .max(pressure.handshake_queue);
        let admission = Self::asked_at(pressure.admission_queue).min(MOST_FOR_ADMISSION);
        Self::asked_at(media).max(admission)
    }

    /// The step for one number. What is no number asks for nothing.
    fn asked_at(pressure: f64) -> Self {
        TAKEN_FROM
            .iter()
            .rev()
            .find(|(from, _)| pressure >= *from)
            .map_or(Self::Full, |(_, step)| *step)
    }

    fn below(self) -> Self {
        let lower = Self::ALL.into_iter().rev().find(|step| *step < self);
        lower.unwrap_or(Self::Full)
    }

    pub fn service(self) -> Service {
        let pictures = match self {
            Self::Full | Self::AudioFirst => Pictures::AsWanted,
            Self::ThumbnailsLimited => Pictures::Few(FEW_THUMBNAILS),
            Self::SpeakersOnly => Pictures::Speakers,
            Self::AudioOnly | Self::Queue => Pictures::Screens,
        };
        let video_after = match self {
            Self::Full => Duration::ZERO,
            _ => VIDEO_AFTER,
        };
        Service {
            video_after,
            pictures,
        }
    }

    /// How fast joins may come in, as a share of the node's rate.
    pub fn admission_share(self) -> f64 {
        match self {
            Self::Queue => QUEUE_SHARE,
            _ => 1.0,
        }
    }

    /// As metrics and logs name it, and the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AudioFirst => "audio_first",
            Self::ThumbnailsLimited => "thumbnails_limited",
            Self::SpeakersOnly => "speakers_only",
            Self::AudioOnly => "audio_only",
            Self::Queue => "queue",
        }
    }
}

impl Pressure {
    /// The same, seen with so much less of everything: what has to hold for a step to be left.
    fn plus(&self, more: f64) -> Self {
        Self {
            media_cpu: self.media_cpu + more,
            send_backlog: self.send_backlog + more,
            handshake_queue: self.handshake_queue + more,
            admission_queue: self.admission_queue + more,
        }
    }
}

/// Where one node stands.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    step: Step,
    /// Since when the pressure has asked for less than this step, clearly and without a break.
    calm_since: Option<Instant>,
}

impl Ladder {
    pub fn step(&self) -> Step {
        self.step
    }

    /// Takes a new measurement and gives the step to be on. To be called regularly.
    pub fn observe(&mut self, now: Instant, pressure: &Pressure) -> Step {
        let asked = Step::asked_by(pressure);
        if asked > self.step {
            self.step = asked;
            self.calm_since = None;
            return self.step;
        }
        if Step::asked_by(&pressure.plus(HYSTERESIS)) >= self.step {
            self.calm_since = None;
            return self.step;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= DOWN_AFTER {
            self.step = self.step.below();
            self.calm_since = Some(now);
        }
        self.step
    }
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
