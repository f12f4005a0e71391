//! Datagrams from strangers change nothing: no table grows, nobody is answered, and everybody
//! else's traffic is the same to the byte and the microsecond as without them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use firstbell::media::ParticipantId;
use firstbell::transport::DropReason;
use firstbell::wire::sdp::IceCredentials;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::ice_agent::binding_request;
use crate::network::Path;
use crate::plan::{Profile, credentials};
use crate::world::World;

const STEP: Duration = Duration::from_millis(50);

/// Two people for three seconds; `attack` acts every 50 ms once they are connected.
fn undisturbed(
    seed: u64,
    mut attack: impl FnMut(&mut World, [ParticipantId; 2]),
) -> (World, BTreeMap<SocketAddr, u64>) {
    let mut world = World::new(seed, Path::wireless());
    let people = [0, 1].map(|_| world.join(1, Profile::PUPIL));
    for step in 0..60 {
        world.run_for(STEP);
        if step > 20 {
            let before = world.shard.table_entries();
            attack(&mut world, people);
            assert_eq!(world.shard.table_entries(), before, "a table has grown");
        }
    }
    world.assert_no_faults();
    let traces = world.traces();
    (world, traces)
}

fn stranger(number: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 1_000 + number))
}

fn rtp(ssrc: u32, sequence: u16, dice: &mut StdRng) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend((0..200).map(|_| dice.random::<u8>()));
    packet
}

fn srtcp(dice: &mut StdRng) -> Vec<u8> {
    let mut packet = vec![0x81, 206, 0, 2];
    packet.extend((0..40).map(|_| dice.random::<u8>()));
    packet
}

/// The record that begins a DTLS handshake, as far as anything here looks.
fn client_hello() -> Vec<u8> {
    let mut record = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48];
    record.resize(73, 0);
    record
}

fn check(remote: &IceCredentials, local: &IceCredentials, dice: &mut StdRng) -> Vec<u8> {
    binding_request(dice.random(), local, remote)
}

#[test]
fn strangers_change_nothing() {
    for seed in [401, 402] {
        let (quiet, expected) = undisturbed(seed, |_, _| {});
        let mut dice = StdRng::seed_from_u64(seed);
        let mut number = 0;
        let (attacked, traces) = undisturbed(seed, |world, [victim, _]| {
            let ours = credentials("n", victim, 0);
            let theirs = credentials("c", victim, 0);
            let nobody = credentials("x", victim, 0);
            let wrong = IceCredentials {
                password: nobody.password.clone(),
                ..ours.clone()
            };
            let mut cut = check(&wrong, &theirs, &mut dice);
            cut.truncate(cut.len() - 8); // no FINGERPRINT
            let length = (cut.len() - 20) as u16;
            cut[2..4].copy_from_slice(&length.to_be_bytes());
            let attacks = [
                rtp(
                    crate::plan::ssrc_of(victim, firstbell::media::Source::Camera),
                    number,
                    &mut dice,
                ),
                rtp(dice.random(), number, &mut dice),
                srtcp(&mut dice),
                client_hello(),
                check(&nobody, &theirs, &mut dice),
                check(&wrong, &theirs, &mut dice),
                check(&ours, &nobody, &mut dice),
                cut,
                Vec::new(),
                vec![0xFF; 1500],
            ];
            for (at, attack) in attacks.into_iter().enumerate() {
                number += 1;
                world.inject(stranger(number * 16 + at as u16), attack);
            }
        });
        assert_eq!(traces, expected, "somebody else's traffic changed");
        assert_eq!(attacked.trace(), quiet.trace());
        assert_eq!(attacked.to_strangers, [], "no answer");
        assert_eq!(
            attacked.dtls, 0,
            "no ClientHello reaches the handshake pool"
        );
        let counted = |world: &World, reason| world.counters().dropped(reason);
        let times = u64::from(number) / 10;
        for (reason, each) in [(DropReason::Unroutable, 7), (DropReason::BadIntegrity, 2)] {
            let more = counted(&attacked, reason) - counted(&quiet, reason);
            assert_eq!(more, each * times, "{reason:?}: {:?}", attacked.drops());
        }
        let all = |world: &World| world.drops().values().sum::<u64>();
        assert_eq!(all(&attacked) - all(&quiet), 10 * times);
    }
}

/// Whoever can forge source addresses, but has no keys.
#[test]
fn forgeries_from_a_participants_own_address_change_nothing() {
    let seed = 411;
    let (_, expected) = undisturbed(seed, |_, _| {});
    let mut dice = StdRng::seed_from_u64(seed);
    let mut forged = 0;
    let (attacked, traces) = undisturbed(seed, |world, [victim, _]| {
        let from = world.client(victim).address;
        let camera = crate::plan::ssrc_of(victim, firstbell::media::Source::Camera);
        for sequence in [0, 0x7FFF, 0xFFFF] {
            world.inject(from, rtp(camera, sequence, &mut dice));
            let ssrc = dice.random();
            world.inject(from, rtp(ssrc, sequence, &mut dice));
            world.inject(from, srtcp(&mut dice));
            forged += 3;
        }
    });
    assert_eq!(traces, expected);
    let drops = attacked.drops();
    let refused: u64 = ["srtp_auth", "replay", "unencrypted_rtcp"]
        .iter()
        .filter_map(|reason| drops.get(reason))
        .sum();
    assert!(refused >= forged, "{drops:?}");
}

/// An address that is somebody's path stays theirs, even against another's valid check: source
/// addresses can be forged, and one participant must not cut another off.
#[test]
fn a_participant_cannot_take_anothers_address() {
    let mut world = World::new(421, Path::ideal());
    let [victim, attacker] = [0, 1].map(|_| world.join(1, Profile::PUPIL));
    world.run_for(Duration::from_secs(2));
    let address = world.client(victim).address;
    let mut dice = StdRng::seed_from_u64(421);
    let theft = check(
        &credentials("n", attacker, 0),
        &credentials("c", attacker, 0),
        &mut dice,
    );
    let before = world.shard.table_entries();
    world.inject(address, theft);
    assert_eq!(world.shard.table_entries(), before);
    assert_eq!(world.counters().addresses_taken, 1);
    world.run_for(Duration::from_secs(2));
    for id in [victim, attacker] {
        let receivers = world.client(id).receivers.iter();
        let newest = receivers
            .flat_map(|slot| slot.packets.values().map(|packet| packet.at))
            .max();
        assert!(world.now - newest.unwrap() < Duration::from_millis(100));
    }
    world.assert_no_faults();
}
