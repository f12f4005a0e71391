//! Batched UDP as the kernel offers it: many datagrams a call, several segments a datagram (GSO,
//! GRO), time of arrival.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::RawFd;
use std::ptr::null_mut;

/// Largest datagram the kernel hands over, all segments together.
const MAX_RECEIVED: usize = 65_536;
/// Largest the kernel takes, all segments together: an IPv4 packet without its headers.
pub const MAX_SEND: usize = 65_507;
/// Messages of one `sendmmsg` (UIO_MAXIOV).
const MAX_MESSAGES: usize = 1024;
const CONTROL_LEN: usize = 128;

/// Room for control messages, aligned as they must be.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// Bytes of an arena for one destination: segments of one length, the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub to: SocketAddrV4,
    pub start: usize,
    pub len: usize,
    pub segment: usize,
}

impl Run {
    pub fn segments(&self) -> usize {
        self.len.div_ceil(self.segment.max(1))
    }
}

/// Sends runs, several a call; memory is used again and again.
#[derive(Default)]
pub struct SendBatch {
    names: Vec<libc::sockaddr_in>,
    vectors: Vec<libc::iovec>,
    controls: Vec<Control>,
    messages: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers inside are only followed during `send`, which fills them in anew.
unsafe impl Send for SendBatch {}

impl SendBatch {
    /// Sends all of `runs`, blocking where the socket does. Gives the packets (segments) sent; a
    /// refused run is left out.
    pub fn send(&mut self, socket: RawFd, arena: &[u8], runs: &[Run]) -> usize {
        runs.chunks(MAX_MESSAGES)
            .map(|chunk| self.send_chunk(socket, arena, chunk))
            .sum()
    }

    fn send_chunk(&mut self, socket: RawFd, arena: &[u8], runs: &[Run]) -> usize {
        self.prepare(arena, runs);
        let (mut at, mut packets) = (0, 0);
        while let Some(left) = self.messages.get_mut(at..).filter(|left| !left.is_empty()) {
            // SAFETY: `prepare` pointed every message at names, vectors, controls and arena bytes
            // that outlive this call; the length is the slice's.
            let sent = unsafe { libc::sendmmsg(socket, left.as_mut_ptr(), left.len() as u32, 0) };
            let sent = match usize::try_from(sent) {
                Ok(sent) if sent > 0 => sent,
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => continue,
                // The first of the rest is refused; the others may pass.
                _ => {
                    at += 1;
                    continue;
                }
            };
            packets += runs
                .iter()
                .skip(at)
                .take(sent)
                .map(Run::segments)
                .sum::<usize>();
            at += sent;
        }
        packets
    }

    fn prepare(&mut self, arena: &[u8], runs: &[Run]) {
        self.names.clear();
        self.vectors.clear();
        self.controls.clear();
        self.messages.clear();
        for run in runs {
            let bytes = arena
                .get(run.start..run.start + run.len)
                .unwrap_or_default();
            self.names.push(name(run.to));
            self.vectors.push(libc::iovec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            });
            self.controls.push(Control([0; CONTROL_LEN]));
        }
        let parts = self
            .names
            .iter_mut()
            .zip(&mut self.vectors)
            .zip(&mut self.controls);
        for (((name, vector), control), run) in parts.zip(runs) {
            // SAFETY: all zeroes is a valid mmsghdr: null pointers and lengths of 0.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            let header = &mut message.msg_hdr;
            header.msg_name = (&raw mut *name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            if run.segments() > 1 {
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = write_segment(control, run.segment as u16);
            }
            self.messages.push(message);
        }
    }
}

/// UDP_SEGMENT for one message; gives the control length.
fn write_segment(control: &mut Control, segment: u16) -> usize {
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute. The buffer is aligned and longer than the one
    // header and value written into it.
    unsafe {
        let header = control.0.as_mut_ptr().cast::<libc::cmsghdr>();
        (*header).cmsg_level = libc::SOL_UDP;
        (*header).cmsg_type = libc::UDP_SEGMENT;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as usize;
        libc::CMSG_DATA(header)
            .cast::<u16>()
            .write_unaligned(segment);
        libc::CMSG_SPACE(size_of::<u16>() as u32) as usize
    }
}

fn name(to: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(to.ip().octets()),
        },
        sin_zero: [0; 8],
    }
}

/// One message as received.
pub struct Received<'a> {
    pub bytes: &'a mut [u8],
    /// Length of its segments; all of it without GRO.
    pub segment: usize,
    pub from: SocketAddrV4,
    /// Nanoseconds since 1970, when the socket has timestamps on.
    pub arrived_ns: Option<u64>,
}

/// Receives many messages a call.
pub struct ReceiveBatch {
    buffer: Vec<u8>,
    names: Vec<libc::sockaddr_in>,
    vectors: Vec<libc::iovec>,
    controls: Vec<Control>,
    messages: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers inside point into vectors the batch owns and never grows.
unsafe impl Send for ReceiveBatch {}

impl ReceiveBatch {
    pub fn new(messages: usize) -> Self {
        let mut batch = Self {
            buffer: vec![0; messages * MAX_RECEIVED],
            names: vec![name(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)); messages],
            vectors: Vec::with_capacity(messages),
            controls: vec![Control([0; CONTROL_LEN]); messages],
            messages: Vec::with_capacity(messages),
        };
        for chunk in batch.buffer.chunks_exact_mut(MAX_RECEIVED) {
            batch.vectors.push(libc::iovec {
                iov_base: chunk.as_mut_ptr().cast(),
                iov_len: chunk.len(),
            });
        }
        let parts = batch
            .names
            .iter_mut()
            .zip(&mut batch.vectors)
            .zip(&mut batch.controls);
        for ((name, vector), control) in parts {
            // SAFETY: all zeroes is a valid mmsghdr.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_name = (&raw mut *name).cast();
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            batch.messages.push(message);
        }
        batch
    }

    /// Waits for the first message as the socket does (blocking, time limit, not at all), then takes
    /// what more is there. 0: nothing.
    pub fn receive(&mut self, socket: RawFd) -> usize {
        for message in &mut self.messages {
            message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            message.msg_hdr.msg_controllen = CONTROL_LEN;
        }
        // SAFETY: the messages point at buffers of the given lengths that this batch owns.
        let received = unsafe {
            libc::recvmmsg(
                socket,
                self.messages.as_mut_ptr(),
                self.messages.len() as u32,
                libc::MSG_WAITFORONE,
                null_mut(),
            )
        };
        usize::try_from(received).unwrap_or(0)
    }

    /// The message at `index`, below what [`Self::receive`] gave.
    pub fn message(&mut self, index: usize) -> Option<Received<'_>> {
        let message = self.messages.get(index)?;
        let len = message.msg_len as usize;
        let (mut segment, mut arrived_ns) = (len, None);
        // SAFETY: the kernel wrote well-formed control messages within msg_controllen of a buffer
        // that lives; CMSG_NXTHDR stops at its end. Values are read unaligned, of their types.
        unsafe {
            let mut control = libc::CMSG_FIRSTHDR(&raw const message.msg_hdr);
            while let Some(header) = control.as_ref() {
                let data = libc::CMSG_DATA(control);
                match (header.cmsg_level, header.cmsg_type) {
                    (libc::SOL_UDP, libc::UDP_GRO) => {
                        let size = data.cast::<i32>().read_unaligned();
                        segment = usize::try_from(size).unwrap_or(len);
                    }
                    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                        let time = data.cast::<libc::timespec>().read_unaligned();
                        arrived_ns = Some(nanoseconds(time));
                    }
                    _ => {}
                }
                control = libc::CMSG_NXTHDR(&raw const message.msg_hdr, control);
            }
        }
        let from = self.names.get(index)?;
        let from = SocketAddrV4::new(
            Ipv4Addr::from(from.sin_addr.s_addr.to_ne_bytes()),
            u16::from_be(from.sin_port),
        );
        let start = index * MAX_RECEIVED;
        Some(Received {
            bytes: self.buffer.get_mut(start..start + len)?,
            segment: segment.max(1),
            from,
            arrived_ns,
        })
    }
}

fn nanoseconds(time: libc::timespec) -> u64 {
    (time.tv_sec as u64).wrapping_mul(1_000_000_000) + time.tv_nsec as u64
}

/// Nanoseconds since 1970, the clock of [`Received::arrived_ns`].
pub fn wall_ns() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_nanos() as u64)
}

fn set_option(socket: RawFd, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the option's value is an int that lives for the call; the length is its own.
    let done = unsafe {
        libc::setsockopt(
            socket,
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as u32,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether whole runs are received as one message.
///
/// # Errors
/// The kernel knows no UDP_GRO.
pub fn set_gro(socket: RawFd, on: bool) -> io::Result<()> {
    set_option(socket, libc::SOL_UDP, libc::UDP_GRO, on.into())
}

/// # Errors
/// The kernel refuses.
pub fn set_timestamps(socket: RawFd, on: bool) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, on.into())
}

/// Beyond the system's limit where we may, up to it elsewhere.
///
/// # Errors
/// The kernel refuses both.
pub fn set_receive_buffer(socket: RawFd, bytes: usize) -> io::Result<()> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
        .or_else(|_| set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use super::*;

    fn socket() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(address) = socket.local_addr().unwrap() else {
            unreachable!()
        };
        (socket, address)
    }

    #[test]
    fn a_run_arrives_as_one_message_with_gro_and_a_time() {
        let (a, from) = socket();
        let (b, to) = socket();
        set_gro(b.as_raw_fd(), true).unwrap();
        set_timestamps(b.as_raw_fd(), true).unwrap();
        let arena: Vec<u8> = (0..250).collect();
        let before = wall_ns();
        let runs = [
            Run {
                to,
                start: 0,
                len: 250,
                segment: 100,
            },
            Run {
                to,
                start: 10,
                len: 5,
                segment: 5,
            },
        ];
        assert_eq!(SendBatch::default().send(a.as_raw_fd(), &arena, &runs), 4);
        let mut batch = ReceiveBatch::new(4);
        assert_eq!(batch.receive(b.as_raw_fd()), 2);
        let first = batch.message(0).unwrap();
        assert_eq!(
            (&*first.bytes, first.segment, first.from),
            (&arena[..], 100, from)
        );
        assert!(
            first
                .arrived_ns
                .is_some_and(|at| at.abs_diff(before) < 10_000_000_000)
        );
        let second = batch.message(1).unwrap();
        assert_eq!((&*second.bytes, second.segment), (&arena[10..15], 5));
    }

    #[test]
    fn without_gro_segments_arrive_one_by_one() {
        let (a, _) = socket();
        let (b, to) = socket();
        let run = Run {
            to,
            start: 0,
            len: 250,
            segment: 100,
        };
        assert_eq!(
            SendBatch::default().send(a.as_raw_fd(), &[7; 250], &[run]),
            3
        );
        let mut batch = ReceiveBatch::new(8);
        assert_eq!(batch.receive(b.as_raw_fd()), 3);
        assert_eq!(batch.message(2).unwrap().bytes.len(), 50);
    }
}
