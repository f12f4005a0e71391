//! Socket addresses as the kernel writes them.
//!
//! Addresses are canonical on our side of the line: an IPv4 client on a dual-stack socket is an
//! IPv4 address to the core, and is mapped back only when sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A source of no known family: routed nowhere, counted as unroutable.
pub(super) const UNSPECIFIED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

pub(super) fn empty_name() -> libc::sockaddr_storage {
    // SAFETY: all bytes zero is a valid sockaddr_storage (family AF_UNSPEC).
    unsafe { std::mem::zeroed() }
}

pub(super) fn address_of(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
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

/// Writes `address` as a socket of the given family wants it; returns the name's length.
pub(super) fn write_name(
    name: &mut libc::sockaddr_storage,
    address: SocketAddr,
    is_ipv6_socket: bool,
) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) if !is_ipv6_socket => {
            // SAFETY: sockaddr_storage is large and aligned enough for a sockaddr_in.
            let out = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in>() };
            out.sin_family = libc::AF_INET as libc::sa_family_t;
            out.sin_port = v4.port().to_be();
            out.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V4(v4) => write_v6(name, v4.ip().to_ipv6_mapped(), v4.port(), 0),
        SocketAddr::V6(v6) => write_v6(name, *v6.ip(), v6.port(), v6.scope_id()),
    }
}

fn write_v6(
    name: &mut libc::sockaddr_storage,
    ip: Ipv6Addr,
    port: u16,
    scope: u32,
) -> libc::socklen_t {
    // SAFETY: sockaddr_storage is large and aligned enough for a sockaddr_in6.
    let out = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in6>() };
    out.sin6_family = libc::AF_INET6 as libc::sa_family_t;
    out.sin6_port = port.to_be();
    // The place may have held an IPv4 address, whose bytes lie elsewhere.
    out.sin6_flowinfo = 0;
    out.sin6_addr.s6_addr = ip.octets();
    out.sin6_scope_id = scope;
    size_of::<libc::sockaddr_in6>() as libc::socklen_t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_canonical_whatever_the_place_held_before() {
        let mut name = empty_name();
        assert_eq!(address_of(&name), None);
        for text in [
            "192.0.2.1:5",
            "[2001:db8::1]:6",
            "[fe80::1%7]:8",
            "192.0.2.9:10",
        ] {
            let address: SocketAddr = text.parse().unwrap();
            for is_ipv6_socket in [false, true] {
                let len = write_name(&mut name, address, is_ipv6_socket);
                let is_long = is_ipv6_socket || address.is_ipv6();
                assert_eq!(len, if is_long { 28 } else { 16 });
                assert_eq!(address_of(&name), Some(address));
            }
        }
    }
}
