//! What addresses clients are told to send to.

use std::net::{IpAddr, SocketAddr};

use crate::config::AnnouncedAddress;
use crate::wire::sdp::{Candidate, CandidateProtocol};

/// Most candidates in an answer: clients check each, and every check costs both sides.
const MAX_CANDIDATES: usize = 8;

/// Candidates for a socket bound to `bound`: the announced addresses if there are any, else the
/// bound address, else (bound to all) `interfaces` of the same family. Loopback comes last: it
/// serves browsers on this machine only.
pub fn candidates(
    bound: SocketAddr,
    announced: &[AnnouncedAddress],
    interfaces: &[IpAddr],
) -> Vec<Candidate> {
    let mut addresses: Vec<IpAddr> = if !announced.is_empty() {
        announced.iter().map(|announced| announced.ip).collect()
    } else if !bound.ip().is_unspecified() {
        vec![bound.ip()]
    } else {
        interfaces
            .iter()
            .copied()
            .filter(|&ip| reachable(ip, bound.is_ipv6()))
            .collect()
    };
    addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    addresses.dedup();
    addresses.truncate(MAX_CANDIDATES);
    addresses
        .into_iter()
        .map(|ip| Candidate {
            address: SocketAddr::new(ip, bound.port()),
            protocol: CandidateProtocol::Udp,
        })
        .collect()
}

/// Whether a socket bound to "all" of its family is reached at `ip`. Link-local IPv6 addresses need
/// a zone that SDP cannot carry.
fn reachable(ip: IpAddr, dual_stack: bool) -> bool {
    match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => dual_stack && !v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn shown(bound: &str, announced: &[&str], interfaces: &[&str]) -> Vec<String> {
        let announced: Vec<_> = ips(announced)
            .into_iter()
            .map(|ip| AnnouncedAddress { ip })
            .collect();
        candidates(bound.parse().unwrap(), &announced, &ips(interfaces))
            .iter()
            .map(|candidate| candidate.address.to_string())
            .collect()
    }

    #[test]
    fn announced_addresses_replace_all_others() {
        let shown = shown("0.0.0.0:40000", &["203.0.113.5"], &["10.0.0.2"]);
        assert_eq!(shown, ["203.0.113.5:40000"]);
    }

    #[test]
    fn a_bound_address_stands_for_itself() {
        assert_eq!(shown("127.0.0.1:4", &[], &["10.0.0.2"]), ["127.0.0.1:4"]);
    }

    #[test]
    fn all_interfaces_of_the_family_loopback_last() {
        let interfaces = ["127.0.0.1", "::1", "fe80::1", "10.0.0.2", "2001:db8::7"];
        assert_eq!(
            shown("0.0.0.0:4", &[], &interfaces),
            ["10.0.0.2:4", "127.0.0.1:4"]
        );
        assert_eq!(
            shown("[::]:4", &[], &interfaces),
            ["10.0.0.2:4", "[2001:db8::7]:4", "127.0.0.1:4", "[::1]:4"]
        );
    }
}
