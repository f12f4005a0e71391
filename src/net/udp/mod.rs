//! One UDP socket read and written in as few system calls as the kernel allows: many messages a
//! call (`recvmmsg`, `sendmmsg`), many datagrams a message (UDP_GRO, UDP_SEGMENT).

mod address;
mod receive;
mod runs;
mod send;
mod slab;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

pub use receive::{Reading, ReceiveBatch};
pub use send::SendQueue;

use crate::transport::SendArena;
use send::Descriptor;

/// Which means of batching a socket uses. All off: one system call for each datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// Segmentation and coalescing in the kernel, where it has them.
    pub gso: bool,
    /// Several messages in one system call.
    pub mmsg: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            gso: true,
            mmsg: true,
        }
    }
}

pub struct UdpSocket {
    socket: Socket,
    options: SocketOptions,
    ipv6: bool,
    /// Wanted, and the kernel knows them.
    is_gso: bool,
    is_gro: bool,
}

impl UdpSocket {
    /// Binds `address`, non-blocking, asking for buffers of the given sizes.
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub fn bind(
        address: SocketAddr,
        receive_bytes: usize,
        send_bytes: usize,
        options: SocketOptions,
    ) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        if set_option(
            &socket,
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            receive_bytes,
        )
        .is_err()
        {
            // Above the system's limit only with CAP_NET_ADMIN. Smaller than asked is no error: the
            // node works, and drops are counted.
            let _ = socket.set_recv_buffer_size(receive_bytes);
        }
        if set_option(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, send_bytes).is_err() {
            let _ = socket.set_send_buffer_size(send_bytes);
        }
        // Without it drops are only not counted.
        let _ = set_option(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1);
        // No size for the whole socket: that sets nothing, and tells whether the kernel knows how.
        let is_gso =
            options.gso && set_option(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        let is_gro = options.gso && set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
        if options.gso && !(is_gso && is_gro) {
            tracing::info!(is_gso, is_gro, "the kernel does not know all UDP offloads");
        }
        socket.bind(&SockAddr::from(address))?;
        Ok(Self {
            socket,
            options,
            ipv6: address.is_ipv6(),
            is_gso,
            is_gro,
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

    /// Reads up to [`receive::RECEIVE_BATCH`] messages into `batch`.
    ///
    /// # Errors
    /// Any error but "would block". A late ICMP error of an earlier send is none.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<Reading> {
        batch.receive(self.socket.as_raw_fd())
    }

    /// Sends what waits in `queue`, then all of `arena`, and never blocks: what the socket does not
    /// take is kept if small (see [`send::SMALL_DATAGRAM`]), else dropped and counted. The arena is left
    /// as it is.
    pub fn send(&self, queue: &mut SendQueue, arena: &SendArena) {
        queue.send(&mut self.kernel(), arena);
    }

    /// Sends what waits in `queue`.
    pub fn send_backlog(&self, queue: &mut SendQueue) {
        queue.send_backlog(&mut self.kernel());
    }

    fn kernel(&self) -> Descriptor {
        Descriptor {
            descriptor: self.socket.as_raw_fd(),
            is_mmsg: self.options.mmsg,
        }
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Sets an option whose value is a C `int`.
fn set_option(
    socket: &Socket,
    level: libc::c_int,
    option: libc::c_int,
    value: usize,
) -> io::Result<()> {
    let value = libc::c_int::try_from(value).unwrap_or(libc::c_int::MAX);
    // SAFETY: the option's value is a c_int, passed with its size; the descriptor is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Room for the control messages of one message: two of four bytes received, or one of two sent.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 64]);

impl Control {
    /// Writes the header of a UDP_SEGMENT message.
    fn prepare_segment(&mut self) {
        let header = self.0.as_mut_ptr().cast::<libc::cmsghdr>();
        // SAFETY: the buffer is aligned for a header and longer than one with its data.
        unsafe {
            (*header).cmsg_level = libc::SOL_UDP;
            (*header).cmsg_type = libc::UDP_SEGMENT;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) as _;
        }
    }

    /// Writes the size into a prepared message; returns the length of the whole.
    fn set_segment(&mut self, size: u16) -> usize {
        let header = self.0.as_mut_ptr().cast::<libc::cmsghdr>();
        // SAFETY: the data lies behind the header, inside the buffer.
        unsafe {
            libc::CMSG_DATA(header).cast::<u16>().write_unaligned(size);
            libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) as usize
        }
    }
}

fn empty_control() -> Control {
    Control([0; 64])
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
