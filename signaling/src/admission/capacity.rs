//! What a node can carry, and what a class costs it.
//!
//! A pupil receives the loudest few voices and a bounded number of pictures, so that a class costs
//! in proportion to its size once it is larger than that, not to its square.

/// What carrying people costs, or what a node can carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Media packets in and out.
    pub packets_per_second: u64,
    /// What leaves the node: on a line as fast either way it is full first.
    pub bits_per_second: u64,
    pub memory_bytes: u64,
}

impl Load {
    pub const NONE: Self = Self {
        packets_per_second: 0,
        bits_per_second: 0,
        memory_bytes: 0,
    };

    /// As a capacity: nothing is too much.
    pub const UNLIMITED: Self = Self {
        packets_per_second: u64::MAX,
        bits_per_second: u64::MAX,
        memory_bytes: u64::MAX,
    };

    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    pub fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    /// The larger of each.
    pub fn most(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    /// How full a node of this `capacity` is, by what is nearest to its end: 1 is full.
    pub fn share_of(self, capacity: Self) -> f64 {
        let share = |used: u64, of: u64| match (used, of) {
            (0, _) | (_, u64::MAX) => 0.0,
            (_, 0) => f64::INFINITY,
            (used, of) => used as f64 / of as f64,
        };
        share(self.packets_per_second, capacity.packets_per_second)
            .max(share(self.bits_per_second, capacity.bits_per_second))
            .max(share(self.memory_bytes, capacity.memory_bytes))
    }

    fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            packets_per_second: with(self.packets_per_second, other.packets_per_second),
            bits_per_second: with(self.bits_per_second, other.bits_per_second),
            memory_bytes: with(self.memory_bytes, other.memory_bytes),
        }
    }
}

/// One stream of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub packets_per_second: u64,
    pub bits_per_second: u64,
}

/// What people of an ordinary class send and receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassProfile {
    /// Voices that everybody hears at most.
    pub audio_slots: u32,
    pub audio: Stream,
    /// The teacher, or whoever speaks: one large picture.
    pub large: Stream,
    /// Other pictures that everybody sees at most.
    pub thumbnail_slots: u32,
    pub thumbnail: Stream,
    /// What one person sends besides the voice: a camera in the layers that somebody watches.
    pub camera_packets_per_second: u64,
    pub room_bytes: u64,
    pub person_bytes: u64,
}

impl Default for ClassProfile {
    fn default() -> Self {
        Self {
            audio_slots: 3,
            audio: Stream {
                packets_per_second: 50,
                bits_per_second: 48_000,
            },
            large: Stream {
                packets_per_second: 125,
                bits_per_second: 1_200_000,
            },
            thumbnail_slots: 8,
            thumbnail: Stream {
                packets_per_second: 18,
                bits_per_second: 150_000,
            },
            camera_packets_per_second: 40,
            room_bytes: 64 * 1024,
            person_bytes: 400 * 1024,
        }
    }
}

impl ClassProfile {
    /// What a class of `people` costs the node that carries it.
    pub fn cost(&self, people: u32) -> Load {
        if people == 0 {
            return Load::NONE;
        }
        let others = people - 1;
        let voices = u64::from(others.min(self.audio_slots));
        let large = u64::from(others.min(1));
        let thumbnails = u64::from(others.saturating_sub(1).min(self.thumbnail_slots));
        let sum = |of: fn(&Stream) -> u64| {
            voices * of(&self.audio) + large * of(&self.large) + thumbnails * of(&self.thumbnail)
        };
        let sent = self.audio.packets_per_second + self.camera_packets_per_second;
        let received = sum(|stream| stream.packets_per_second);
        let people = u64::from(people);
        Load {
            packets_per_second: people * (sent + received),
            bits_per_second: people * sum(|stream| stream.bits_per_second),
            memory_bytes: self.room_bytes + people * self.person_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_large_class_costs_in_proportion_to_its_size() {
        let profile = ClassProfile::default();
        let packets = |people| profile.cost(people).packets_per_second;
        assert_eq!(packets(0), 0);
        // Alone: only what is sent.
        assert_eq!(packets(1), 90);
        // Two: each hears one voice and sees one picture.
        assert_eq!(packets(2), 2 * (90 + 50 + 125));
        assert_eq!(packets(60), 2 * packets(30));
        assert_eq!(packets(30), 30 * (90 + 150 + 125 + 144));
    }

    #[test]
    fn a_share_is_that_of_what_is_nearest_to_its_end() {
        let capacity = Load {
            packets_per_second: 1000,
            bits_per_second: u64::MAX,
            memory_bytes: 100,
        };
        let mut load = Load {
            packets_per_second: 500,
            bits_per_second: 1 << 60,
            memory_bytes: 10,
        };
        assert_eq!(load.share_of(capacity), 0.5);
        load.memory_bytes = 75;
        assert_eq!(load.share_of(capacity), 0.75);
        assert_eq!(load.share_of(Load::UNLIMITED), 0.0);
        assert_eq!(Load::NONE.share_of(Load::NONE), 0.0);
        assert_eq!(load.share_of(Load::NONE), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn every_further_person_costs_something(people in 0..5000_u32) {
            let profile = ClassProfile::default();
            let (before, after) = (profile.cost(people), profile.cost(people + 1));
            prop_assert!(after.packets_per_second > before.packets_per_second);
            prop_assert!(after.bits_per_second >= before.bits_per_second);
            prop_assert!(after.memory_bytes > before.memory_bytes);
            prop_assert_eq!(before.plus(after).minus(after), before);
        }
    }
}
