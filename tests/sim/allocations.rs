//! Counts what the code under test allocates: nothing per packet, is the promise.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use firstbell::congestion::{
    Admit, CongestionConfig, CongestionController, FeedbackKind, PacketClass, SentPacket,
};
use firstbell::room::relay::{RelayMessage, decode};
use firstbell::shard::ShardConfig;
use firstbell::wire::demux::{DatagramKind, demux};

use crate::network::Path;
use crate::plan::Profile;
use crate::relay::Links;
use crate::world::World;

/// Until every table has met its busiest second: packet caches grow by steps.
const WARM_UP: Duration = Duration::from_secs(40);

thread_local! {
    // Without a destructor and constant at first: may be touched by an allocator.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: all calls go to the system's allocator unchanged; counting touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises about all three are passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// RTP packets the shards took, from participants and from each other, and the allocations of this
/// thread while they did.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketAllocations {
    pub packets: u64,
    pub relayed: u64,
    pub allocations: u64,
}

impl PacketAllocations {
    /// Calls into the shard with `datagram`, counting if it is RTP.
    pub fn around(&mut self, datagram: &mut [u8], call: impl FnOnce(&mut [u8])) {
        let is_rtp = demux(datagram).is_ok_and(|kind| kind == DatagramKind::Rtp);
        let before = ALLOCATIONS.get();
        call(datagram);
        if is_rtp {
            self.packets += 1;
            self.allocations += ALLOCATIONS.get() - before;
        }
    }

    /// The same for a message from another shard, if it is a packet.
    pub fn around_relayed(&mut self, message: &[u8], call: impl FnOnce(&[u8])) {
        let decoded = decode(message, Instant::now());
        let is_media = matches!(decoded, Some((_, RelayMessage::Media { .. })));
        let before = ALLOCATIONS.get();
        call(message);
        if is_media {
            self.relayed += 1;
            self.allocations += ALLOCATIONS.get() - before;
        }
    }
}

#[test]
fn an_allocation_is_counted() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(7_u64)));
    assert_eq!(ALLOCATIONS.get(), before + 1);
}

#[test]
fn nothing_is_allocated_per_forwarded_packet() {
    let mut world = World::new(77, Path::wireless());
    for _ in 0..5 {
        world.join(1, Profile::PUPIL);
    }
    world.run_for(WARM_UP);
    world.rtp = PacketAllocations::default();
    let forwarded = world.counters().forwarding.packets_forwarded;
    world.run_for(Duration::from_secs(20));
    let forwarded = world.counters().forwarding.packets_forwarded - forwarded;
    assert!(forwarded > 10_000, "{forwarded} packets are no test");
    assert!(world.rtp.packets > 2_000);
    assert_eq!(world.rtp.allocations, 0, "in {:?}", world.rtp);
    world.assert_no_faults();
}

#[test]
fn nothing_is_allocated_per_relayed_packet() {
    let configs = (0..2).map(|index| ShardConfig {
        shards: 2,
        ..ShardConfig::new(index)
    });
    let mut world = World::spread(78, Path::wireless(), configs.collect(), Links::IDEAL);
    for at in 0..5 {
        world.join_on(at % 2, 1, Profile::PUPIL);
    }
    world.run_for(WARM_UP);
    world.rtp = PacketAllocations::default();
    world.run_for(Duration::from_secs(20));
    assert!(world.rtp.packets > 2_000 && world.rtp.relayed > 2_000);
    assert_eq!(world.rtp.allocations, 0, "in {:?}", world.rtp);
    world.assert_no_faults();
}

#[test]
fn nothing_is_allocated_per_packet_that_is_paced_and_remembered() {
    let mut now = Instant::now();
    let config = CongestionConfig::new(FeedbackKind::CongestionControl);
    let mut controller = CongestionController::<u64>::new(now, config);
    controller.set_wanted(now, 5_000_000);
    let (mut sequence, mut queued) = (0, 0u64);
    let mut round = |controller: &mut CongestionController<u64>, class, bytes| {
        now += Duration::from_millis(2);
        let mut left = |controller: &mut CongestionController<u64>| {
            let packet = SentPacket {
                sequence,
                ssrc: 1,
                rtp_sequence: sequence as u16,
                bytes,
                class,
            };
            sequence += 1;
            controller.on_sent(now, packet);
        };
        match controller.admit(now, bytes, class) {
            Admit::Now => left(controller),
            Admit::Queue => {
                queued += 1;
                controller.queue(queued, bytes, class);
            }
            Admit::Refuse => {}
        }
        controller.handle_timeout(now);
        while controller.release(now).is_some() || controller.due_padding(now).is_some() {
            left(controller);
        }
    };
    // Until the queue was full once.
    for _ in 0..2_000 {
        round(&mut controller, PacketClass::Video, 1_200);
    }
    let before = ALLOCATIONS.get();
    for at in 0..10_000 {
        let class = match at % 3 {
            0 => PacketClass::Audio,
            _ => PacketClass::Video,
        };
        round(&mut controller, class, 400);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(queued > 100, "{queued}");
    assert!(controller.estimate().target_bps > 0);
}
