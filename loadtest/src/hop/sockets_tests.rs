//! Real sockets on this machine: who is told apart, and what comes back to whom.

use std::net::{Ipv4Addr, UdpSocket as StdSocket};

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    link: LinkArgs,
}

struct Rig {
    node: StdSocket,
    sockets: Sockets,
    entrance: SocketAddr,
}

fn local() -> StdSocket {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

impl Rig {
    fn new(options: &str) -> Self {
        let node = local();
        let to = node.local_addr().unwrap();
        let options = format!("link --listen 127.0.0.1:0 --to {to} {options}");
        let args = Cli::parse_from(options.split_whitespace()).link;
        let sockets = Sockets::bind(&args, Lines::of(&args).unwrap()).unwrap();
        let entrance = sockets.ports[0].0.local_addr().unwrap();
        Self {
            node,
            sockets,
            entrance,
        }
    }

    /// Runs the hop beside what `act` does, then ends it.
    fn run(mut self, act: impl FnOnce(&StdSocket, SocketAddr)) -> HopSummary {
        let is_over = self.sockets.is_over.clone();
        let (entrance, node) = (self.entrance, self.node);
        std::thread::scope(|scope| {
            let hop = scope.spawn(move || self.sockets.run().unwrap());
            // The hop ends whatever becomes of the assertions.
            let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                act(&node, entrance);
            }));
            is_over.store(true, Ordering::Relaxed);
            let summary = hop.join().unwrap();
            acted.unwrap();
            summary
        })
    }
}

fn receive(socket: &StdSocket) -> (Vec<u8>, SocketAddr) {
    let mut datagram = [0; 100];
    let (len, from) = socket.recv_from(&mut datagram).unwrap();
    (datagram[..len].to_vec(), from)
}

#[test]
fn two_clients_are_two_for_the_node_and_each_gets_its_own() {
    let rig = Rig::new("--delay-ms 10");
    let summary = rig.run(|node, entrance| {
        let clients = [local(), local()];
        let mut seen = Vec::new();
        for (name, client) in [b"a", b"b"].iter().zip(&clients) {
            let sent = Instant::now();
            client.send_to(*name, entrance).unwrap();
            let (datagram, from) = receive(node);
            assert!(sent.elapsed() >= Duration::from_millis(10));
            assert_eq!(&datagram, name);
            seen.push(from);
        }
        assert_ne!(seen[0], seen[1]);
        for (name, from) in [b"A", b"B"].iter().zip(&seen) {
            node.send_to(*name, from).unwrap();
        }
        for (name, client) in [b"A", b"B"].iter().zip(&clients) {
            assert_eq!(receive(client), (name.to_vec(), entrance));
        }
    });
    assert_eq!(summary.clients, 2);
    assert_eq!((summary.up.packets, summary.down.packets), (2, 2));
}

#[test]
fn a_rebinding_changes_where_a_client_seems_to_be() {
    let rig = Rig::new("--rebind-at 0.2");
    let summary = rig.run(|node, entrance| {
        let client = local();
        client.send_to(b"before", entrance).unwrap();
        let (_, before) = receive(node);
        std::thread::sleep(Duration::from_millis(400));
        node.send_to(b"lost", before).unwrap();
        client.send_to(b"after", entrance).unwrap();
        let (datagram, after) = receive(node);
        assert_eq!(datagram, b"after");
        assert_ne!(before, after);
        node.send_to(b"found", after).unwrap();
        assert_eq!(receive(&client).0, b"found");
    });
    assert_eq!(summary.rebindings, 1);
    assert_eq!(summary.clients, 1);
}
