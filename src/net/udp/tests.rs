use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use super::receive::MAX_DATAGRAM;
use super::send::{BACKLOG_DATAGRAMS, Descriptor, Kernel, Messages, SEND_BATCH, SMALL_DATAGRAM};
use super::*;
use crate::net::counters::SendCounters;
use crate::transport::PathHint;

const ALL: [SocketOptions; 4] = [
    SocketOptions {
        gso: true,
        mmsg: true,
    },
    SocketOptions {
        gso: false,
        mmsg: true,
    },
    SocketOptions {
        gso: true,
        mmsg: false,
    },
    SocketOptions {
        gso: false,
        mmsg: false,
    },
];

struct Side {
    socket: UdpSocket,
    queue: SendQueue,
    batch: ReceiveBatch,
}

impl Side {
    fn new(address: &str, options: SocketOptions) -> io::Result<Self> {
        let socket = UdpSocket::bind(address.parse().unwrap(), 1 << 21, 1 << 21, options)?;
        Ok(Self {
            queue: SendQueue::new(&socket),
            batch: ReceiveBatch::new(&socket),
            socket,
        })
    }

    fn local(options: SocketOptions) -> Self {
        Self::new("127.0.0.1:0", options).unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_address().unwrap()
    }

    fn send(&mut self, arena: &SendArena) -> SendCounters {
        self.socket.send(&mut self.queue, arena);
        *self.queue.counters()
    }

    fn receive(&mut self, expected: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < expected {
            let reading = self.socket.receive(&mut self.batch).unwrap();
            if reading.messages == 0 {
                std::thread::yield_now();
            }
            for index in 0..reading.messages {
                let (source, datagrams) = self.batch.run(index).unwrap();
                all.extend(datagrams.map(|datagram| (source, datagram.to_vec())));
            }
        }
        all
    }
}

/// Frames of five packets, the last shorter, to everybody in turn, beginning with the frame's
/// and the packet's number.
fn queue_frames(arena: &mut SendArena, to: &[SocketAddr], frames: u8) {
    let mut hints = vec![PathHint::default(); to.len()];
    for frame in 0..frames {
        for packet in 0..5_u8 {
            for (hint, &to) in hints.iter_mut().zip(to) {
                let len = if packet == 4 { 333 } else { 1200 };
                assert!(arena.push_hinted(hint, to, len, |out| {
                    out.fill(packet);
                    out[0] = frame;
                    Some(len)
                }));
            }
        }
    }
}

#[test]
fn every_permutation_delivers_every_datagram_in_order() {
    for sending in ALL {
        for receiving in ALL {
            let mut from = Side::local(sending);
            let mut to = [Side::local(receiving), Side::local(receiving)];
            let mut arena = SendArena::new(1 << 20, 500);
            let addresses = to.each_ref().map(Side::address);
            queue_frames(&mut arena, &addresses, 20);
            let counters = from.send(&arena);
            assert_eq!((counters.datagrams, counters.refused), (200, 0));
            assert_eq!(counters.messages, if sending.gso { 40 } else { 200 });
            assert_eq!(counters.segments, if sending.gso { 200 } else { 0 });
            let calls = match (sending.gso, sending.mmsg) {
                (_, false) => counters.messages,
                (true, true) => 1,
                (false, true) => 200_u64.div_ceil(SEND_BATCH as u64),
            };
            assert_eq!(counters.calls, calls, "{sending:?}");
            for side in &mut to {
                let got = side.receive(100);
                for (index, (source, bytes)) in got.iter().enumerate() {
                    let (frame, packet) = (index / 5, index % 5);
                    assert_eq!(*source, from.address());
                    assert_eq!(bytes.len(), if packet == 4 { 333 } else { 1200 });
                    assert_eq!((bytes[0], bytes[1]), (frame as u8, packet as u8));
                }
                let received = side.batch.counters();
                assert_eq!(received.datagrams, 100);
                if sending.gso && receiving.gso {
                    assert_eq!((received.messages, received.segments), (20, 100));
                } else {
                    assert_eq!(received.messages, 100);
                }
            }
        }
    }
}

#[test]
fn empty_and_overlong_datagrams_arrive_alone() {
    for options in ALL {
        let (mut from, mut to) = (Side::local(options), Side::local(options));
        let mut arena = SendArena::new(10_000, 4);
        for len in [4, 0, MAX_DATAGRAM + 9, 5] {
            assert!(arena.push(to.address(), &vec![7; len]));
        }
        assert_eq!(from.send(&arena).datagrams, 4);
        let lengths: Vec<_> = to.receive(4).iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lengths, [4, 0, MAX_DATAGRAM, 5]);
    }
}

#[test]
fn a_dual_stack_socket_shows_ipv4_clients_as_ipv4() {
    let Ok(mut a) = Side::new("[::]:0", SocketOptions::default()) else {
        return; // no IPv6 on this machine
    };
    let mut b = Side::local(SocketOptions::default());
    let port = a.address().port();
    let to_a = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let mut arena = SendArena::new(1 << 17, 10);
    queue_frames(&mut arena, &[to_a], 1);
    assert_eq!(b.send(&arena).messages, 1);
    let (source, _) = a.receive(5)[0];
    assert_eq!(source, b.address());
    arena.clear();
    queue_frames(&mut arena, &[source], 1);
    let counters = a.send(&arena);
    assert_eq!((counters.messages, counters.datagrams), (1, 5));
    assert_eq!(b.receive(5)[4].1.len(), 333);
    assert_eq!(a.batch.counters().messages, 1);
}

#[test]
fn ipv6_destinations_take_runs_as_well() {
    let options = SocketOptions::default();
    let (Ok(mut a), Ok(mut b)) = (Side::new("[::1]:0", options), Side::new("[::1]:0", options))
    else {
        return; // no IPv6 on this machine
    };
    let mut arena = SendArena::new(1 << 17, 10);
    queue_frames(&mut arena, &[b.address()], 1);
    assert_eq!(a.send(&arena).messages, 1);
    assert_eq!(b.receive(5)[0].0, a.address());
}

#[test]
fn one_refused_destination_does_not_hold_back_the_others() {
    for options in ALL {
        let (mut a, mut b) = (Side::local(options), Side::local(options));
        let mut arena = SendArena::new(100, 4);
        arena.push(b.address(), b"1");
        // Two, so that they would be a run: refused as one, then each.
        arena.push("[2001:db8::1]:9".parse().unwrap(), b"wrong family");
        arena.push("[2001:db8::1]:9".parse().unwrap(), b"wrong family");
        arena.push(b.address(), b"2");
        let counters = a.send(&arena);
        assert_eq!((counters.datagrams, counters.refused), (2, 2));
        let got: Vec<_> = b.receive(2).into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(got, [b"1".to_vec(), b"2".to_vec()]);
    }
}

#[test]
fn a_run_the_kernel_refuses_as_segments_is_sent_one_by_one() {
    let (mut a, mut b) = (
        Side::local(SocketOptions::default()),
        Side::local(SocketOptions::default()),
    );
    // The kernel segments only what it may checksum (udp_send_skb: EINVAL). Another path could do
    // it, so the socket tries again next time.
    set_option(&a.socket.socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
    let mut arena = SendArena::new(1 << 17, 20);
    queue_frames(&mut arena, &[b.address()], 2);
    let counters = a.send(&arena);
    assert_eq!((counters.datagrams, counters.messages), (10, 10));
    assert_eq!((counters.unsegmented, counters.refused), (2, 0));
    let sizes: Vec<_> = b.receive(10).iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes[3..6], [1200, 333, 1200]);
    assert_eq!(a.send(&arena).unsegmented, 4);
}

/// A kernel that takes `budget` messages and then fails with `error`; unless `is_strict` only for
/// runs.
struct Faulty {
    inner: Descriptor,
    budget: usize,
    error: libc::c_int,
    is_strict: bool,
}

impl Faulty {
    fn new(side: &Side, budget: usize, error: libc::c_int) -> Self {
        Self {
            inner: side.socket.kernel(),
            budget,
            error,
            is_strict: true,
        }
    }
}

impl Kernel for Faulty {
    fn send(&mut self, messages: &Messages, range: Range<usize>) -> io::Result<usize> {
        let is_run = messages.runs[range.start].datagrams > 1;
        if self.budget == 0 && (self.is_strict || is_run) {
            return Err(io::Error::from_raw_os_error(self.error));
        }
        let most = if self.budget == 0 {
            usize::MAX
        } else {
            self.budget
        };
        let end = range.end.min(range.start.saturating_add(most));
        let sent = self.inner.send(messages, range.start..end)?;
        self.budget = self.budget.saturating_sub(sent);
        Ok(sent)
    }

    fn send_alone(&mut self, messages: &Messages, index: usize, bytes: &[u8]) -> io::Result<()> {
        if self.is_strict && self.budget == 0 {
            return Err(io::Error::from_raw_os_error(self.error));
        }
        self.budget = self.budget.saturating_sub(1);
        self.inner.send_alone(messages, index, bytes)
    }
}

#[test]
fn an_interface_that_cannot_segment_is_asked_only_once() {
    let (mut a, mut b) = (
        Side::local(SocketOptions::default()),
        Side::local(SocketOptions::default()),
    );
    let mut arena = SendArena::new(1 << 20, 600);
    queue_frames(&mut arena, &[b.address()], 100);
    let mut kernel = Faulty::new(&a, 1, libc::EIO);
    kernel.is_strict = false;
    a.queue.send(&mut kernel, &arena);
    let counters = *a.queue.counters();
    assert_eq!((counters.datagrams, counters.refused), (500, 0));
    assert!(
        b.receive(500)
            .iter()
            .zip(0..)
            .all(|((_, bytes), n)| bytes[0] == (n / 5) as u8)
    );
    // The call it failed in had 64 runs; no later one has any.
    assert_eq!(counters.unsegmented as usize, SEND_BATCH - 1);
    let again = a.send(&arena);
    assert_eq!(again.unsegmented, counters.unsegmented);
    assert_eq!(again.messages, counters.messages + 500);
}

/// A video frame and an audio packet a round, to two people in turn.
fn queue_mixed(arena: &mut SendArena, to: [SocketAddr; 2], rounds: u8) {
    let mut hints = [PathHint::default(); 2];
    for round in 0..rounds {
        for len in [1200, 1200, 160] {
            for (hint, to) in hints.iter_mut().zip(to) {
                assert!(arena.push_hinted(hint, to, len, |out| {
                    out.fill(round);
                    Some(len)
                }));
            }
        }
    }
}

#[test]
fn a_full_socket_keeps_small_datagrams_in_order_and_drops_large_ones() {
    for options in ALL {
        for error in [libc::EAGAIN, libc::ENOBUFS] {
            let mut a = Side::local(options);
            let mut to = [Side::local(options), Side::local(options)];
            let mut arena = SendArena::new(1 << 20, 600);
            let addresses = to.each_ref().map(Side::address);
            queue_mixed(&mut arena, addresses, 50);
            a.queue.send(&mut Faulty::new(&a, 10, error), &arena);
            let first = *a.queue.counters();
            assert_eq!((first.blocked, first.messages), (1, 10));
            assert!(first.buffer_full > 0 && first.kept > 0);
            let fate = first.datagrams + first.buffer_full + first.kept;
            assert_eq!((fate, first.backlog_full, first.refused), (300, 0, 0));
            assert_eq!(a.queue.backlog_len() as u64, first.kept);

            // Still full after some more; nothing overtakes what waits.
            a.queue.send(&mut Faulty::new(&a, 1, error), &arena);
            let second = *a.queue.counters();
            assert_eq!(second.kept, first.kept + 100, "what waits is counted once");
            assert_eq!(second.buffer_full, first.buffer_full + 200);
            a.socket.send_backlog(&mut a.queue);
            assert_eq!(a.queue.backlog_len(), 0);
            let total = *a.queue.counters();
            assert_eq!(total.datagrams + total.buffer_full, 600);

            for side in &mut to {
                let small: Vec<_> = drain(side)
                    .iter()
                    .filter(|bytes| bytes.len() == 160)
                    .map(|bytes| bytes[0])
                    .collect();
                let twice: Vec<u8> = (0..50).chain(0..50).collect();
                assert_eq!(small, twice, "{options:?}");
            }
        }
    }
}

/// All that has arrived.
fn drain(side: &mut Side) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let reading = side.socket.receive(&mut side.batch).unwrap();
        for index in 0..reading.messages {
            let (_, datagrams) = side.batch.run(index).unwrap();
            all.extend(datagrams.map(|datagram| datagram.to_vec()));
        }
        if reading.is_drained {
            return all;
        }
    }
}

#[test]
fn a_run_that_is_blocked_halfway_is_kept_from_there() {
    let options = SocketOptions::default();
    let (mut a, mut b) = (Side::local(options), Side::local(options));
    let mut arena = SendArena::new(1000, 10);
    for number in 0..5 {
        arena.push(b.address(), &[number; 100]);
    }
    // Refused as a run, then two single ones are taken.
    struct Halfway(Faulty);
    impl Kernel for Halfway {
        fn send(&mut self, _: &Messages, _: Range<usize>) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(libc::EMSGSIZE))
        }
        fn send_alone(&mut self, messages: &Messages, at: usize, bytes: &[u8]) -> io::Result<()> {
            self.0.send_alone(messages, at, bytes)
        }
    }
    a.queue
        .send(&mut Halfway(Faulty::new(&a, 2, libc::EAGAIN)), &arena);
    let counters = *a.queue.counters();
    assert_eq!((counters.datagrams, counters.kept), (2, 3));
    a.socket.send_backlog(&mut a.queue);
    let numbers: Vec<_> = drain(&mut b).iter().map(|bytes| bytes[0]).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

#[test]
fn a_full_backlog_drops_and_counts() {
    let (mut a, b) = (
        Side::local(SocketOptions::default()),
        Side::local(SocketOptions::default()),
    );
    let mut arena = SendArena::new(1 << 20, 2000);
    for _ in 0..2000 {
        arena.push(b.address(), &[1; SMALL_DATAGRAM]);
    }
    a.queue.send(&mut Faulty::new(&a, 0, libc::EAGAIN), &arena);
    let counters = *a.queue.counters();
    assert_eq!(a.queue.backlog_len(), BACKLOG_DATAGRAMS);
    assert_eq!(counters.kept as usize, BACKLOG_DATAGRAMS);
    assert_eq!(counters.backlog_full as usize, 2000 - BACKLOG_DATAGRAMS);
    assert_eq!((counters.datagrams, counters.buffer_full), (0, 0));
}

#[test]
fn datagrams_the_kernel_dropped_are_counted() {
    let receiver = UdpSocket::bind(
        "127.0.0.1:0".parse().unwrap(),
        1,
        1 << 20,
        SocketOptions::default(),
    )
    .unwrap();
    let mut batch = ReceiveBatch::new(&receiver);
    let mut from = Side::local(SocketOptions {
        gso: false,
        mmsg: true,
    });
    let to = receiver.local_address().unwrap();
    let mut arena = SendArena::new(1 << 17, 100);
    for _ in 0..100 {
        arena.push(to, &[1; 1000]);
    }
    from.send(&arena);
    // The count comes with the datagrams behind the gap.
    while receiver.receive(&mut batch).unwrap().messages > 0 {}
    arena.clear();
    arena.push(to, &[2; 10]);
    from.send(&arena);
    while receiver.receive(&mut batch).unwrap().messages > 0 {}
    let counters = batch.counters();
    assert_eq!(counters.receive_queue_dropped + counters.datagrams, 101);
    assert!(counters.receive_queue_dropped > 0);
}

/// Runs `ip` with these words in this thread's network namespace.
fn ip(words: &str) -> bool {
    let status = std::process::Command::new("ip")
        .args(words.split(' '))
        .stderr(std::process::Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The real thing: towards a neighbour whose link address is not known packets wait in the kernel
/// and fill the smallest of send buffers, until the address is told.
#[test]
fn the_kernel_says_when_a_full_socket_takes_more() {
    let in_a_namespace_of_its_own = || {
        // SAFETY: only this thread gets another network namespace.
        let is_alone = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        let set_up = [
            "link add v0 type veth peer name v1",
            "link set v0 up",
            "link set v1 up",
            "addr add 10.9.9.1/24 dev v0",
        ];
        if !is_alone || !set_up.into_iter().all(ip) {
            return; // may not, or cannot, do so on this machine
        }
        let any = "10.9.9.1:0".parse().unwrap();
        let socket = UdpSocket::bind(any, 1 << 16, 1, SocketOptions::default()).unwrap();
        let mut queue = SendQueue::new(&socket);
        let mut arena = SendArena::new(1 << 20, 300);
        let to = |person| SocketAddr::from(([10, 9, 9, 2], person));
        queue_mixed(&mut arena, [to(1000), to(1001)], 40);
        socket.send(&mut queue, &arena);
        let full = *queue.counters();
        assert!(full.blocked == 1 && full.datagrams > 0 && full.kept > 0);

        let mut poll = mio::Poll::new().unwrap();
        let descriptor = socket.as_raw_fd();
        let interest = mio::Interest::READABLE | mio::Interest::WRITABLE;
        poll.registry()
            .register(
                &mut mio::unix::SourceFd(&descriptor),
                mio::Token(0),
                interest,
            )
            .unwrap();
        let mut events = mio::Events::with_capacity(8);
        let now = Some(std::time::Duration::ZERO);
        poll.poll(&mut events, now).unwrap();
        assert!(!events.iter().any(|event| event.is_writable()));

        assert!(ip(
            "neigh replace 10.9.9.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent"
        ));
        let soon = Some(std::time::Duration::from_secs(10));
        poll.poll(&mut events, soon).unwrap();
        assert!(events.iter().any(|event| event.is_writable()));
        socket.send_backlog(&mut queue);
        let sent = *queue.counters();
        assert_eq!(queue.backlog_len(), 0);
        assert_eq!(sent.datagrams, full.datagrams + full.kept);
    };
    std::thread::spawn(in_a_namespace_of_its_own)
        .join()
        .unwrap();
}
