//! What a simulated participant negotiated. Payload types, extension ids and whether SSRCs are
//! announced differ between participants, as they do between browsers.

use arrayvec::ArrayString;
use firstbell::media::{Codec, MediaKind, ParticipantId, Source};
use firstbell::room::Permissions;
use firstbell::transport::SrtpProfile;
use firstbell::wire::extensions::{ExtensionKind, ExtensionMap};
use firstbell::wire::sdp::{
    DtlsRole, Feedback, Fingerprint, HashAlgorithm, IceCredentials, Mid, PublishLine, SessionPlan,
    SlotCodec, SlotLine,
};

/// How somebody joins.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub microphone: bool,
    pub camera: bool,
    pub audio_slots: usize,
    pub video_slots: usize,
    pub permissions: Permissions,
    pub leading: bool,
    pub srtp: SrtpProfile,
}

impl Profile {
    pub const PUPIL: Self = Self {
        microphone: true,
        camera: true,
        audio_slots: 3,
        video_slots: 4,
        permissions: Permissions::ALL,
        leading: false,
        srtp: SrtpProfile::Aes128Gcm,
    };

    /// Publishes nothing.
    pub const LISTENER: Self = Self {
        microphone: false,
        camera: false,
        ..Self::PUPIL
    };
}

/// One participant's own numbers.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    pub opus: u8,
    pub vp8: u8,
    pub rtx: u8,
    pub audio_level: u8,
    pub abs_send_time: u8,
    pub transport_sequence: u8,
    pub mid: u8,
    /// SSRCs are in the offer; else only the MID of the first packets tells.
    pub announces_ssrcs: bool,
    /// Asks the node for PLI; else for FIR.
    pub pli: bool,
}

impl Dialect {
    pub fn of(participant: ParticipantId) -> Self {
        let chromium = Self {
            opus: 111,
            vp8: 96,
            rtx: 97,
            audio_level: 1,
            abs_send_time: 2,
            transport_sequence: 3,
            mid: 4,
            announces_ssrcs: true,
            pli: true,
        };
        match participant.0 % 3 {
            0 => chromium,
            1 => Self {
                opus: 109,
                vp8: 120,
                rtx: 124,
                audio_level: 4,
                abs_send_time: 3,
                transport_sequence: 7,
                mid: 1,
                ..chromium
            },
            _ => Self {
                announces_ssrcs: false,
                pli: false,
                ..chromium
            },
        }
    }

    fn extensions(self) -> ExtensionMap {
        let mut map = ExtensionMap::default();
        for (kind, id) in [
            (ExtensionKind::AudioLevel, self.audio_level),
            (ExtensionKind::AbsSendTime, self.abs_send_time),
            (ExtensionKind::TransportSequence, self.transport_sequence),
            (ExtensionKind::Mid, self.mid),
        ] {
            map.insert(kind, id).unwrap();
        }
        map
    }
}

pub fn mid_of(source: Source) -> &'static str {
    ["mic", "cam", "scr", "sca"][source as usize]
}

/// SSRC of a source's media; its retransmissions have the next.
pub fn ssrc_of(participant: ParticipantId, source: Source) -> u32 {
    0x1000_0000 + participant.0 as u32 * 16 + source as u32 * 2
}

pub fn credentials(owner: &str, participant: ParticipantId, generation: u32) -> IceCredentials {
    IceCredentials {
        ufrag: format!("{owner}{:04}g{generation}", participant.0),
        password: format!("{owner}-password-{:08}-{generation:08}", participant.0),
    }
}

pub fn session_plan(participant: ParticipantId, profile: &Profile) -> SessionPlan {
    let dialect = Dialect::of(participant);
    let slot = |at: usize, kind| slot_line(participant, dialect, at, kind);
    let audio = (0..profile.audio_slots).map(|at| slot(at, MediaKind::Audio));
    let video = (0..profile.video_slots).map(|at| slot(profile.audio_slots + at, MediaKind::Video));
    SessionPlan {
        dtls_role: DtlsRole::Client,
        remote_ice: credentials("c", participant, 0),
        remote_fingerprints: vec![Fingerprint {
            algorithm: HashAlgorithm::Sha256,
            digest: vec![0; 32],
        }],
        publish: Source::ALL
            .map(|source| publish_line(participant, dialect, source))
            .to_vec(),
        slots: audio.chain(video).collect(),
    }
}

fn publish_line(participant: ParticipantId, dialect: Dialect, source: Source) -> PublishLine {
    let is_video = source.kind() == MediaKind::Video;
    let ssrc = Some(ssrc_of(participant, source)).filter(|_| dialect.announces_ssrcs);
    PublishLine {
        mid: Mid(ArrayString::from(mid_of(source)).unwrap()),
        source,
        codec: if is_video { Codec::Vp8 } else { Codec::Opus },
        payload_type: if is_video { dialect.vp8 } else { dialect.opus },
        rtx_payload_type: is_video.then_some(dialect.rtx),
        ssrc,
        rtx_ssrc: ssrc.filter(|_| is_video).map(|ssrc| ssrc + 1),
        extensions: dialect.extensions(),
        feedback: Feedback {
            nack: is_video,
            pli: is_video && dialect.pli,
            fir: is_video,
            transport_cc: true,
            remb: false,
        },
    }
}

fn slot_line(participant: ParticipantId, dialect: Dialect, at: usize, kind: MediaKind) -> SlotLine {
    let is_video = kind == MediaKind::Video;
    let ssrc = 0x7000_0000 + participant.0 as u32 * 256 + at as u32 * 2;
    SlotLine {
        mid: Mid(ArrayString::from(&format!("slot{at}")).unwrap()),
        kind,
        ssrc,
        rtx_ssrc: is_video.then_some(ssrc + 1),
        codecs: vec![SlotCodec {
            codec: if is_video { Codec::Vp8 } else { Codec::Opus },
            payload_type: if is_video { dialect.vp8 } else { dialect.opus },
            rtx_payload_type: is_video.then_some(dialect.rtx),
        }],
        extensions: dialect.extensions(),
        feedback: Feedback {
            nack: is_video,
            pli: is_video,
            ..Feedback::default()
        },
    }
}
