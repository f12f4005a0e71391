//! How often people hear of their lines. The plane's figures move all the time; a client needs to
//! know what it can do something about, and the others need one word.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::actor::Room;
use crate::message::{ParticipantId, ServerMessage};
use crate::plane::{MediaLine, MediaSession};

/// Lines are told this often at most, in one go for the whole room: with them changes what the
/// roster says of people, and an assembly would hear of somebody's line all the time.
const INTERVAL: Duration = Duration::from_secs(1);

/// An estimate that moved by less than this part of what was told last is not told.
const KBPS_STEP: u32 = 4;

/// One person's line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub now: MediaLine,
    told: MediaLine,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            now: MediaLine::UNKNOWN,
            told: MediaLine::UNKNOWN,
        }
    }
}

impl Line {
    /// True if the person should hear of it.
    fn update(&mut self, line: MediaLine) -> bool {
        self.now = line;
        is_news(self.told, line)
    }

    /// What to tell, if it is still news.
    fn take(&mut self) -> Option<MediaLine> {
        if !is_news(self.told, self.now) {
            return None;
        }
        self.told = self.now;
        Some(self.now)
    }

    /// What to tell a client that knows nothing of it.
    pub fn take_all(&mut self) -> Option<MediaLine> {
        self.told = self.now;
        (self.now != MediaLine::UNKNOWN).then_some(self.now)
    }
}

fn is_news(told: MediaLine, now: MediaLine) -> bool {
    let estimate = match (told.downlink_kbps, now.downlink_kbps) {
        (Some(told), Some(now)) => told.abs_diff(now) > told / KBPS_STEP,
        (told, now) => told.is_some() != now.is_some(),
    };
    estimate || told.video != now.video || told.uplink != now.uplink
}

/// Whose line is to be told, and when.
#[derive(Default)]
pub(crate) struct LineBatch {
    /// At most the people of the room and who left since.
    changed: BTreeSet<ParticipantId>,
    told: Option<Instant>,
    due: Option<Instant>,
}

impl LineBatch {
    fn touch(&mut self, now: Instant, participant: ParticipantId) {
        self.changed.insert(participant);
        let next = self.told.map_or(now, |told| now.max(told + INTERVAL));
        self.due.get_or_insert(next);
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    fn take(&mut self, now: Instant) -> BTreeSet<ParticipantId> {
        self.due = None;
        self.told = Some(now);
        std::mem::take(&mut self.changed)
    }
}

impl Room {
    pub fn line_changed(&mut self, session: MediaSession, line: MediaLine) {
        let Some(member) = self.people.by_session_mut(session) else {
            return;
        };
        if member.media.line.update(line) {
            self.lines.touch(Instant::now(), member.id.clone());
        }
    }

    /// Tells everybody whose line has changed, and with the next roster message the others.
    pub fn tell_lines(&mut self, now: Instant) {
        for participant in self.lines.take(now) {
            let Some(member) = self.people.get_mut(&participant) else {
                continue;
            };
            let line = member.media.line.take();
            if let (Some(line), Some(outbox)) = (line, member.outbox()) {
                outbox.tell(ServerMessage::Line(line.into()));
            }
            self.touch(&participant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plane::{LineReason, LineVideo, Uplink};

    fn of(downlink_kbps: u32) -> MediaLine {
        MediaLine {
            downlink_kbps: Some(downlink_kbps),
            ..MediaLine::UNKNOWN
        }
    }

    #[test]
    fn small_moves_of_the_estimate_are_no_news_but_do_not_add_up_unseen() {
        let mut line = Line::default();
        assert!(line.update(of(1000)));
        assert_eq!(line.take(), Some(of(1000)));
        for kbps in [900, 1100, 750, 1250] {
            assert!(!line.update(of(kbps)), "{kbps}");
        }
        assert!(line.update(of(1251)));
        assert!(line.update(of(749)));
        assert_eq!(line.take(), Some(of(749)));
    }

    #[test]
    fn what_people_notice_is_news() {
        let told = of(1000);
        let off = MediaLine {
            video: LineVideo::Off(LineReason::Narrow),
            ..told
        };
        let silent = MediaLine {
            uplink: Uplink::Silent,
            ..told
        };
        assert!(is_news(told, off) && is_news(told, silent));
        assert!(is_news(told, MediaLine::UNKNOWN));
        let other = MediaLine {
            video: LineVideo::Off(LineReason::Lossy),
            ..told
        };
        assert!(is_news(off, other), "another reason");
    }

    #[test]
    fn what_came_and_went_is_not_told() {
        let mut line = Line::default();
        line.update(of(1000));
        line.take();
        line.update(of(300));
        line.update(of(1010));
        assert_eq!(line.take(), None);
        assert!(line.update(of(1255)), "compared with what was told");
    }

    #[test]
    fn a_room_tells_once_an_interval() {
        let start = Instant::now();
        let mut batch = LineBatch::default();
        batch.touch(start, "a".into());
        assert_eq!(batch.due(), Some(start));
        assert_eq!(batch.take(start).len(), 1);
        assert_eq!(batch.due(), None);
        batch.touch(start + INTERVAL / 4, "b".into());
        batch.touch(start + INTERVAL / 2, "a".into());
        assert_eq!(batch.due(), Some(start + INTERVAL));
        assert_eq!(batch.take(start + INTERVAL).len(), 2);
        let later = start + INTERVAL * 9;
        batch.touch(later, "a".into());
        assert_eq!(batch.due(), Some(later));
    }
}
