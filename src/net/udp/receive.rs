//! Reading: `recvmmsg` into buffers, headers and vectors that are prepared once.
//!
//! With UDP_GRO (udp(7)) one message may be a run of datagrams from one source, all of one size but
//! the last; the kernel says the size in a control message.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::address::{UNSPECIFIED, address_of, empty_name};
use super::slab::Slab;
use super::{Control, UdpSocket, empty_control, empty_header, empty_vector};
use crate::net::counters::{ReceiveCounters, count_message};

/// Messages read by one system call; each has as many datagrams as the kernel put together, 64
/// at most (its `UDP_GRO_CNT_MAX`).
pub const RECEIVE_BATCH: usize = 32;
/// Longest datagram taken; a longer one is cut, fails authentication and is counted there. WebRTC
/// keeps below the path's MTU, 1500 bytes at most on the links that matter.
pub const MAX_DATAGRAM: usize = 2048;
/// Longest message: a whole IP packet's payload.
const MAX_MESSAGE: usize = 65_536;
/// From one buffer to the next. Not a power of two: the beginnings of all buffers, which most
/// messages do not go beyond, would fall on the same lines of the cache.
const BUFFER_STRIDE: usize = MAX_MESSAGE + 19 * 64;

/// What a read brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Messages now in the batch.
    pub messages: usize,
    /// Nothing more waited; the next edge of readiness tells of more.
    pub is_drained: bool,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    source: SocketAddr,
    len: usize,
    /// Size of each datagram in it but the last.
    segment: usize,
}

/// Buffers for [`RECEIVE_BATCH`] messages, allocated once. Untouched pages cost nothing, so
/// without UDP_GRO little of it is ever real memory.
pub struct ReceiveBatch {
    buffers: Slab<u8>,
    names: Slab<libc::sockaddr_storage>,
    /// Pointed at by `headers`, as are buffers and names.
    _controls: Slab<Control>,
    _vectors: Slab<libc::iovec>,
    headers: Slab<libc::mmsghdr>,
    received: Vec<Message>,
    /// Headers that the kernel has written since they were prepared.
    written: usize,
    is_mmsg: bool,
    /// The kernel's count of dropped datagrams, as last told; it wraps.
    queue_drops: u32,
    counters: ReceiveCounters,
}

impl ReceiveBatch {
    /// A batch for reads of `socket`.
    pub fn new(socket: &UdpSocket) -> Self {
        // Without GRO a message is one datagram, and what is too long is cut by the kernel.
        let message_len = if socket.is_gro {
            MAX_MESSAGE
        } else {
            MAX_DATAGRAM
        };
        let buffers = Slab::new(0_u8, RECEIVE_BATCH * BUFFER_STRIDE);
        let names = Slab::new(empty_name(), RECEIVE_BATCH);
        let controls = Slab::new(empty_control(), RECEIVE_BATCH);
        let mut vectors = Slab::new(empty_vector(), RECEIVE_BATCH);
        let mut headers = Slab::new(empty_header(), RECEIVE_BATCH);
        for index in 0..RECEIVE_BATCH {
            vectors[index] = libc::iovec {
                iov_base: buffers.pointer(index * BUFFER_STRIDE).cast(),
                iov_len: message_len,
            };
            let header = &mut headers[index].msg_hdr;
            header.msg_name = names.pointer(index).cast();
            header.msg_iov = vectors.pointer(index);
            header.msg_iovlen = 1;
            header.msg_control = controls.pointer(index).cast();
        }
        Self {
            buffers,
            names,
            _controls: controls,
            _vectors: vectors,
            headers,
            received: Vec::with_capacity(RECEIVE_BATCH),
            written: RECEIVE_BATCH,
            is_mmsg: socket.options.mmsg,
            queue_drops: 0,
            counters: ReceiveCounters::default(),
        }
    }

    pub fn counters(&self) -> &ReceiveCounters {
        &self.counters
    }

    /// The source of the `index`th message of the last read, and its datagrams.
    pub fn run(&mut self, index: usize) -> Option<(SocketAddr, Datagrams<'_>)> {
        let message = *self.received.get(index)?;
        let start = index * BUFFER_STRIDE;
        let datagrams = Datagrams {
            rest: self.buffers.get_mut(start..start + message.len)?,
            segment: message.segment,
            is_first: true,
        };
        Some((message.source, datagrams))
    }

    pub(super) fn receive(&mut self, descriptor: RawFd) -> io::Result<Reading> {
        self.received.clear();
        for header in self.headers.iter_mut().take(self.written) {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = size_of::<Control>();
        }
        self.written = 0;
        let result = if self.is_mmsg {
            self.read_many(descriptor)
        } else {
            self.read_singly(descriptor)
        };
        self.written = result.as_ref().map_or(RECEIVE_BATCH, |read| read.messages);
        let reading = match result {
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Reading {
                    messages: 0,
                    is_drained: true,
                },
                // A signal, or the late ICMP error of an earlier send: datagrams may wait behind.
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused => Reading::default(),
                _ => return Err(error),
            },
            Ok(reading) => reading,
        };
        for index in 0..reading.messages {
            self.take(index);
        }
        Ok(reading)
    }

    fn read_many(&mut self, descriptor: RawFd) -> io::Result<Reading> {
        // SAFETY: every header points at a name, a control buffer and one vector with its buffer,
        // which live in slabs of `self`; no reference into them is held during the call.
        let count = unsafe {
            libc::recvmmsg(
                descriptor,
                self.headers.pointer(0),
                RECEIVE_BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let messages = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        self.counters.calls += 1;
        Ok(Reading {
            messages,
            // The kernel stops short only when nothing more waits.
            is_drained: messages < RECEIVE_BATCH,
        })
    }

    /// One call for each message; a batch nevertheless, so that the loop turns as with many.
    fn read_singly(&mut self, descriptor: RawFd) -> io::Result<Reading> {
        for messages in 0..RECEIVE_BATCH {
            let header = self.headers.pointer(messages);
            // SAFETY: as in `read_many`; the pointer is to an element of `headers`.
            let len = unsafe {
                libc::recvmsg(descriptor, &raw mut (*header).msg_hdr, libc::MSG_DONTWAIT)
            };
            let Ok(len) = u32::try_from(len) else {
                let error = io::Error::last_os_error();
                if messages == 0 {
                    return Err(error);
                }
                let is_drained = error.kind() == io::ErrorKind::WouldBlock;
                return Ok(Reading {
                    messages,
                    is_drained,
                });
            };
            self.headers[messages].msg_len = len;
            self.counters.calls += 1;
        }
        Ok(Reading {
            messages: RECEIVE_BATCH,
            is_drained: false,
        })
    }

    /// Reads what the kernel wrote about the message at `index`.
    fn take(&mut self, index: usize) {
        let header = &self.headers[index];
        let len = header.msg_len as usize;
        let notes = notes(&header.msg_hdr);
        if let Some(drops) = notes.queue_drops {
            let new = drops.wrapping_sub(self.queue_drops);
            self.counters.receive_queue_dropped += u64::from(new);
            self.queue_drops = drops;
        }
        let segment = notes.segment.unwrap_or(len).max(1);
        let datagrams = len.div_ceil(segment).max(1);
        self.counters.messages += 1;
        self.counters.datagrams += datagrams as u64;
        if datagrams > 1 {
            self.counters.segments += datagrams as u64;
        }
        count_message(&mut self.counters.per_message, datagrams);
        self.received.push(Message {
            source: address_of(&self.names[index]).unwrap_or(UNSPECIFIED),
            len,
            segment,
        });
    }
}

/// The datagrams of one message, in order, each at most [`MAX_DATAGRAM`] bytes.
pub struct Datagrams<'a> {
    rest: &'a mut [u8],
    segment: usize,
    is_first: bool,
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = &'a mut [u8];

    fn next(&mut self) -> Option<&'a mut [u8]> {
        // A message without bytes is one datagram without bytes.
        if !std::mem::take(&mut self.is_first) && self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let (datagram, rest) = rest.split_at_mut(self.segment.min(rest.len()));
        self.rest = rest;
        let len = datagram.len().min(MAX_DATAGRAM);
        datagram.get_mut(..len)
    }
}

/// What control messages say.
#[derive(Default)]
struct Notes {
    segment: Option<usize>,
    queue_drops: Option<u32>,
}

fn notes(header: &libc::msghdr) -> Notes {
    let mut notes = Notes::default();
    // SAFETY: the kernel set `msg_controllen` to what it wrote into the control buffer, which is
    // aligned for headers; the macros stay inside and end with null.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so a whole header inside the control buffer.
        let (level, kind) = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        // SAFETY: both kinds that are read below carry four bytes, which may be unaligned.
        let value = || unsafe { libc::CMSG_DATA(message).cast::<u32>().read_unaligned() };
        match (level, kind) {
            (libc::SOL_UDP, libc::UDP_GRO) => notes.segment = Some(value() as usize),
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => notes.queue_drops = Some(value()),
            _ => {}
        }
        // SAFETY: `message` is a header of this control buffer.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    notes
}
