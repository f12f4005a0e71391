//! Writing: the runs of an arena as messages, many messages as one `sendmmsg`, and what happens when
//! the socket takes no more.
//!
//! **Pieces are gathered, not copied.** A run's datagrams lie scattered over the arena; one message
//! has a vector for each stretch of them. `benches/udp.rs` compares it with contiguous runs.
//!
//! **A full socket costs video before audio.** What does not fit when the socket says so is sorted
//! by size: datagrams of at most [`SMALL_DATAGRAM`] bytes (audio, control, checks) wait in a bounded
//! backlog, larger ones are dropped and counted, since retransmission brings them back if they are
//! still wanted. The backlog goes first as soon as the socket takes more, so order per destination
//! is kept. Nothing here blocks.

use std::io;
use std::ops::Range;
use std::os::fd::RawFd;

use super::address::{empty_name, write_name};
use super::runs::{MAX_RUN_DATAGRAMS, Run, Runs};
use super::slab::Slab;
use super::{Control, UdpSocket, empty_control, empty_header, empty_vector};
use crate::net::counters::SendCounters;
use crate::transport::{QueuedDatagram, SendArena};

/// Messages written by one system call.
pub const SEND_BATCH: usize = 64;
/// Stretches of memory in one system call; a batch ends early where another run might not fit.
const SEND_VECTORS: usize = 1024;

/// Longest datagram that waits while the socket takes no more: Opus at 64 kbit/s and its headers,
/// RTCP, answers to checks.
pub const SMALL_DATAGRAM: usize = 300;
/// Datagrams that wait; more are dropped and counted, the newest first. Audio for 1,000 people,
/// once.
pub const BACKLOG_DATAGRAMS: usize = 1024;

/// The sending side of one socket: prepared headers and the backlog. Allocates nothing once made.
pub struct SendQueue {
    sender: Sender,
    backlog: SendArena,
    /// Takes the backlog's place while that is sent.
    spare: SendArena,
}

impl SendQueue {
    /// A queue for `socket`.
    pub fn new(socket: &UdpSocket) -> Self {
        let backlog = || SendArena::new(BACKLOG_DATAGRAMS * SMALL_DATAGRAM, BACKLOG_DATAGRAMS);
        Self {
            sender: Sender {
                messages: Messages::new(),
                counters: SendCounters::default(),
                is_gso: socket.is_gso,
                is_ipv6: socket.ipv6,
            },
            backlog: backlog(),
            spare: backlog(),
        }
    }

    pub fn counters(&self) -> &SendCounters {
        &self.sender.counters
    }

    /// Datagrams that wait until the socket takes more.
    pub fn backlog_len(&self) -> usize {
        self.backlog.queued().len()
    }

    pub(super) fn send(&mut self, kernel: &mut impl Kernel, arena: &SendArena) {
        if self.send_backlog(kernel) {
            self.sender.send(kernel, arena, &mut self.backlog);
        } else {
            let rest = Runs::new(arena, MAX_RUN_DATAGRAMS);
            self.sender.keep(arena, rest, &mut self.backlog);
        }
    }

    /// Whether nothing waits any more.
    pub(super) fn send_backlog(&mut self, kernel: &mut impl Kernel) -> bool {
        if self.backlog.is_empty() {
            return true;
        }
        std::mem::swap(&mut self.backlog, &mut self.spare);
        let kept = self.sender.counters.kept;
        self.sender.send(kernel, &self.spare, &mut self.backlog);
        // What still waits was counted when it began to.
        self.sender.counters.kept = kept;
        self.spare.clear();
        self.backlog.is_empty()
    }
}

/// The socket takes no more.
struct Blocked;

struct Sender {
    messages: Messages,
    counters: SendCounters,
    is_gso: bool,
    is_ipv6: bool,
}

impl Sender {
    /// Sends all of `arena`, path by path; small datagrams the socket does not take go to `kept`.
    fn send(&mut self, kernel: &mut impl Kernel, arena: &SendArena, kept: &mut SendArena) {
        let max_datagrams = if self.is_gso { MAX_RUN_DATAGRAMS } else { 1 };
        let mut runs = Runs::new(arena, max_datagrams);
        while self.messages.fill(&mut runs, arena, self.is_ipv6) {
            let mut first = 0;
            while first < self.messages.runs.len() {
                self.counters.calls += 1;
                match kernel.send(&self.messages, first..self.messages.runs.len()) {
                    Ok(sent) => {
                        for run in self.messages.runs.iter().skip(first).take(sent) {
                            self.counters.took(run.datagrams);
                        }
                        first += sent.max(1);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if is_full(&error) => {
                        self.block(first, 0, arena, runs, kept);
                        return;
                    }
                    Err(error) => {
                        if let Err((done, Blocked)) =
                            self.after_refusal(kernel, first, &error, arena)
                        {
                            self.block(first, done, arena, runs, kept);
                            return;
                        }
                        first += 1;
                    }
                }
            }
            if !self.is_gso {
                runs.stop_sharing();
            }
        }
    }

    /// The kernel refused the message at `index`; the others still get their chance. A run that it
    /// may only have refused as segments is sent one by one. When blocked, says how many went.
    fn after_refusal(
        &mut self,
        kernel: &mut impl Kernel,
        index: usize,
        error: &io::Error,
        arena: &SendArena,
    ) -> Result<(), (usize, Blocked)> {
        let run = self.messages.runs[index];
        if run.datagrams == 1 || !is_about_segments(error) {
            self.counters.refused += run.datagrams as u64;
            return Ok(());
        }
        // EIO: the interface cannot do it, for anybody (udp(7): no checksum offload). EINVAL and
        // EMSGSIZE are about this path, whose MTU is below the segments' size.
        if error.raw_os_error() == Some(libc::EIO) && std::mem::take(&mut self.is_gso) {
            tracing::warn!(%error, "the network interface takes no segmented sends; not using them");
        }
        self.counters.unsegmented += 1;
        for (done, datagram) in run.datagrams(arena).enumerate() {
            self.send_one(kernel, index, arena.bytes_of(datagram))
                .map_err(|blocked| (done, blocked))?;
        }
        Ok(())
    }

    /// Sends one datagram to where the message at `index` goes.
    fn send_one(
        &mut self,
        kernel: &mut impl Kernel,
        index: usize,
        bytes: &[u8],
    ) -> Result<(), Blocked> {
        loop {
            self.counters.calls += 1;
            match kernel.send_alone(&self.messages, index, bytes) {
                Ok(()) => self.counters.took(1),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_full(&error) => return Err(Blocked),
                Err(_) => self.counters.refused += 1,
            }
            return Ok(());
        }
    }

    /// Keeps what was not sent: the messages from `first` on, of the first of which `done`
    /// datagrams went, and the `rest` of the arena.
    fn block(
        &mut self,
        first: usize,
        done: usize,
        arena: &SendArena,
        rest: Runs<'_>,
        kept: &mut SendArena,
    ) {
        self.counters.blocked += 1;
        for index in first..self.messages.runs.len() {
            let skipped = if index == first { done } else { 0 };
            let run = self.messages.runs[index].after(skipped, arena);
            self.keep(arena, run, kept);
        }
        self.keep(arena, rest, kept);
    }

    /// Copies small datagrams to `kept`, drops and counts the others.
    fn keep(
        &mut self,
        arena: &SendArena,
        runs: impl IntoIterator<Item = Run>,
        kept: &mut SendArena,
    ) {
        for run in runs {
            for datagram in run.datagrams(arena) {
                if datagram.size() > SMALL_DATAGRAM {
                    self.counters.buffer_full += 1;
                } else if kept.push(run.destination, arena.bytes_of(datagram)) {
                    self.counters.kept += 1;
                } else {
                    self.counters.backlog_full += 1;
                }
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

fn is_about_segments(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE)
    )
}

/// The system calls, which tests let fail.
pub(super) trait Kernel {
    /// Sends some of `messages`, the first of the range at least; how many were taken. The arena
    /// they were filled from is still borrowed.
    fn send(&mut self, messages: &Messages, range: Range<usize>) -> io::Result<usize>;

    /// Sends `bytes` to the destination of the message at `index`.
    fn send_alone(&mut self, messages: &Messages, index: usize, bytes: &[u8]) -> io::Result<()>;
}

/// A socket, and whether it takes several messages in one call.
pub(super) struct Descriptor {
    pub descriptor: RawFd,
    pub is_mmsg: bool,
}

impl Kernel for Descriptor {
    fn send(&mut self, messages: &Messages, range: Range<usize>) -> io::Result<usize> {
        let header = messages.headers.pointer(range.start);
        let taken = if self.is_mmsg {
            let count = range.len().min(messages.runs.len()) as libc::c_uint;
            // SAFETY: the headers of the range point at names, control messages and vectors of
            // `messages`, and the vectors at bytes of the arena, which the caller holds borrowed;
            // the kernel writes nothing but `msg_len`, which is never read.
            unsafe { libc::sendmmsg(self.descriptor, header, count, libc::MSG_DONTWAIT) as isize }
        } else {
            // SAFETY: as above, for one header, of which nothing is written.
            let sent = unsafe {
                let header = &raw const (*header).msg_hdr;
                libc::sendmsg(self.descriptor, header, libc::MSG_DONTWAIT)
            };
            if sent < 0 { -1 } else { 1 }
        };
        usize::try_from(taken).map_err(|_| io::Error::last_os_error())
    }

    fn send_alone(&mut self, messages: &Messages, index: usize, bytes: &[u8]) -> io::Result<()> {
        let name_len = messages.headers[index].msg_hdr.msg_namelen;
        // SAFETY: the name of that length and the bytes live throughout the call, which only
        // reads them.
        let sent = unsafe {
            libc::sendto(
                self.descriptor,
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_DONTWAIT,
                messages.names.pointer(index).cast(),
                name_len,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// Headers for one system call, prepared once; [`Messages::fill`] writes only what differs.
pub(super) struct Messages {
    names: Slab<libc::sockaddr_storage>,
    controls: Slab<Control>,
    vectors: Slab<libc::iovec>,
    headers: Slab<libc::mmsghdr>,
    /// What each message is.
    pub(super) runs: Vec<Run>,
}

impl Messages {
    fn new() -> Self {
        let names = Slab::new(empty_name(), SEND_BATCH);
        let mut controls = Slab::new(empty_control(), SEND_BATCH);
        let mut headers = Slab::new(empty_header(), SEND_BATCH);
        for index in 0..SEND_BATCH {
            controls[index].prepare_segment();
            let header = &mut headers[index].msg_hdr;
            header.msg_name = names.pointer(index).cast();
            header.msg_control = controls.pointer(index).cast();
        }
        Self {
            names,
            controls,
            vectors: Slab::new(empty_vector(), SEND_VECTORS),
            headers,
            runs: Vec::with_capacity(SEND_BATCH),
        }
    }

    /// Takes as many of `runs` as one call may send. False: there were none.
    fn fill(&mut self, runs: &mut Runs<'_>, arena: &SendArena, is_ipv6: bool) -> bool {
        self.runs.clear();
        let mut vectors = 0;
        while self.runs.len() < SEND_BATCH && vectors + MAX_RUN_DATAGRAMS <= SEND_VECTORS {
            let Some(run) = runs.next() else {
                break;
            };
            let count = self.gather(run.datagrams(arena), arena, vectors);
            let index = self.runs.len();
            let header = &mut self.headers[index].msg_hdr;
            header.msg_namelen = write_name(&mut self.names[index], run.destination, is_ipv6);
            header.msg_iov = self.vectors.pointer(vectors);
            header.msg_iovlen = count;
            header.msg_controllen = if run.datagrams > 1 {
                self.controls[index].set_segment(run.segment as u16)
            } else {
                0
            };
            vectors += count;
            self.runs.push(run);
        }
        !self.runs.is_empty()
    }

    /// Writes the vectors of one message from the `at`th on; how many. Neighbours in the arena
    /// share one.
    fn gather<'a>(
        &mut self,
        datagrams: impl Iterator<Item = &'a QueuedDatagram>,
        arena: &SendArena,
        at: usize,
    ) -> usize {
        let mut count = 0;
        let mut end = std::ptr::null();
        for datagram in datagrams {
            let bytes = arena.bytes_of(datagram).as_ptr_range();
            if bytes.start == end {
                self.vectors[at + count - 1].iov_len += datagram.size();
            } else {
                self.vectors[at + count] = libc::iovec {
                    iov_base: bytes.start.cast_mut().cast(),
                    iov_len: datagram.size(),
                };
                count += 1;
            }
            end = bytes.end;
        }
        count
    }
}
