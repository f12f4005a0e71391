use crossbeam_channel::{Sender, unbounded};

use super::*;

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

const MAX_WAIT: Duration = Duration::from_secs(30);
