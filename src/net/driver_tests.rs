use crossbeam_channel::{Sender, unbounded};

use super::*;
use crate::media::{ParticipantId, RoomId};
use crate::room::Permissions;
use crate::shard::{Command, JoinParticipant};
use crate::wire::sdp::{DtlsRole, IceCredentials, SessionPlan};

struct Report(Sender<(u64, NetCounters)>);

impl ShardSink for Report {
    fn takes_events(&self) -> bool {
        true
    }

    fn event(&mut self, _: Event) {}

    fn handshake(&mut self, _: HandshakeInput) {}

    fn counters(&mut self, counters: &Counters, net: NetCounters) {
        let _ = self.0.send((counters.datagrams_in, net));
    }
}

fn config(socket: SocketOptions) -> DriverConfig {
    DriverConfig {
        shard: ShardConfig::new(0),
        seed: [1; 32],
        listen: "127.0.0.1:0".parse().unwrap(),
        receive_buffer_bytes: 8 << 20,
        send_buffer_bytes: 1 << 20,
        socket,
        command_queue: 4,
        pin_to: None,
    }
}

/// More than one turn handles, in messages of 64: all reach the shard, on one edge of readiness.
#[test]
fn every_datagram_of_a_burst_reaches_the_shard() {
    for mmsg in [true, false] {
        let prepared = prepare(config(SocketOptions { gso: true, mmsg })).unwrap();
        let (handle, to) = (prepared.handle(), prepared.address());
        let from = UdpSocket::bind(
            "127.0.0.1:0".parse().unwrap(),
            1,
            1 << 20,
            SocketOptions::default(),
        )
        .unwrap();
        let mut queue = SendQueue::new(&from);
        let mut arena = SendArena::new(1 << 20, 4096);
        let burst = 4 * DATAGRAMS_PER_TURN + 7;
        for _ in 0..burst {
            assert!(arena.push(to, &[200; 50]));
        }
        from.send(&mut queue, &arena);
        let (sender, reports) = unbounded();
        let thread = prepared.start(Report(sender)).unwrap();
        let (came, net) = std::iter::from_fn(|| reports.recv_timeout(MAX_WAIT).ok())
            .find(|(came, _)| *came >= burst as u64)
            .unwrap();
        handle.stop();
        thread.join().unwrap();
        let lost = net.received.receive_queue_dropped;
        assert_eq!(
            (came, net.received.datagrams, lost),
            (burst as u64, came, 0)
        );
        assert!(net.received.messages < came / 32, "{net:?}");
    }
}

/// Messages that a shard took from the others.
struct Relayed(Sender<u64>);

impl ShardSink for Relayed {
    fn takes_events(&self) -> bool {
        true
    }

    fn event(&mut self, _: Event) {}

    fn handshake(&mut self, _: HandshakeInput) {}

    fn counters(&mut self, counters: &Counters, _: NetCounters) {
        let _ = self.0.send(counters.relay.states_in);
    }
}

fn join(participant: u64, spread_over: Vec<usize>) -> Command {
    let ice = |owner: &str| IceCredentials {
        ufrag: format!("{owner}{participant:04}"),
        password: "a-password-that-is-long".into(),
    };
    Command::Join(Box::new(JoinParticipant {
        room: RoomId(1),
        participant: ParticipantId(participant),
        plan: SessionPlan {
            dtls_role: DtlsRole::Client,
            remote_ice: ice("c"),
            remote_fingerprints: Vec::new(),
            publish: Vec::new(),
            slots: Vec::new(),
        },
        local_ice: ice("n"),
        permissions: Permissions::ALL,
        leading: false,
        spread_over,
    }))
}

/// Greetings and a state go from thread to thread, both ways.
#[test]
fn shards_of_one_room_hear_of_each_other() {
    let mut prepared: Vec<_> = (0..2)
        .map(|index| {
            let mut config = config(SocketOptions::default());
            config.shard = ShardConfig {
                shards: 2,
                ..ShardConfig::new(index)
            };
            prepare(config).unwrap()
        })
        .collect();
    connect(&mut prepared, 8);
    let started: Vec<_> = prepared
        .into_iter()
        .map(|shard| {
            let (sender, reports) = unbounded();
            let handle = shard.handle();
            let thread = shard.start(Relayed(sender)).unwrap();
            (handle, thread, reports)
        })
        .collect();
    started[0].0.send(join(1, Vec::new())).unwrap();
    started[1].0.send(join(2, vec![0])).unwrap();
    for (handle, thread, reports) in started {
        let heard = std::iter::from_fn(|| reports.recv_timeout(MAX_WAIT).ok());
        assert!(heard.into_iter().any(|states| states >= 2));
        handle.stop();
        thread.join().unwrap();
    }
}

const MAX_WAIT: Duration = Duration::from_secs(30);
