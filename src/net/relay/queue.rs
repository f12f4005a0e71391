//! One way between two threads: a ring of fixed slots with one writer and one reader.
//!
//! No lock and no allocation after its making. Either side keeps a count of its own and publishes
//! it once for many messages; the other side's count is read only when what was last seen of it is
//! used up.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::shard::MAX_MESSAGE_BYTES;

/// Bytes in front of a message: its length.
const HEAD: usize = size_of::<u16>();
/// A slot, up to whole cache lines, so that the two sides never touch the same one.
const STRIDE: usize = (HEAD + MAX_MESSAGE_BYTES).next_multiple_of(64);

/// A count on cache lines of its own: two, for processors that fetch them in pairs.
#[repr(align(128))]
struct Count(AtomicUsize);

struct Ring {
    /// `slots` times [`STRIDE`] bytes. Zeroed memory that nobody has touched costs nothing but
    /// addresses.
    bytes: Box<[UnsafeCell<u8>]>,
    /// A power of two.
    slots: usize,
    /// Messages written since the beginning, as the reader may know it.
    written: Count,
    /// Messages read since the beginning, as the writer may know it.
    read: Count,
}

// SAFETY: `bytes` is the only part that is not `Sync`. A slot belongs to the writer until `written`
// passes it (released by `publish`, acquired by `pop`) and to the reader until `read` passes it
// (released by `release`, acquired by `push`). `Writer` and `Reader` are the only users, there is
// one of each, and neither can be cloned.
unsafe impl Sync for Ring {}

impl Ring {
    /// Where the slot of the message with this number begins.
    fn slot(&self, number: usize) -> *mut u8 {
        let start = (number & (self.slots - 1)) * STRIDE;
        self.bytes
            .get(start)
            .map_or(std::ptr::null_mut(), UnsafeCell::get)
    }
}

pub struct Writer {
    ring: Arc<Ring>,
    /// Messages written, published or not.
    next: usize,
    /// What was last seen of the reader's count.
    read: usize,
}

pub struct Reader {
    ring: Arc<Ring>,
    /// Messages read, released or not.
    next: usize,
    /// What was last seen of the writer's count.
    written: usize,
}

/// A queue for at least `messages` messages of up to [`MAX_MESSAGE_BYTES`].
pub fn queue(messages: usize) -> (Writer, Reader) {
    let slots = messages.max(1).next_power_of_two();
    let bytes = Box::into_raw(vec![0_u8; slots * STRIDE].into_boxed_slice());
    // SAFETY: the pointer is the box's just taken apart; `UnsafeCell<u8>` has the layout of `u8`.
    let bytes = unsafe { Box::from_raw(bytes as *mut [UnsafeCell<u8>]) };
    let ring = Arc::new(Ring {
        bytes,
        slots,
        written: Count(AtomicUsize::new(0)),
        read: Count(AtomicUsize::new(0)),
    });
    let writer = Writer {
        ring: ring.clone(),
        next: 0,
        read: 0,
    };
    let reader = Reader {
        ring,
        next: 0,
        written: 0,
    };
    (writer, reader)
}

impl Writer {
    /// Copies a message into the next slot, unseen by the reader until [`publish`](Self::publish).
    /// False: the queue is full, or no slot is that long.
    pub fn push(&mut self, message: &[u8]) -> bool {
        if message.len() > MAX_MESSAGE_BYTES {
            return false;
        }
        if self.next.wrapping_sub(self.read) == self.ring.slots {
            self.read = self.ring.read.0.load(Ordering::Acquire);
            if self.next.wrapping_sub(self.read) == self.ring.slots {
                return false;
            }
        }
        let slot = self.ring.slot(self.next);
        let head = (message.len() as u16).to_ne_bytes();
        // SAFETY: `slot` begins STRIDE bytes of the ring, which are enough for both parts. The
        // reader has released this slot and does not look at it before `written` passes it.
        unsafe {
            std::ptr::copy_nonoverlapping(head.as_ptr(), slot, HEAD);
            std::ptr::copy_nonoverlapping(message.as_ptr(), slot.add(HEAD), message.len());
        }
        self.next = self.next.wrapping_add(1);
        true
    }

    /// Lets the reader see all that was pushed.
    pub fn publish(&mut self) {
        self.ring.written.0.store(self.next, Ordering::Release);
    }
}

impl Reader {
    /// Gives the next message to `take`. False: there is none.
    pub fn pop(&mut self, take: impl FnOnce(&[u8])) -> bool {
        if self.next == self.written {
            self.written = self.ring.written.0.load(Ordering::Acquire);
            if self.next == self.written {
                return false;
            }
        }
        let slot: *const u8 = self.ring.slot(self.next);
        let mut head = [0; HEAD];
        // SAFETY: `written` has passed this slot, so the writer wrote a length of at most
        // MAX_MESSAGE_BYTES and as many bytes, and does not touch them before `read` passes it,
        // which `release` does, after the borrow of `message` has ended.
        let message = unsafe {
            std::ptr::copy_nonoverlapping(slot, head.as_mut_ptr(), HEAD);
            std::slice::from_raw_parts(slot.add(HEAD), usize::from(u16::from_ne_bytes(head)))
        };
        take(message);
        self.next = self.next.wrapping_add(1);
        true
    }

    /// Gives the slots of all that was read back to the writer.
    pub fn release(&mut self) {
        self.ring.read.0.store(self.next, Ordering::Release);
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
