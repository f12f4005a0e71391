//! What the shards of one room tell each other, as bytes.
//!
//! Messages between two shards arrive in the order they were written, each once, but a packet that
//! finds no room is never written. Everything that may not get lost is therefore the *whole* state
//! of one thing, and is written again until there was room.

use std::time::{Duration, Instant};

use crate::media::{Codec, ParticipantId, RoomId, Source};
use crate::publish::{Ingress, PublisherClock, SenderReportTime};
use crate::room::Permissions;
use crate::wire::extensions::AudioLevel;

/// Bytes a message may have: the payload of the largest datagram that is taken, and what stands in
/// front of it.
pub const MAX_MESSAGE_BYTES: usize = 2_176;

/// Sequence numbers in one [`RelayMessage::Nack`]; what else is missing is asked for later.
pub const MAX_NACKED: usize = 256;

#[derive(Clone, Copy, Debug)]
pub enum RelayMessage<'a> {
    /// There are people of the room on the sending shard, since `since` (its wall clock at the
    /// room's opening, in nanoseconds). Another `since` than before: all that was known of them is
    /// void. `asks`: the receiver shall say the same.
    Hello { since: u64, asks: bool },
    /// The last one on the sending shard has left.
    Bye,
    /// Somebody on the sending shard and what they publish.
    Publisher(PublisherState),
    /// They left.
    Gone { participant: ParticipantId },
    /// Which tracks of somebody on the *receiving* shard the sender wants.
    Wants {
        participant: ParticipantId,
        sources: SourceSet,
    },
    /// Of such a track, a keyframe is needed.
    Keyframe {
        participant: ParticipantId,
        source: Source,
    },
    /// Of such a track, these sequence numbers (big-endian) did not come.
    Nack {
        participant: ParticipantId,
        source: Source,
        lost: &'a [[u8; 2]],
    },
    /// One packet of somebody on the sending shard.
    Media {
        participant: ParticipantId,
        source: Source,
        packet: Ingress<'a>,
    },
}

/// All that the other shards know of a publisher beyond its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherState {
    pub participant: ParticipantId,
    pub leading: bool,
    pub permissions: Permissions,
    pub clock: PublisherClock,
    /// How long ago they last were among the speakers.
    pub spoke_before: Option<Duration>,
    pub tracks: [Option<TrackState>; Source::ALL.len()],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackState {
    pub codec: Codec,
    pub muted: bool,
    pub live: bool,
    /// How long ago that last changed to live.
    pub live_for: Duration,
    /// What ties the track's timestamps to the publisher's clock.
    pub report: Option<SenderReportTime>,
}

/// Some of the four sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceSet(u8);

impl SourceSet {
    pub fn insert(&mut self, source: Source) {
        self.0 |= 1 << source as u8;
    }

    pub fn remove(&mut self, source: Source) {
        self.0 &= !(1 << source as u8);
    }

    pub fn contains(self, source: Source) -> bool {
        self.0 & (1 << source as u8) != 0
    }

    /// What is in this set and not in `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const HELLO: u8 = 1;
const BYE: u8 = 2;
const PUBLISHER: u8 = 3;
const GONE: u8 = 4;
const WANTS: u8 = 5;
const KEYFRAME: u8 = 6;
const NACK: u8 = 7;
const MEDIA: u8 = 8;

/// Writes a message about `room` to the front of `out`; its length, or `None` if it does not fit.
pub fn encode(room: RoomId, message: &RelayMessage<'_>, out: &mut [u8]) -> Option<usize> {
    let mut out = Writer { out, len: 0 };
    let (kind, participant) = match message {
        RelayMessage::Hello { .. } => (HELLO, None),
        RelayMessage::Bye => (BYE, None),
        RelayMessage::Publisher(state) => (PUBLISHER, Some(state.participant)),
        RelayMessage::Gone { participant } => (GONE, Some(*participant)),
        RelayMessage::Wants { participant, .. } => (WANTS, Some(*participant)),
        RelayMessage::Keyframe { participant, .. } => (KEYFRAME, Some(*participant)),
        RelayMessage::Nack { participant, .. } => (NACK, Some(*participant)),
        RelayMessage::Media { participant, .. } => (MEDIA, Some(*participant)),
    };
    out.u8(kind)?;
    out.u64(room.0)?;
    if let Some(participant) = participant {
        out.u64(participant.0)?;
    }
    match message {
        RelayMessage::Hello { since, asks } => {
            out.u64(*since)?;
            out.u8(u8::from(*asks))?;
        }
        RelayMessage::Bye | RelayMessage::Gone { .. } => {}
        RelayMessage::Publisher(state) => out.publisher(state)?,
        RelayMessage::Wants { sources, .. } => out.u8(sources.0)?,
        RelayMessage::Keyframe { source, .. } => out.u8(*source as u8)?,
        RelayMessage::Nack { source, lost, .. } => {
            out.u8(*source as u8)?;
            out.bytes(lost.as_flattened())?;
        }
        RelayMessage::Media { source, packet, .. } => {
            out.u8(*source as u8)?;
            out.ingress(packet)?;
        }
    }
    Some(out.len)
}

/// Reads what [`encode`] wrote; `now` is when it arrived. `None`: it is something else.
pub fn decode(bytes: &[u8], now: Instant) -> Option<(RoomId, RelayMessage<'_>)> {
    let mut bytes = Reader { bytes };
    let kind = bytes.u8()?;
    let room = RoomId(bytes.u64()?);
    let message = match kind {
        HELLO => RelayMessage::Hello {
            since: bytes.u64()?,
            asks: bytes.bool()?,
        },
        BYE => RelayMessage::Bye,
        PUBLISHER => RelayMessage::Publisher(bytes.publisher()?),
        GONE => RelayMessage::Gone {
            participant: bytes.participant()?,
        },
        WANTS => RelayMessage::Wants {
            participant: bytes.participant()?,
            sources: bytes.sources()?,
        },
        KEYFRAME => RelayMessage::Keyframe {
            participant: bytes.participant()?,
            source: bytes.source()?,
        },
        NACK => RelayMessage::Nack {
            participant: bytes.participant()?,
            source: bytes.source()?,
            lost: bytes.pairs()?,
        },
        MEDIA => RelayMessage::Media {
            participant: bytes.participant()?,
            source: bytes.source()?,
            packet: bytes.ingress(now)?,
        },
        _ => return None,
    };
    bytes.bytes.is_empty().then_some((room, message))
}

struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.out.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    fn u8(&mut self, value: u8) -> Option<()> {
        self.bytes(&[value])
    }

    fn u64(&mut self, value: u64) -> Option<()> {
        self.bytes(&value.to_be_bytes())
    }

    fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> Option<()>,
    ) -> Option<()> {
        self.u8(u8::from(value.is_some()))?;
        match value {
            Some(value) => write(self, value),
            None => Some(()),
        }
    }

    fn duration(&mut self, value: Duration) -> Option<()> {
        self.u64(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
    }

    fn publisher(&mut self, state: &PublisherState) -> Option<()> {
        let Permissions {
            microphone,
            camera,
            screen,
        } = state.permissions;
        self.u8(flags([state.leading, microphone, camera, screen]))?;
        self.option(state.clock.offset(), |out, offset| out.u64(offset as u64))?;
        self.option(state.spoke_before, Self::duration)?;
        for track in state.tracks {
            self.option(track, Self::track)?;
        }
        Some(())
    }

    fn track(&mut self, track: TrackState) -> Option<()> {
        self.u8(codec_byte(track.codec))?;
        self.u8(flags([track.muted, track.live, false, false]))?;
        self.duration(track.live_for)?;
        self.option(track.report, |out, report| {
            out.u64(report.ntp)?;
            out.bytes(&report.rtp_timestamp.to_be_bytes())
        })
    }

    /// All of a packet but its arrival. What [`Ingress`] gets more, gets its place here and in
    /// [`Reader::ingress`], and nowhere else.
    fn ingress(&mut self, packet: &Ingress<'_>) -> Option<()> {
        self.u64(packet.index)?;
        self.bytes(&packet.timestamp.to_be_bytes())?;
        self.u8(codec_byte(packet.codec))?;
        self.u8(flags([
            packet.marker,
            packet.keyframe,
            packet.starts_frame,
            packet.level.is_some(),
        ]))?;
        self.u8(packet.level.map_or(0, AudioLevel::to_byte))?;
        self.bytes(packet.payload)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn flags(&mut self) -> Option<[bool; 4]> {
        let byte = self.u8()?;
        (byte < 16).then(|| std::array::from_fn(|at| byte & (1 << at) != 0))
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.bool()? {
            true => read(self).map(Some),
            false => Some(None),
        }
    }

    fn duration(&mut self) -> Option<Duration> {
        self.u64().map(Duration::from_micros)
    }

    fn participant(&mut self) -> Option<ParticipantId> {
        self.u64().map(ParticipantId)
    }

    fn source(&mut self) -> Option<Source> {
        Source::ALL.get(usize::from(self.u8()?)).copied()
    }

    fn sources(&mut self) -> Option<SourceSet> {
        let byte = self.u8()?;
        (byte < 16).then_some(SourceSet(byte))
    }

    fn codec(&mut self) -> Option<Codec> {
        CODECS.get(usize::from(self.u8()?)).copied()
    }

    /// Takes all that is left.
    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    fn pairs(&mut self) -> Option<&'a [[u8; 2]]> {
        let (pairs, odd) = self.rest().as_chunks::<2>();
        (odd.is_empty() && pairs.len() <= MAX_NACKED).then_some(pairs)
    }

    fn publisher(&mut self) -> Option<PublisherState> {
        let participant = self.participant()?;
        let [leading, microphone, camera, screen] = self.flags()?;
        let offset = self.option(Self::u64)?.map(|offset| offset as i64);
        let spoke_before = self.option(Self::duration)?;
        let mut tracks = [None; Source::ALL.len()];
        for track in &mut tracks {
            *track = self.option(Self::track)?;
        }
        Some(PublisherState {
            participant,
            leading,
            permissions: Permissions {
                microphone,
                camera,
                screen,
            },
            clock: PublisherClock::with_offset(offset),
            spoke_before,
            tracks,
        })
    }

    fn track(&mut self) -> Option<TrackState> {
        let codec = self.codec()?;
        let [muted, live, _, _] = self.flags()?;
        Some(TrackState {
            codec,
            muted,
            live,
            live_for: self.duration()?,
            report: self.option(|bytes| {
                Some(SenderReportTime {
                    ntp: bytes.u64()?,
                    rtp_timestamp: bytes.u32()?,
                })
            })?,
        })
    }

    fn ingress(&mut self, arrival: Instant) -> Option<Ingress<'a>> {
        let index = self.u64()?;
        let timestamp = self.u32()?;
        let codec = self.codec()?;
        let [marker, keyframe, starts_frame, has_level] = self.flags()?;
        let level = self.u8()?;
        Some(Ingress {
            index,
            timestamp,
            marker,
            payload: self.rest(),
            codec,
            keyframe,
            starts_frame,
            level: has_level.then(|| AudioLevel::parse(&[level])).flatten(),
            arrival,
        })
    }
}

fn flags(bits: [bool; 4]) -> u8 {
    let bits = bits.into_iter().enumerate();
    bits.fold(0, |byte, (at, bit)| byte | u8::from(bit) << at)
}

/// By the byte that stands for each.
const CODECS: [Codec; 3] = [Codec::Opus, Codec::Vp8, Codec::H264];

fn codec_byte(codec: Codec) -> u8 {
    match codec {
        Codec::Opus => 0,
        Codec::Vp8 => 1,
        Codec::H264 => 2,
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
