//! Who is heard: loudness by the audio level extension (RFC 6464), smoothed, with hysteresis.
//!
//! Two answers from one measurement. *Active*: voice was heard lately; at once true with the first
//! voiced packet, so that a free or silent audio slot is taken at the word's start. *Speaking*:
//! voice went on for [`START_AFTER`]; that moves tiles and names speakers, so a cough must not
//! reach it.

use std::time::{Duration, Instant};

use crate::wire::extensions::AudioLevel;

/// Levels at least this loud, in -dBov, count as voice. Speech lies near 20 to 45, a quiet room
/// above 60. The extension's voice bit is not used: some clients never set it, others always do.
pub const VOICE_LEVEL: u8 = 50;
/// Voice shorter than this makes nobody a speaker: a cough takes 0.2 to 0.3 s.
pub const START_AFTER: Duration = Duration::from_millis(350);
/// Pauses up to this do not interrupt a voice that is becoming a speaker.
pub const PAUSE: Duration = Duration::from_millis(200);
/// A speaker stays one through pauses up to this.
pub const STOP_AFTER: Duration = Duration::from_millis(1_500);
/// A voice stays active for this long after its last voiced packet.
pub const ACTIVE_FOR: Duration = Duration::from_millis(2_500);
/// How much louder (dB) one must be to pass a speaker before them.
pub const MARGIN: u8 = 6;
/// At most this many speakers are named.
pub const MAX_SPEAKERS: usize = 5;
/// Time between two looks at the speakers while anybody is active.
pub const TICK: Duration = Duration::from_millis(200);

/// Time constants of the smoothed loudness, ms: quick to rise, slow to fall.
const ATTACK_MS: i64 = 60;
const RELEASE_MS: i64 = 600;
/// Longest step of the smoothing, ms, so that one packet after a silence does not decide alone.
const MAX_STEP_MS: i64 = 100;

#[derive(Clone, Debug)]
struct Voice {
    /// Smoothed loudness: 0 silence to 127 full scale, 8 fraction bits.
    loudness: i64,
    heard: Instant,
    voiced_since: Option<Instant>,
    last_voiced: Option<Instant>,
    last_spoke: Option<Instant>,
}

/// The voices of one room, by seat.
#[derive(Debug, Default)]
pub struct Speakers {
    voices: Vec<Option<Voice>>,
    /// Seats that speak, loudest first.
    speaking: Vec<usize>,
}

impl Speakers {
    /// Takes the level of one packet. True when the voice becomes active by it: the moment to look
    /// whether it has a slot.
    pub fn observe(&mut self, seat: usize, now: Instant, level: AudioLevel) -> bool {
        let voice = self.voice_at(seat, now);
        voice.smooth(now, level);
        if level.level > VOICE_LEVEL {
            return false;
        }
        let was_active = voice.is_active(now);
        let paused = voice
            .last_voiced
            .is_none_or(|last| now.saturating_duration_since(last) > PAUSE);
        if paused {
            voice.voiced_since = Some(now);
        }
        voice.last_voiced = Some(now);
        !was_active
    }

    /// Somebody who comes with a past: they were last among the speakers at `spoke`.
    pub fn remember(&mut self, seat: usize, now: Instant, spoke: Instant) {
        self.voice_at(seat, now).last_spoke = Some(spoke);
    }

    fn voice_at(&mut self, seat: usize, now: Instant) -> &mut Voice {
        if self.voices.len() <= seat {
            self.voices.resize(seat + 1, None);
        }
        self.voices[seat].get_or_insert(Voice {
            loudness: 0,
            heard: now,
            voiced_since: None,
            last_voiced: None,
            last_spoke: None,
        })
    }

    /// Forgets a seat.
    pub fn remove(&mut self, seat: usize) {
        if let Some(voice) = self.voices.get_mut(seat) {
            *voice = None;
        }
        self.speaking.retain(|&speaking| speaking != seat);
    }

    /// The seat's microphone was muted: its voice ends now, not after the usual pause.
    pub fn hush(&mut self, seat: usize) {
        if let Some(Some(voice)) = self.voices.get_mut(seat) {
            voice.loudness = 0;
            voice.voiced_since = None;
            voice.last_voiced = None;
        }
    }

    /// Looks anew who speaks. True when the answer of [`Speakers::speaking`] changed.
    pub fn tick(&mut self, now: Instant) -> bool {
        let before = self.speaking.clone();
        let voices = &mut self.voices;
        self.speaking.retain(|&seat| {
            voices[seat]
                .as_ref()
                .is_some_and(|voice| voice.goes_on(now))
        });
        for (seat, voice) in voices.iter().enumerate() {
            let starts = voice.as_ref().is_some_and(|voice| voice.starts(now));
            if starts && !self.speaking.contains(&seat) {
                self.speaking.push(seat);
            }
        }
        order_by_loudness(&mut self.speaking, |seat| {
            voices[seat]
                .as_ref()
                .map_or(0, |voice| voice.loudness_at(now))
        });
        self.speaking.truncate(MAX_SPEAKERS);
        for &seat in &self.speaking {
            if let Some(voice) = &mut voices[seat] {
                voice.last_spoke = Some(now);
            }
        }
        before != self.speaking
    }

    /// Seats that speak, loudest first.
    pub fn speaking(&self) -> &[usize] {
        &self.speaking
    }

    pub fn is_active(&self, seat: usize, now: Instant) -> bool {
        self.voice(seat).is_some_and(|voice| voice.is_active(now))
    }

    /// Smoothed loudness now: 0 silence to 127 full scale.
    pub fn loudness(&self, seat: usize, now: Instant) -> u8 {
        self.voice(seat).map_or(0, |voice| voice.loudness_at(now))
    }

    /// When the seat was last among the speakers.
    pub fn last_spoke(&self, seat: usize) -> Option<Instant> {
        self.voice(seat).and_then(|voice| voice.last_spoke)
    }

    /// Whether anybody is active or named a speaker: whether ticks are needed.
    pub fn needs_ticks(&self, now: Instant) -> bool {
        !self.speaking.is_empty()
            || self
                .voices
                .iter()
                .flatten()
                .any(|voice| voice.is_active(now))
    }

    fn voice(&self, seat: usize) -> Option<&Voice> {
        self.voices.get(seat).and_then(Option::as_ref)
    }
}

impl Voice {
    fn smooth(&mut self, now: Instant, level: AudioLevel) {
        let target = i64::from(127 - level.level.min(127)) << 8;
        let step = self.silence_ms(now).clamp(1, MAX_STEP_MS);
        let constant = if target > self.loudness {
            ATTACK_MS
        } else {
            RELEASE_MS
        };
        self.loudness += (target - self.loudness) * step / (step + constant);
        self.heard = now;
    }

    /// The loudness, fallen by the time since the last packet: with discontinuous transmission
    /// silence sends none.
    fn loudness_at(&self, now: Instant) -> u8 {
        let silence = self.silence_ms(now).saturating_sub(MAX_STEP_MS).max(0);
        let loudness = self.loudness * RELEASE_MS / (RELEASE_MS + silence);
        (loudness >> 8).clamp(0, 127) as u8
    }

    fn silence_ms(&self, now: Instant) -> i64 {
        let silence = now.saturating_duration_since(self.heard).as_millis();
        i64::try_from(silence).unwrap_or(i64::MAX / 1_000_000)
    }

    fn is_active(&self, now: Instant) -> bool {
        self.voiced_within(now, ACTIVE_FOR)
    }

    fn starts(&self, now: Instant) -> bool {
        let (Some(since), Some(last)) = (self.voiced_since, self.last_voiced) else {
            return false;
        };
        last.saturating_duration_since(since) >= START_AFTER && self.voiced_within(now, PAUSE)
    }

    fn goes_on(&self, now: Instant) -> bool {
        self.voiced_within(now, STOP_AFTER)
    }

    fn voiced_within(&self, now: Instant, span: Duration) -> bool {
        self.last_voiced
            .is_some_and(|last| now.saturating_duration_since(last) <= span)
    }
}

/// Lets seats pass the one before them only when louder by [`MARGIN`]; one step per call, so the
/// order does not flicker between equals.
fn order_by_loudness(seats: &mut [usize], loudness: impl Fn(usize) -> u8) {
    for right in 1..seats.len() {
        let left = right - 1;
        if loudness(seats[right]) > loudness(seats[left]).saturating_add(MARGIN) {
            seats.swap(left, right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Class {
        speakers: Speakers,
        now: Instant,
        changes: usize,
    }

    impl Class {
        fn new() -> Self {
            Self {
                speakers: Speakers::default(),
                now: Instant::now(),
                changes: 0,
            }
        }

        /// `levels` by seat, one packet each per 20 ms, for `ms`.
        fn play(&mut self, ms: u64, levels: &[u8]) {
            for packet in 0..ms / 20 {
                for (seat, &level) in levels.iter().enumerate() {
                    let level = AudioLevel { voice: true, level };
                    self.speakers.observe(seat, self.now, level);
                }
                self.now += Duration::from_millis(20);
                if packet % 10 == 9 && self.speakers.tick(self.now) {
                    self.changes += 1;
                }
            }
        }
    }

    #[test]
    fn a_sentence_makes_a_speaker_and_silence_unmakes() {
        let mut class = Class::new();
        class.play(1_000, &[30, 90]);
        assert_eq!(class.speakers.speaking(), [0]);
        class.play(2_000, &[90, 90]);
        assert_eq!(class.speakers.speaking(), [0usize; 0]);
        assert_eq!(class.changes, 2);
    }

    #[test]
    fn a_cough_is_active_but_no_speaker() {
        let mut class = Class::new();
        class.play(2_000, &[30, 90]);
        class.play(240, &[30, 5]);
        assert!(class.speakers.is_active(1, class.now));
        class.play(3_000, &[30, 90]);
        assert_eq!(class.speakers.speaking(), [0]);
        assert_eq!(class.changes, 1, "only the first speaker's start");
        assert!(!class.speakers.is_active(1, class.now));
    }

    #[test]
    fn equals_do_not_swap_but_the_clearly_louder_passes() {
        let mut class = Class::new();
        class.play(1_000, &[30, 90]);
        class.play(1_000, &[30, 30]);
        assert_eq!(class.speakers.speaking(), [0, 1]);
        let before = class.changes;
        for round in 0..10 {
            class.play(200, if round % 2 == 0 { &[28, 32] } else { &[32, 28] });
        }
        assert_eq!(class.speakers.speaking(), [0, 1]);
        assert_eq!(class.changes, before);
        class.play(1_000, &[45, 20]);
        assert_eq!(class.speakers.speaking(), [1, 0]);
    }

    #[test]
    fn silence_without_packets_counts_as_silence() {
        let mut class = Class::new();
        class.play(1_000, &[20]);
        let loud = class.speakers.loudness(0, class.now);
        assert!(loud > 90);
        class.now += Duration::from_secs(3);
        assert!(class.speakers.loudness(0, class.now) < loud / 2);
        assert!(class.speakers.tick(class.now));
        assert!(class.speakers.speaking().is_empty());
        assert!(!class.speakers.needs_ticks(class.now));
    }

    #[test]
    fn the_first_voiced_packet_says_that_a_voice_becomes_active() {
        let mut speakers = Speakers::default();
        let now = Instant::now();
        let quiet = AudioLevel {
            voice: false,
            level: 80,
        };
        let loud = AudioLevel {
            voice: false,
            level: 30,
        };
        assert!(!speakers.observe(3, now, quiet));
        assert!(speakers.observe(3, now, loud));
        assert!(!speakers.observe(3, now + Duration::from_millis(20), loud));
        speakers.remove(3);
        assert!(!speakers.needs_ticks(now));
    }

    #[test]
    fn no_more_than_the_bound_are_named() {
        let mut class = Class::new();
        class.play(2_000, &[30; 12]);
        assert_eq!(class.speakers.speaking().len(), MAX_SPEAKERS);
    }
}
