//! What is due by time.

use std::time::Instant;

use super::Shard;
use crate::transport::SendArena;

impl Shard {
    /// Does all that is due at `now`. Each participant and room is handled once; what that makes
    /// due at once waits for the next call, so that no call can go on for ever.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut SendArena) {
        let mut due = Vec::new();
        while let Some(key) = self.participant_timers.pop_due(now) {
            due.push(key);
        }
        for key in due {
            self.on_participant_due(now, key, out);
        }
        let mut due = Vec::new();
        while let Some(key) = self.room_timers.pop_due(now) {
            due.push(key);
        }
        for key in due {
            self.with_room(key, now, out, |room, turn| room.handle_room_timeout(turn));
            self.settle(key);
        }
    }

    fn on_participant_due(&mut self, now: Instant, key: usize, out: &mut SendArena) {
        let Some(entry) = self.directory.get(key) else {
            return;
        };
        let (room_key, seat) = (entry.room, entry.seat);
        self.with_room(room_key, now, out, |room, turn| {
            if let Some(participant) = room.participant_mut(seat) {
                participant.connection.handle_timeout(turn.now);
            }
            room.handle_timeout(turn, seat);
        });
        self.after_check(now, key);
        self.reset_timer(key);
        self.settle(room_key);
    }

    /// Sets a participant's timer to what is next due for it.
    pub(super) fn reset_timer(&mut self, key: usize) {
        let deadline = self.directory.get(key).and_then(|entry| {
            let room = self.rooms.get(entry.room)?;
            room.participant_timeout(entry.seat)
        });
        self.participant_timers.set(key, deadline);
    }
}
