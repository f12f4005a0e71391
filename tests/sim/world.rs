//! Virtual time: the real shard, simulated participants, and the network between them.
//!
//! One queue of what is on its way, one clock that jumps to whatever is due next. Everything
//! random comes from the seed, so a run is its seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use firstbell::media::{ParticipantId, RoomId, Source};
use firstbell::room::Wants;
use firstbell::shard::{
    Command, Counters, Event, HandshakeInput, HandshakeOutput, JoinParticipant, Shard, ShardConfig,
};
use firstbell::transport::SendArena;

use crate::allocations::PacketAllocations;
use crate::client::Client;
use crate::network::{Line, Path};
use crate::plan::{Profile, credentials, session_plan};
use crate::relay::{Links, Relays};

/// The wall clock at the start of every run, since 1970.
pub const EPOCH: Duration = Duration::from_secs(1_795_500_000);
/// What DTLS would take.
const HANDSHAKE: Duration = Duration::from_millis(40);
/// Timeouts that may be handled without time going on.
const MAX_SPINS: usize = 1_000;

enum Arrival {
    AtNode {
        shard: usize,
        from: SocketAddr,
        datagram: Vec<u8>,
    },
    AtClient {
        to: SocketAddr,
        datagram: Vec<u8>,
    },
    Keys(ParticipantId),
    /// The oldest message on the way from one shard to another.
    Relayed {
        from: usize,
        to: usize,
    },
}

/// By time, then in the order they were queued.
struct Queued {
    at: Duration,
    order: u64,
    arrival: Arrival,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

pub struct World {
    seed: u64,
    base: Instant,
    pub now: Duration,
    /// The first shard; in most worlds the only one.
    pub shard: Shard,
    pub other_shards: Vec<Shard>,
    pub relays: Relays,
    /// Who is where, of those who are not on the first shard, and in which room everybody is.
    shard_of: HashMap<ParticipantId, usize>,
    room_of: BTreeMap<ParticipantId, RoomId>,
    arena: SendArena,
    default_path: Path,
    /// Of participants whose network is not like the others'.
    lines: HashMap<ParticipantId, Line>,
    queue: BinaryHeap<Reverse<Queued>>,
    queued: u64,
    pub clients: BTreeMap<ParticipantId, Client>,
    /// Whose datagrams to this address are; what was theirs before leads nowhere.
    owners: HashMap<SocketAddr, ParticipantId>,
    former: HashSet<SocketAddr>,
    next_id: u64,
    pub events: Vec<(Duration, Event)>,
    /// Which shards said who speaks.
    pub speakers_from: Vec<(Duration, usize)>,
    /// DTLS datagrams that reached the handshake pool.
    pub dtls: usize,
    pub removed: Vec<ParticipantId>,
    /// What went to addresses that are nobody's.
    pub to_strangers: Vec<(SocketAddr, Vec<u8>)>,
    reached: HashSet<SocketAddr>,
    /// RTP packets the node sealed, by receiver and SSRC: each number at most once.
    sealed: HashSet<(SocketAddr, u32, u16)>,
    pub faults: Vec<String>,
    pub rtp: PacketAllocations,
    trace: DefaultHasher,
    traces: BTreeMap<SocketAddr, DefaultHasher>,
    spins: usize,
}

impl World {
    pub fn new(seed: u64, path: Path) -> Self {
        Self::with_config(seed, path, ShardConfig::new(0))
    }

    pub fn with_config(seed: u64, path: Path, config: ShardConfig) -> Self {
        Self::spread(seed, path, vec![config], Links::IDEAL)
    }

    /// A node of several shards; people join them by [`World::join_on`].
    pub fn spread(seed: u64, path: Path, configs: Vec<ShardConfig>, links: Links) -> Self {
        let base = Instant::now();
        let mut shards = configs.into_iter().map(|config| {
            let mut shard_seed = [0; 32];
            shard_seed[..8].copy_from_slice(&seed.to_be_bytes());
            shard_seed[8] = config.index as u8;
            Shard::new(config, shard_seed, base, EPOCH)
        });
        Self {
            seed,
            base,
            now: Duration::ZERO,
            shard: shards.next().expect("a node has a shard"),
            other_shards: shards.collect(),
            relays: Relays::new(seed, links),
            shard_of: HashMap::new(),
            room_of: BTreeMap::new(),
            arena: SendArena::new(4 << 20, 4096),
            default_path: path,
            lines: HashMap::new(),
            queue: BinaryHeap::new(),
            queued: 0,
            clients: BTreeMap::new(),
            owners: HashMap::new(),
            former: HashSet::new(),
            next_id: 0,
            events: Vec::new(),
            speakers_from: Vec::new(),
            dtls: 0,
            removed: Vec::new(),
            to_strangers: Vec::new(),
            reached: HashSet::new(),
            sealed: HashSet::new(),
            faults: Vec::new(),
            rtp: PacketAllocations::default(),
            trace: DefaultHasher::new(),
            traces: BTreeMap::new(),
            spins: 0,
        }
    }

    // ---- what a scenario does -------------------------------------------------------------------

    pub fn join(&mut self, room: u64, profile: Profile) -> ParticipantId {
        self.join_on(0, room, profile)
    }

    pub fn join_on(&mut self, shard: usize, room: u64, profile: Profile) -> ParticipantId {
        let spread_over = self.others(RoomId(room), shard);
        self.join_knowing(shard, room, profile, spread_over)
    }

    /// Joins where it is not known as usual which other shards have people of the room.
    pub fn join_knowing(
        &mut self,
        shard: usize,
        room: u64,
        profile: Profile,
        spread_over: Vec<usize>,
    ) -> ParticipantId {
        let id = ParticipantId(self.next_id);
        self.next_id += 1;
        let room = RoomId(room);
        self.shard_of.insert(id, shard);
        self.room_of.insert(id, room);
        let client = Client::new(self.now, self.seed, id, profile);
        self.owners.insert(client.address, id);
        self.clients.insert(id, client);
        self.command(Command::Join(Box::new(JoinParticipant {
            room,
            participant: id,
            plan: session_plan(id, &profile),
            local_ice: credentials("n", id, 0),
            permissions: profile.permissions,
            leading: profile.leading,
            spread_over,
        })));
        id
    }

    /// Other shards with people of the room, as whoever places people knows them.
    fn others(&self, room: RoomId, shard: usize) -> Vec<usize> {
        let people = self.room_of.iter().filter(|(_, of)| **of == room);
        let shards: BTreeSet<_> = people.map(|(id, _)| self.home(*id)).collect();
        shards.into_iter().filter(|other| *other != shard).collect()
    }

    /// Leaves in good order.
    pub fn leave(&mut self, id: ParticipantId) -> Client {
        self.command(Command::Leave { participant: id });
        self.vanish(id)
    }

    /// Is gone without a word.
    pub fn vanish(&mut self, id: ParticipantId) -> Client {
        let client = self.clients.remove(&id).unwrap();
        self.room_of.remove(&id);
        self.owners.remove(&client.address);
        self.former.insert(client.address);
        client
    }

    pub fn mute(&mut self, id: ParticipantId, source: Source, muted: bool) {
        let now = self.now;
        let sender = self.client_mut(id).sender(source);
        match muted {
            true => sender.stop(),
            false => sender.start(now),
        }
        self.command(Command::Muted {
            participant: id,
            source,
            muted,
        });
    }

    pub fn start(&mut self, id: ParticipantId, source: Source) {
        let now = self.now;
        self.client_mut(id).sender(source).start(now);
    }

    pub fn stop(&mut self, id: ParticipantId, source: Source) {
        self.client_mut(id).sender(source).stop();
    }

    /// Speaks so loud from now on: -dBov, 127 is silence.
    pub fn speak(&mut self, id: ParticipantId, level: u8) {
        self.client_mut(id).sender(Source::Microphone).level = level;
    }

    pub fn want(&mut self, id: ParticipantId, wants: Wants) {
        self.command(Command::Wants {
            participant: id,
            wants,
        });
    }

    pub fn restart_ice(&mut self, id: ParticipantId, generation: u32) {
        let now = self.now;
        let local = credentials("n", id, generation);
        let remote = credentials("c", id, generation);
        self.client_mut(id)
            .ice
            .restart(now, remote.clone(), local.clone());
        self.command(Command::RestartIce {
            participant: id,
            local,
            remote,
        });
    }

    /// The NAT in front of a participant gives it another address; the old one leads nowhere.
    pub fn rebind(&mut self, id: ParticipantId, address: SocketAddr) {
        let client = self.clients.get_mut(&id).unwrap();
        let old = std::mem::replace(&mut client.address, address);
        self.owners.remove(&old);
        self.former.insert(old);
        self.owners.insert(address, id);
    }

    pub fn set_path(&mut self, id: ParticipantId, path: Path) {
        let now = self.now;
        self.line(id).reschedule(now, path);
    }

    /// A datagram straight to the node, past the network and its dice.
    pub fn inject(&mut self, from: SocketAddr, mut datagram: Vec<u8>) {
        let now = self.instant();
        self.shard
            .handle_datagram(now, from, &mut datagram, &mut self.arena);
        self.end_turn(0);
    }

    pub fn command(&mut self, command: Command) {
        let now = self.instant();
        let at = self.home(participant_of(&command));
        let (shard, arena) = self.shard_and_arena(at);
        shard.handle_command(now, command, arena);
        self.end_turn(at);
    }

    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.next_due().filter(|due| *due <= end) {
            if due > self.now {
                self.now = due;
                self.spins = 0;
            }
            self.step();
        }
        self.now = end;
    }

    // ---- what a test looks at -------------------------------------------------------------------

    pub fn client(&self, id: ParticipantId) -> &Client {
        &self.clients[&id]
    }

    pub fn client_mut(&mut self, id: ParticipantId) -> &mut Client {
        self.clients.get_mut(&id).unwrap()
    }

    pub fn counters(&self) -> &Counters {
        self.shard.counters()
    }

    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        std::iter::once(&self.shard).chain(&self.other_shards)
    }

    /// The shard that has this participant.
    pub fn home(&self, id: ParticipantId) -> usize {
        self.shard_of.get(&id).copied().unwrap_or(0)
    }

    /// All drops by reason, those of 0 left out.
    pub fn drops(&self) -> BTreeMap<&'static str, u64> {
        let drops = self.counters().drops();
        drops.filter(|(_, count)| *count > 0).collect()
    }

    /// Hash of every datagram to and from participants, with its time.
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// The same for each participant's address.
    pub fn traces(&self) -> BTreeMap<SocketAddr, u64> {
        let traces = self.traces.iter();
        traces
            .map(|(address, hasher)| (*address, hasher.finish()))
            .collect()
    }

    /// Whether the node ever sent anything to this address.
    pub fn has_sent_to(&self, address: SocketAddr) -> bool {
        self.reached.contains(&address)
    }

    /// What the participant was last told about its slots.
    pub fn slots(&self, id: ParticipantId) -> Vec<Option<(ParticipantId, Source)>> {
        self.slot_history(id).pop().unwrap_or_default()
    }

    pub fn slot_history(&self, id: ParticipantId) -> Vec<Vec<Option<(ParticipantId, Source)>>> {
        let events = self.events.iter();
        events
            .filter_map(|(_, event)| match event {
                Event::Slots { participant, slots } if *participant == id => Some(slots.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn count_events(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events
            .iter()
            .filter(|(_, event)| wanted(event))
            .count()
    }

    /// Nobody saw anything that must not be.
    pub fn assert_no_faults(&self) {
        let clients = self.clients.values().flat_map(|client| &client.faults);
        let faults: Vec<_> = self.faults.iter().chain(clients).collect();
        let some = &faults[..faults.len().min(10)];
        assert!(faults.is_empty(), "{} faults: {some:#?}", faults.len());
    }

    // ---- how it goes on -------------------------------------------------------------------------

    fn instant(&self) -> Instant {
        self.base + self.now
    }

    fn next_due(&self) -> Option<Duration> {
        let queued = self.queue.peek().map(|Reverse(queued)| queued.at);
        let clients = self.clients.values().filter_map(Client::due).min();
        [queued, self.shard_due(), clients]
            .into_iter()
            .flatten()
            .min()
    }

    fn shard_due(&self) -> Option<Duration> {
        let at = self.shards().filter_map(Shard::poll_timeout).min()?;
        Some(at.saturating_duration_since(self.base))
    }

    fn shard_and_arena(&mut self, at: usize) -> (&mut Shard, &mut SendArena) {
        let shard = match at.checked_sub(1) {
            None => &mut self.shard,
            Some(other) => &mut self.other_shards[other],
        };
        (shard, &mut self.arena)
    }

    fn step(&mut self) {
        let is_due = |at: Duration| at <= self.now;
        if self
            .queue
            .peek()
            .is_some_and(|Reverse(queued)| is_due(queued.at))
        {
            if let Some(Reverse(queued)) = self.queue.pop() {
                self.arrive(queued.arrival);
            }
        } else if self.shard_due().is_some_and(is_due) {
            self.spins += 1;
            assert!(
                self.spins < MAX_SPINS,
                "timeouts without end at {:?}",
                self.now
            );
            let now = self.instant();
            for at in 0..=self.other_shards.len() {
                let (shard, arena) = self.shard_and_arena(at);
                if shard.poll_timeout().is_some_and(|due| due <= now) {
                    shard.handle_timeout(now, arena);
                    self.end_turn(at);
                }
            }
        } else {
            self.tick_clients();
        }
    }

    fn tick_clients(&mut self) {
        let now = self.now;
        let mut sent = Vec::new();
        for client in self.clients.values_mut() {
            if client.due().is_some_and(|due| due <= now) {
                let mut out = Vec::new();
                client.tick(now, &mut out);
                sent.push((client.id, out));
            }
        }
        for (id, out) in sent {
            self.send_up(id, out);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.instant();
        match arrival {
            Arrival::AtNode {
                shard: at,
                from,
                mut datagram,
            } => {
                self.note("up", from, &datagram);
                let mut rtp = self.rtp;
                let (shard, arena) = self.shard_and_arena(at);
                rtp.around(&mut datagram, |datagram| {
                    shard.handle_datagram(now, from, datagram, arena);
                });
                self.rtp = rtp;
                self.end_turn(at);
            }
            Arrival::Relayed { from, to } => {
                let Some(message) = self.relays.pop((from, to)) else {
                    return;
                };
                let mut rtp = self.rtp;
                let (shard, arena) = self.shard_and_arena(to);
                rtp.around_relayed(&message, |message| {
                    shard.handle_relay(now, from, message, arena);
                });
                self.rtp = rtp;
                self.end_turn(to);
                // There is room again for what waited.
                self.end_turn(from);
            }
            Arrival::AtClient { to, datagram } => {
                let Some(&id) = self.owners.get(&to) else {
                    return;
                };
                let now = self.now;
                let mut out = Vec::new();
                self.client_mut(id).on_datagram(now, datagram, &mut out);
                self.send_up(id, out);
            }
            Arrival::Keys(id) => {
                let now = self.now;
                if let Some(client) = self.clients.get_mut(&id) {
                    let keys = client.secure(now);
                    self.command(Command::Handshake {
                        participant: id,
                        output: HandshakeOutput::Established(Box::new(keys)),
                    });
                }
            }
        }
    }

    fn send_up(&mut self, id: ParticipantId, datagrams: Vec<Vec<u8>>) {
        let from = self.client(id).address;
        let shard = self.home(id);
        let now = self.now;
        for datagram in datagrams {
            for at in self.line(id).up.send(now, datagram.len()).arrivals() {
                let arrival = Arrival::AtNode {
                    shard,
                    from,
                    datagram: datagram.clone(),
                };
                self.queue_at(at, arrival);
            }
        }
    }

    /// As the driver does after every call: assigns slots, passes news on, empties the arena.
    fn end_turn(&mut self, at: usize) {
        let now = self.instant();
        let (shard, arena) = self.shard_and_arena(at);
        shard.end_turn(now, arena);
        self.carry_over(at);
        while let Some(event) = self.shard_and_arena(at).0.poll_event() {
            if let Event::Speakers { .. } = event {
                self.speakers_from.push((self.now, at));
            }
            self.events.push((self.now, event));
        }
        while let Some(input) = self.shard_and_arena(at).0.poll_handshake() {
            match input {
                HandshakeInput::Begin(id) => {
                    self.queue_at(self.now + HANDSHAKE, Arrival::Keys(id));
                }
                HandshakeInput::Datagram(..) => self.dtls += 1,
                HandshakeInput::Remove(id) => self.removed.push(id),
            }
        }
        let sent: Vec<_> = self
            .arena
            .datagrams()
            .map(|(to, datagram)| (to, datagram.to_vec()))
            .collect();
        assert_eq!(self.arena.refused(), 0, "the arena is large enough");
        self.arena.clear();
        for (to, datagram) in sent {
            self.send_down(to, datagram);
        }
    }

    /// Brings what a shard wrote for others on its way, as far as there is room.
    fn carry_over(&mut self, from: usize) {
        for to in 0..=self.other_shards.len() {
            let outbox = self.shard_and_arena(from).0.relay_outbox();
            let messages: Vec<_> = outbox.messages(to).map(<[u8]>::to_vec).collect();
            let mut taken = 0;
            for message in &messages {
                let Some(at) = self.relays.push(self.now, (from, to), message) else {
                    break;
                };
                self.queue_at(at, Arrival::Relayed { from, to });
                taken += 1;
            }
            let outbox = self.shard_and_arena(from).0.relay_outbox_mut();
            outbox.discard(to, taken);
        }
    }

    fn send_down(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        self.reached.insert(to);
        let Some(&id) = self.owners.get(&to) else {
            if !self.former.contains(&to) {
                self.to_strangers.push((to, datagram));
            }
            return;
        };
        self.note("down", to, &datagram);
        self.look_for_reuse(to, &datagram);
        let now = self.now;
        for at in self.line(id).down.send(now, datagram.len()).arrivals() {
            let datagram = datagram.clone();
            self.queue_at(at, Arrival::AtClient { to, datagram });
        }
    }

    /// A number used twice for one SSRC would give AES-GCM's key stream away. Runs are shorter
    /// than a cycle of sequence numbers.
    fn look_for_reuse(&mut self, to: SocketAddr, datagram: &[u8]) {
        let is_rtp = matches!(datagram, [128..=191, second, ..] if !(192..=223).contains(second));
        if !is_rtp {
            return;
        }
        let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
        let ssrc = u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]);
        if !self.sealed.insert((to, ssrc, sequence)) {
            let fault = format!("{:?}: {ssrc:#x} #{sequence} sealed twice", self.now);
            self.faults.push(fault);
        }
    }

    /// A participant's line, made when first used.
    pub fn line(&mut self, id: ParticipantId) -> &mut Line {
        let (seed, path) = (self.seed, &self.default_path);
        self.lines
            .entry(id)
            .or_insert_with(|| Line::new(seed ^ (id.0 + 1).rotate_left(32), path.clone()))
    }

    fn queue_at(&mut self, at: Duration, arrival: Arrival) {
        self.queued += 1;
        self.queue.push(Reverse(Queued {
            at,
            order: self.queued,
            arrival,
        }));
    }

    fn note(&mut self, direction: &str, address: SocketAddr, datagram: &[u8]) {
        let entry = (self.now, direction, address, datagram);
        entry.hash(&mut self.trace);
        entry.hash(self.traces.entry(address).or_default());
    }
}

fn participant_of(command: &Command) -> ParticipantId {
    match command {
        Command::Join(join) => join.participant,
        Command::Leave { participant }
        | Command::Handshake { participant, .. }
        | Command::Wants { participant, .. }
        | Command::Permissions { participant, .. }
        | Command::Muted { participant, .. }
        | Command::RestartIce { participant, .. } => *participant,
    }
}
