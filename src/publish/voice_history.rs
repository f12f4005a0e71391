//! The latest frames of one audio track: what redundant packets (RFC 2198) repeat.

/// Frames kept: 160 ms of 20 ms frames. Older ones would come too late to be played.
pub const FRAMES: usize = 8;

/// Longest frame kept. Speech takes 60 to 160 bytes; a longer one (music, 60 ms frames) is not
/// repeated.
pub const MAX_FRAME_BYTES: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u64,
    timestamp: u32,
    len: u16,
    bytes: [u8; MAX_FRAME_BYTES],
}

/// A frame that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceFrame<'a> {
    /// Extended sequence number of the packet that brought it.
    pub index: u64,
    pub timestamp: u32,
    pub frame: &'a [u8],
}

/// A ring by index. Takes its memory once, 2 kB.
#[derive(Debug)]
pub struct VoiceHistory {
    entries: Box<[Option<Entry>; FRAMES]>,
}

impl Default for VoiceHistory {
    fn default() -> Self {
        Self {
            entries: Box::new([None; FRAMES]),
        }
    }
}

impl VoiceHistory {
    /// Keeps a frame, in any order of arrival; one that is too long or too old is not kept.
    pub fn insert(&mut self, index: u64, timestamp: u32, frame: &[u8]) {
        let Some(entry) = self.entries.get_mut(place(index)) else {
            return;
        };
        if entry.as_ref().is_some_and(|newer| newer.index > index) {
            return;
        }
        // What stood here is too old by now, whether this one is kept or not.
        *entry = None;
        if frame.is_empty() || frame.len() > MAX_FRAME_BYTES {
            return;
        }
        let mut bytes = [0; MAX_FRAME_BYTES];
        if let Some(start) = bytes.get_mut(..frame.len()) {
            start.copy_from_slice(frame);
        }
        *entry = Some(Entry {
            index,
            timestamp,
            len: frame.len() as u16,
            bytes,
        });
    }

    /// The frames of the `depth` indices before `index`, the oldest first, as far as they are known.
    pub fn before(&self, index: u64, depth: usize) -> impl Iterator<Item = VoiceFrame<'_>> {
        let depth = depth.min(FRAMES - 1) as u64;
        (index.saturating_sub(depth)..index).filter_map(|wanted| self.get(wanted))
    }

    fn get(&self, index: u64) -> Option<VoiceFrame<'_>> {
        let entry = self.entries.get(place(index))?.as_ref()?;
        (entry.index == index).then_some(VoiceFrame {
            index,
            timestamp: entry.timestamp,
            frame: entry.bytes.get(..usize::from(entry.len))?,
        })
    }
}

fn place(index: u64) -> usize {
    (index % FRAMES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(history: &VoiceHistory, index: u64, depth: usize) -> Vec<u64> {
        history
            .before(index, depth)
            .map(|frame| frame.index)
            .collect()
    }

    #[test]
    fn the_latest_frames_are_found_oldest_first() {
        let mut history = VoiceHistory::default();
        assert_eq!(history.before(0, 5).count(), 0);
        for index in 0..20u64 {
            history.insert(index, index as u32 * 960, &[index as u8; 80]);
        }
        assert_eq!(indices(&history, 19, 3), [16, 17, 18]);
        let oldest = history.before(20, 1).next().unwrap();
        assert_eq!((oldest.index, oldest.timestamp), (19, 19 * 960));
        assert_eq!(oldest.frame, [19; 80]);
        assert_eq!(indices(&history, 19, 100).len(), FRAMES - 1);
        assert!(indices(&history, 5, 2).is_empty(), "overwritten");
    }

    #[test]
    fn gaps_stay_gaps_until_they_are_filled() {
        let mut history = VoiceHistory::default();
        for index in [0, 1, 3] {
            history.insert(index, 0, b"frame");
        }
        assert_eq!(indices(&history, 4, 4), [0, 1, 3]);
        history.insert(2, 0, b"late");
        assert_eq!(indices(&history, 4, 4), [0, 1, 2, 3]);
        history.insert(9, 0, b"frame");
        history.insert(1, 0, b"much too late");
        assert_eq!(indices(&history, 10, 2), [9]);
    }

    #[test]
    fn a_long_frame_is_not_kept() {
        let mut history = VoiceHistory::default();
        history.insert(0, 0, &[0; MAX_FRAME_BYTES]);
        history.insert(1, 0, &[0; MAX_FRAME_BYTES + 1]);
        history.insert(2, 0, &[]);
        assert_eq!(indices(&history, 3, 3), [0]);
    }
}
