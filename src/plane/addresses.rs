//! What addresses clients are told to send to.

use std::net::{IpAddr, SocketAddr};

use crate::config::AnnouncedAddress;
use crate::wire::sdp::{Candidate, CandidateProtocol};

/// Most candidates in an answer: clients check each, and every check costs both sides.
const MAX_CANDIDATES: usize = 8;

/// Candidates for the socket of shard number `shard`, bound to `bound`: the announced addresses if
/// there are any, else the bound address, else (bound to all) `interfaces` of the same family.
/// Loopback comes last: it serves browsers on this machine only.
pub fn candidates(
    shard: u16,
    bound: SocketAddr,
    announced: &[AnnouncedAddress],
    interfaces: &[IpAddr],
) -> Vec<Candidate> {
    let own = |ip: IpAddr| SocketAddr::new(ip, bound.port());
    let mut addresses: Vec<SocketAddr> = if !announced.is_empty() {
        let announced = announced.iter();
        announced
            .map(|announced| match announced.base_port {
                Some(base) => SocketAddr::new(announced.ip, base.saturating_add(shard)),
                None => own(announced.ip),
            })
            .collect()
    } else if !bound.ip().is_unspecified() {
        vec![bound]
    } else {
        interfaces
            .iter()
            .copied()
            .filter(|&ip| reachable(ip, bound.is_ipv6()))
            .map(own)
            .collect()
    };
    addresses.sort_by_key(|address| (address.ip().is_loopback(), address.is_ipv6()));
    addresses.dedup();
    addresses.truncate(MAX_CANDIDATES);
    addresses
        .into_iter()
        .map(|address| Candidate {
            address,
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

    fn shown_of(
        shard: u16,
        bound: &str,
        announced: &[AnnouncedAddress],
        interfaces: &[&str],
    ) -> Vec<String> {
        let interfaces: Vec<_> = interfaces.iter().map(|ip| ip.parse().unwrap()).collect();
        candidates(shard, bound.parse().unwrap(), announced, &interfaces)
            .iter()
            .map(|candidate| candidate.address.to_string())
            .collect()
    }

    fn shown(bound: &str, announced: &[&str], interfaces: &[&str]) -> Vec<String> {
        let announced = announced.iter().map(|ip| AnnouncedAddress {
            ip: ip.parse().unwrap(),
            base_port: None,
        });
        shown_of(1, bound, &announced.collect::<Vec<_>>(), interfaces)
    }

    #[test]
    fn announced_addresses_replace_all_others() {
        let shown = shown("0.0.0.0:40000", &["203.0.113.5"], &["10.0.0.2"]);
        assert_eq!(shown, ["203.0.113.5:40000"]);
    }

    #[test]
    fn a_port_that_is_announced_counts_on_by_shard() {
        let announced = [AnnouncedAddress {
            ip: "203.0.113.5".parse().unwrap(),
            base_port: Some(5000),
        }];
        for (shard, expected) in [(0, "203.0.113.5:5000"), (3, "203.0.113.5:5003")] {
            assert_eq!(
                shown_of(shard, "0.0.0.0:40000", &announced, &[]),
                [expected]
            );
        }
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
