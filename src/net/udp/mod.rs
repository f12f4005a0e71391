//! One UDP socket read and written in batches: `recvmmsg` and `sendmmsg`.
//!
//! Addresses are canonical on this side of the line: an IPv4 client on a dual-stack socket is an
//! IPv4 address to the core, and is mapped back only when sent to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::transport::SendArena;

/// Datagrams read by one system call.
pub const RECEIVE_BATCH: usize = 32;
/// Datagrams written by one system call.
pub const SEND_BATCH: usize = 64;
/// Longest datagram taken; a longer one is cut by the kernel, fails authentication and is counted
/// there. WebRTC keeps below the path's MTU, 1500 bytes at most on the links that matter.
pub const MAX_DATAGRAM: usize = 2048;

/// What became of a flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendReport {
    pub sent: u64,
    /// Dropped because the socket's buffer was full (EAGAIN, ENOBUFS).
    pub buffer_full: u64,
    /// Dropped because the kernel refused this destination (unreachable, not permitted).
    pub refused: u64,
}

pub struct UdpSocket {
    socket: Socket,
    ipv6: bool,
}

impl UdpSocket {
    /// Binds `address`, non-blocking, asking for buffers of the given sizes.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub fn bind(address: SocketAddr, receive_bytes: usize, send_bytes: usize) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        grow(
            &socket,
            libc::SO_RCVBUFFORCE,
            receive_bytes,
            Socket::set_recv_buffer_size,
        );
        grow(
            &socket,
            libc::SO_SNDBUFFORCE,
            send_bytes,
            Socket::set_send_buffer_size,
        );
        socket.bind(&SockAddr::from(address))?;
        Ok(Self {
            socket,
            ipv6: address.is_ipv6(),
        })
    }

    /// The address the socket is bound to.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?;
        address
            .as_socket()
            .ok_or_else(|| io::Error::other("not an IP socket"))
    }

    /// Reads up to [`RECEIVE_BATCH`] datagrams into `batch`; 0 when none waits.
    ///
    /// # Errors
    /// Any error but "would block". A late ICMP error of an earlier send counts as none waiting.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<usize> {
        batch.receive(self.socket.as_raw_fd())
    }

    /// Sends all of `arena` in order and never blocks: what the socket does not take is dropped and
    /// counted. The arena is left as it is.
    pub fn send(&self, arena: &SendArena) -> SendReport {
        let mut report = SendReport::default();
        let queued = arena.queued();
        let mut next = 0;
        while next < queued.len() {
            let end = (next + SEND_BATCH).min(queued.len());
            let mut chunk = SendChunk::default();
            for datagram in &queued[next..end] {
                chunk.push(self.mapped(datagram.destination), arena.bytes_of(datagram));
            }
            match chunk.send(self.socket.as_raw_fd()) {
                Ok(sent) => {
                    report.sent += sent as u64;
                    next += sent.max(1);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_buffer_full(&error) => {
                    report.buffer_full += (queued.len() - next) as u64;
                    return report;
                }
                Err(_) => {
                    // The first of the chunk is at fault; the others still get their chance.
                    report.refused += 1;
                    next += 1;
                }
            }
        }
        report
    }

    fn mapped(&self, destination: SocketAddr) -> SocketAddr {
        match destination {
            SocketAddr::V4(v4) if self.ipv6 => {
                SocketAddr::V6(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0))
            }
            other => other,
        }
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn is_buffer_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Asks for a buffer above the system's limit (needs CAP_NET_ADMIN), else up to it. Smaller than
/// asked is no error: the node works, and drops are counted.
fn grow(
    socket: &Socket,
    force: libc::c_int,
    bytes: usize,
    within_limit: fn(&Socket, usize) -> io::Result<()>,
) {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    // SAFETY: the option's value is a c_int, passed with its size; the descriptor is open.
    let forced = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            force,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if forced != 0 {
        let _ = within_limit(socket, bytes);
    }
}

/// Buffers for [`RECEIVE_BATCH`] datagrams, allocated once.
pub struct ReceiveBatch {
    bytes: Box<[u8]>,
    names: Box<[libc::sockaddr_storage]>,
    received: Vec<(SocketAddr, usize)>,
}

impl Default for ReceiveBatch {
    fn default() -> Self {
        Self {
            bytes: vec![0; RECEIVE_BATCH * MAX_DATAGRAM].into_boxed_slice(),
            names: vec![empty_name(); RECEIVE_BATCH].into_boxed_slice(),
            received: Vec::with_capacity(RECEIVE_BATCH),
        }
    }
}

impl ReceiveBatch {
    /// The `index`th datagram of the last read, with its source.
    pub fn datagram(&mut self, index: usize) -> Option<(SocketAddr, &mut [u8])> {
        let &(source, len) = self.received.get(index)?;
        let start = index * MAX_DATAGRAM;
        Some((source, self.bytes.get_mut(start..start + len)?))
    }

    fn receive(&mut self, descriptor: RawFd) -> io::Result<usize> {
        self.received.clear();
        let mut vectors = [empty_vector(); RECEIVE_BATCH];
        let mut headers = [empty_header(); RECEIVE_BATCH];
        for (index, buffer) in self.bytes.chunks_exact_mut(MAX_DATAGRAM).enumerate() {
            vectors[index] = libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: MAX_DATAGRAM,
            };
            let header = &mut headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
        }
        // SAFETY: every header points at a name, one vector and a buffer that outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                descriptor,
                headers.as_mut_ptr(),
                RECEIVE_BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock
                | io::ErrorKind::Interrupted
                | io::ErrorKind::ConnectionRefused => Ok(0),
                _ => Err(error),
            };
        }
        for (header, name) in headers.iter().zip(&self.names).take(count as usize) {
            let source = address_of(name).unwrap_or_else(unspecified);
            self.received
                .push((source, (header.msg_len as usize).min(MAX_DATAGRAM)));
        }
        Ok(count as usize)
    }
}

/// A source of no known family: routed nowhere, counted as unroutable.
fn unspecified() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
}

struct SendChunk {
    names: [libc::sockaddr_storage; SEND_BATCH],
    name_lengths: [libc::socklen_t; SEND_BATCH],
    vectors: [libc::iovec; SEND_BATCH],
    len: usize,
}

impl Default for SendChunk {
    fn default() -> Self {
        Self {
            names: [empty_name(); SEND_BATCH],
            name_lengths: [0; SEND_BATCH],
            vectors: [empty_vector(); SEND_BATCH],
            len: 0,
        }
    }
}

impl SendChunk {
    fn push(&mut self, destination: SocketAddr, bytes: &[u8]) {
        self.name_lengths[self.len] = write_name(&mut self.names[self.len], destination);
        self.vectors[self.len] = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        self.len += 1;
    }

    fn send(&mut self, descriptor: RawFd) -> io::Result<usize> {
        let mut headers = [empty_header(); SEND_BATCH];
        for (index, header) in headers.iter_mut().enumerate().take(self.len) {
            header.msg_hdr.msg_name = (&raw mut self.names[index]).cast();
            header.msg_hdr.msg_namelen = self.name_lengths[index];
            header.msg_hdr.msg_iov = &raw mut self.vectors[index];
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: every header points at a name and a vector of `self`, and the vectors at bytes
        // of the arena, which the caller holds borrowed; the kernel only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                descriptor,
                headers.as_mut_ptr(),
                self.len as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        if sent < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(sent as usize)
        }
    }
}

fn empty_name() -> libc::sockaddr_storage {
    // SAFETY: all bytes zero is a valid sockaddr_storage (family AF_UNSPEC).
    unsafe { std::mem::zeroed() }
}

fn empty_vector() -> libc::iovec {
    libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: all bytes zero is a valid mmsghdr: null pointers with zero lengths.
    unsafe { std::mem::zeroed() }
}

fn address_of(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds a sockaddr_in.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage holds a sockaddr_in6.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(match ip.to_canonical() {
                IpAddr::V4(v4) => SocketAddr::new(IpAddr::V4(v4), port),
                IpAddr::V6(_) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id)),
            })
        }
        _ => None,
    }
}

fn write_name(name: &mut libc::sockaddr_storage, address: SocketAddr) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            // SAFETY: sockaddr_storage is large and aligned enough for a sockaddr_in.
            let out = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in>() };
            out.sin_family = libc::AF_INET as libc::sa_family_t;
            out.sin_port = v4.port().to_be();
            out.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            // SAFETY: sockaddr_storage is large and aligned enough for a sockaddr_in6.
            let out = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in6>() };
            out.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            out.sin6_port = v6.port().to_be();
            out.sin6_addr.s6_addr = v6.ip().octets();
            out.sin6_scope_id = v6.scope_id();
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive_all(socket: &UdpSocket, expected: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut batch = ReceiveBatch::default();
        let mut all = Vec::new();
        while all.len() < expected {
            let count = socket.receive(&mut batch).unwrap();
            if count == 0 {
                std::thread::yield_now();
            }
            for index in 0..count {
                let (source, bytes) = batch.datagram(index).unwrap();
                all.push((source, bytes.to_vec()));
            }
        }
        all
    }

    #[test]
    fn batches_larger_than_one_call_arrive_in_order() {
        let a = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), 1 << 20, 1 << 20).unwrap();
        let b = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), 1 << 20, 1 << 20).unwrap();
        let to = b.local_address().unwrap();
        let mut arena = SendArena::new(1 << 20, 200);
        for index in 0..150_u8 {
            assert!(arena.push(to, &[index; 100]));
        }
        let report = a.send(&arena);
        assert_eq!(
            report,
            SendReport {
                sent: 150,
                ..SendReport::default()
            }
        );
        let got = receive_all(&b, 150);
        let from = a.local_address().unwrap();
        for (index, (source, bytes)) in got.iter().enumerate() {
            assert_eq!(
                (*source, bytes.as_slice()),
                (from, [index as u8; 100].as_slice())
            );
        }
    }

    #[test]
    fn a_dual_stack_socket_shows_ipv4_clients_as_ipv4() {
        let Ok(a) = UdpSocket::bind("[::]:0".parse().unwrap(), 1 << 16, 1 << 16) else {
            return; // no IPv6 on this machine
        };
        let b = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), 1 << 16, 1 << 16).unwrap();
        let port = a.local_address().unwrap().port();
        let mut arena = SendArena::new(100, 1);
        arena.push(
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            b"hello",
        );
        assert_eq!(b.send(&arena).sent, 1);
        let (source, _) = receive_all(&a, 1)[0];
        assert_eq!(source, b.local_address().unwrap());
        arena.clear();
        arena.push(source, b"back");
        assert_eq!(a.send(&arena).sent, 1);
        assert_eq!(receive_all(&b, 1)[0].1, b"back");
    }

    #[test]
    fn one_refused_destination_does_not_hold_back_the_others() {
        let a = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), 1 << 16, 1 << 16).unwrap();
        let b = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), 1 << 16, 1 << 16).unwrap();
        let mut arena = SendArena::new(100, 3);
        arena.push(b.local_address().unwrap(), b"1");
        arena.push("[2001:db8::1]:9".parse().unwrap(), b"wrong family");
        arena.push(b.local_address().unwrap(), b"2");
        let report = a.send(&arena);
        assert_eq!(
            report,
            SendReport {
                sent: 2,
                refused: 1,
                buffer_full: 0
            }
        );
        let got: Vec<_> = receive_all(&b, 2)
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect();
        assert_eq!(got, [b"1".to_vec(), b"2".to_vec()]);
    }
}
