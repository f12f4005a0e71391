//! What sending costs, our socket against a bare loop of the same system calls, and what receiving
//! does.
//!
//! `cargo bench --bench udp`. One flush to 30 people, interleaved as the core queues it, over the
//! loopback to sockets that nobody reads (so receiving is part of it, as far as the drop). Times are
//! this thread's CPU time. `own` groups, fills headers and sends; `bare` has its headers ready and only
//! makes the calls. Read ratios within one run.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::hint::black_box;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use firstbell::net::{ReceiveBatch, SendQueue, SocketOptions, UdpSocket};
use firstbell::transport::{PathHint, SendArena};

const PEOPLE: usize = 30;
const CHUNK: usize = 64;

#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    options: SocketOptions,
    /// Packets for each person in one flush.
    packets: usize,
}

const fn shape(name: &'static str, gso: bool, mmsg: bool, packets: usize) -> Shape {
    Shape {
        name,
        options: SocketOptions { gso, mmsg },
        packets,
    }
}

const SHAPES: [Shape; 5] = [
    shape("sendto", false, false, 5),
    shape("sendmmsg", false, true, 5),
    shape("gso_2", true, true, 2),
    shape("gso_5", true, true, 5),
    shape("gso_10", true, true, 10),
];

fn sinks() -> (Vec<StdSocket>, Vec<SocketAddr>) {
    let sockets: Vec<_> = (0..PEOPLE)
        .map(|_| StdSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let addresses = sockets.iter().map(|s| s.local_addr().unwrap()).collect();
    (sockets, addresses)
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists on Linux and the call writes into `time`.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn timed(bencher: &mut Bencher<'_>, mut call: impl FnMut()) {
    bencher.iter_custom(|times| {
        let start = cpu();
        for _ in 0..times {
            call();
        }
        cpu() - start
    });
}

/// One flush: packet by packet to everybody or, if contiguous, person by person.
fn fill(arena: &mut SendArena, to: &[SocketAddr], size: usize, packets: usize, contiguous: bool) {
    let mut hints = [PathHint::default(); PEOPLE];
    arena.clear();
    for number in 0..packets * PEOPLE {
        let person = if contiguous {
            number / packets
        } else {
            number % PEOPLE
        };
        arena.push_hinted(&mut hints[person], to[person], size, |out| {
            black_box(out);
            Some(size)
        });
    }
}

fn own(bencher: &mut Bencher<'_>, shape: Shape, size: usize, contiguous: bool) {
    let (_sockets, to) = sinks();
    let any = "127.0.0.1:0".parse().unwrap();
    let socket = UdpSocket::bind(any, 1 << 20, 8 << 20, shape.options).unwrap();
    let mut queue = SendQueue::new(&socket);
    let mut arena = SendArena::new(1 << 20, 1024);
    fill(&mut arena, &to, size, shape.packets, contiguous);
    timed(bencher, || socket.send(&mut queue, &arena));
    assert_eq!(queue.counters().buffer_full + queue.counters().refused, 0);
}

/// The same with the cost of queueing: what the core does but for sealing.
fn queued(bencher: &mut Bencher<'_>, shape: Shape, size: usize) {
    let (_sockets, to) = sinks();
    let any = "127.0.0.1:0".parse().unwrap();
    let socket = UdpSocket::bind(any, 1 << 20, 8 << 20, shape.options).unwrap();
    let mut queue = SendQueue::new(&socket);
    let mut arena = SendArena::new(1 << 20, 1024);
    timed(bencher, || {
        fill(&mut arena, &to, size, shape.packets, false);
        socket.send(&mut queue, &arena);
    });
}

#[repr(C, align(8))]
struct Control([u8; 24]);

/// Headers for a flush, all ready.
struct Bare {
    socket: StdSocket,
    bytes: Vec<u8>,
    scattered: Vec<u8>,
    _names: Vec<libc::sockaddr_in>,
    _controls: Vec<Control>,
    _vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Bare {
    /// One vector for each message: contiguous, as no gathering could be cheaper.
    fn new(to: &[SocketAddr], size: usize, shape: Shape) -> Self {
        let share = if shape.options.gso { shape.packets } else { 1 };
        let messages = PEOPLE * shape.packets / share;
        let mut bytes = vec![0_u8; PEOPLE * shape.packets * size];
        let name = |index: usize| match to[index % PEOPLE] {
            SocketAddr::V4(v4) => libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*v4.ip()).to_be(),
                },
                sin_zero: [0; 8],
            },
            SocketAddr::V6(_) => panic!("loopback is IPv4"),
        };
        let mut names: Vec<_> = (0..messages).map(name).collect();
        let mut controls: Vec<_> = (0..messages)
            .map(|_| segment_control(size as u16))
            .collect();
        let mut vectors: Vec<_> = bytes
            .chunks_exact_mut(size * share)
            .map(|chunk| libc::iovec {
                iov_base: chunk.as_mut_ptr().cast(),
                iov_len: chunk.len(),
            })
            .collect();
        let headers = (0..messages)
            .map(|index| {
                // SAFETY: all bytes zero is a valid mmsghdr.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_name = (&raw mut names[index]).cast();
                header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_hdr.msg_iov = &raw mut vectors[index];
                header.msg_hdr.msg_iovlen = 1;
                if share > 1 {
                    header.msg_hdr.msg_control = (&raw mut controls[index]).cast();
                    header.msg_hdr.msg_controllen = size_of::<Control>();
                }
                header
            })
            .collect();
        let socket = StdSocket::bind("127.0.0.1:0").unwrap();
        Self {
            socket,
            scattered: vec![1; bytes.len()],
            bytes,
            _names: names,
            _controls: controls,
            _vectors: vectors,
            headers,
        }
    }

    fn send(&mut self, is_mmsg: bool) {
        let descriptor = self.socket.as_raw_fd();
        if !is_mmsg {
            for header in &self.headers {
                let header = &raw const header.msg_hdr;
                // SAFETY: everything the header points at is owned by `self`.
                assert!(unsafe { libc::sendmsg(descriptor, header, 0) } >= 0);
            }
            return;
        }
        for chunk in self.headers.chunks_mut(CHUNK) {
            let len = chunk.len() as libc::c_uint;
            // SAFETY: as above.
            let sent = unsafe { libc::sendmmsg(descriptor, chunk.as_mut_ptr(), len, 0) };
            assert_eq!(sent, len as libc::c_int);
        }
    }

    /// Brings interleaved packets together before sending, instead of gathering.
    fn copy(&mut self, size: usize, packets: usize) {
        for (number, packet) in self.scattered.chunks_exact(size).enumerate() {
            let (person, place) = (number % PEOPLE, number / PEOPLE);
            let at = (person * packets + place) * size;
            self.bytes[at..at + size].copy_from_slice(packet);
        }
    }
}

fn segment_control(size: u16) -> Control {
    let mut control = Control([0; 24]);
    let header = control.0.as_mut_ptr().cast::<libc::cmsghdr>();
    // SAFETY: the buffer is aligned for a header and holds one with two bytes of data.
    unsafe {
        (*header).cmsg_level = libc::SOL_UDP;
        (*header).cmsg_type = libc::UDP_SEGMENT;
        (*header).cmsg_len = libc::CMSG_LEN(2) as _;
        libc::CMSG_DATA(header).cast::<u16>().write_unaligned(size);
    }
    control
}

fn sends(criterion: &mut Criterion) {
    for size in [1200, 160] {
        let mut group = criterion.benchmark_group(format!("send_{size}"));
        group
            .sample_size(20)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_secs(1));
        for shape in SHAPES {
            group.throughput(Throughput::Elements((shape.packets * PEOPLE) as u64));
            group.bench_function(BenchmarkId::new("bare", shape.name), |bencher| {
                let (_sockets, to) = sinks();
                let mut bare = Bare::new(&to, size, shape);
                timed(bencher, || bare.send(shape.options.mmsg));
            });
            group.bench_function(BenchmarkId::new("own", shape.name), |bencher| {
                own(bencher, shape, size, false);
            });
        }
        let five = SHAPES[3];
        group.throughput(Throughput::Elements((five.packets * PEOPLE) as u64));
        group.bench_function("own_contiguous/gso_5", |bencher| {
            own(bencher, five, size, true);
        });
        group.bench_function("own_queued/gso_5", |bencher| queued(bencher, five, size));
        group.bench_function("bare_copied/gso_5", |bencher| {
            let (_sockets, to) = sinks();
            let mut bare = Bare::new(&to, size, five);
            timed(bencher, || {
                bare.copy(size, five.packets);
                bare.send(true);
            });
        });
        group.finish();
    }
}

/// Frames of five packets that wait in the socket, read until none is left.
fn receive(bencher: &mut Bencher<'_>, options: SocketOptions) {
    const FRAMES: usize = 30;
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let from = UdpSocket::bind(any, 1 << 20, 8 << 20, SocketOptions::default()).unwrap();
    let to = UdpSocket::bind(any, 8 << 20, 1 << 20, options).unwrap();
    let mut queue = SendQueue::new(&from);
    let mut arena = SendArena::new(1 << 20, 1024);
    let mut batch = ReceiveBatch::new(&to);
    let address = to.local_address().unwrap();
    // A shorter last packet keeps frames apart.
    for number in 0..FRAMES * 5 {
        let size = if number % 5 == 4 { 1199 } else { 1200 };
        arena.push(address, &[7; 1200][..size]);
    }
    bencher.iter_custom(|times| {
        let mut spent = Duration::ZERO;
        for _ in 0..times {
            from.send(&mut queue, &arena);
            let start = cpu();
            let mut is_drained = false;
            while !is_drained {
                let reading = to.receive(&mut batch).unwrap();
                for index in 0..reading.messages {
                    let (source, datagrams) = batch.run(index).unwrap();
                    black_box(source);
                    for datagram in datagrams {
                        black_box(datagram[0]);
                    }
                }
                is_drained = reading.is_drained;
            }
            spent += cpu() - start;
        }
        spent
    });
    assert_eq!(batch.counters().receive_queue_dropped, 0);
}

fn receives(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive_1200");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .throughput(Throughput::Elements(150));
    for (name, gso, mmsg) in [
        ("recvmsg", false, false),
        ("recvmmsg", false, true),
        ("gro_5_recvmsg", true, false),
        ("gro_5_recvmmsg", true, true),
    ] {
        let options = SocketOptions { gso, mmsg };
        group.bench_function(name, |bencher| receive(bencher, options));
    }
    group.finish();
}

criterion_group!(benches, sends, receives);
criterion_main!(benches);
