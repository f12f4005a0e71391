//! From an offer to a plan: which lines are taken, with which codecs, as what. Decides everything
//! and writes nothing; [`answer`](super::answer) puts it into text.

use std::net::SocketAddr;

use rustc_hash::FxHashSet;

use super::answer::{self, AcceptedLine, AnswerLine, AnswerText, LineExtensions};
use super::format::Chosen;
use super::offer::{Direction, Offer, OfferedMedia};
use super::plan::{Mid, PublishLine, SessionPlan, SlotCodec, SlotLine};
use super::security::OfferedSetup;
use super::{DtlsRole, Fingerprint, IceCredentials, MAX_AUDIO_SLOTS, MAX_VIDEO_SLOTS, SdpError};
use crate::media::{MediaKind, Source};

/// Transport of an ICE candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateProtocol {
    Udp,
}

/// An address of ours that clients send their checks to; always a host candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub address: SocketAddr,
    pub protocol: CandidateProtocol,
}

/// Our side of a first negotiation.
pub struct AnswerParams<'a> {
    /// For the `o=` line; at most 62 bits are used (RFC 9429 §5.2.1).
    pub session_id: u64,
    pub ice: &'a IceCredentials,
    /// The first is preferred.
    pub candidates: &'a [Candidate],
    pub fingerprint: &'a Fingerprint,
    /// Our DTLS role where the offer leaves the choice.
    pub setup_preference: DtlsRole,
    /// One per participant, of token characters (RFC 7022).
    pub cname: &'a str,
    /// Random numbers for our SSRCs; 0, repeated ones and the offer's own are passed over.
    pub next_ssrc: &'a mut dyn FnMut() -> u32,
}

/// Our side of an ICE restart.
pub struct RestartParams<'a> {
    /// As in the first answer.
    pub session_id: u64,
    /// One more than in the answer before; the first answer's is 1.
    pub session_version: u64,
    /// New credentials.
    pub ice: &'a IceCredentials,
    pub candidates: &'a [Candidate],
    /// As in the first answer.
    pub fingerprint: &'a Fingerprint,
    pub cname: &'a str,
}

/// What of the offer could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SdpWarning {
    /// An audio line without Opus was refused.
    AudioCodecUnsupported,
    /// A video line without VP8 and H.264 was refused.
    VideoCodecUnsupported,
}

#[derive(Clone, Debug)]
pub struct Negotiated {
    pub answer: String,
    /// [`SessionPlan::is_empty`] when every line had to be refused; `warnings` then says why.
    pub session: SessionPlan,
    /// Each at most once.
    pub warnings: Vec<SdpWarning>,
}

#[derive(Clone, Debug)]
pub struct Restarted {
    pub answer: String,
    pub remote_ice: IceCredentials,
}

/// Answers an offer.
///
/// Sending lines become [`Source`]s by their order: the first audio line is the microphone, the
/// second the screen's audio; the first video line is the camera, the second the screen. Receiving
/// lines become slots. Lines beyond those are answered inactive, lines without a codec of ours are
/// refused (port 0).
///
/// # Errors
/// An [`SdpError`] when the offer as a whole cannot be answered.
pub fn negotiate(offer: &Offer, params: AnswerParams<'_>) -> Result<Negotiated, SdpError> {
    let AnswerParams {
        session_id,
        ice,
        candidates,
        fingerprint,
        setup_preference,
        cname,
        next_ssrc,
    } = params;
    let offered = offer.media.iter().flat_map(|media| &media.ssrcs).copied();
    let ssrcs = SsrcSource::Minted {
        next: next_ssrc,
        // 0 is legal in RTP, but too many endpoints read it as "none".
        used: offered.chain([0]).collect(),
    };
    let decided = Decision::take(offer, setup_preference, ssrcs)?;
    let answer = answer::write(&AnswerText {
        session_id,
        session_version: 1,
        ice,
        candidates,
        fingerprint,
        cname,
        dtls_role: decided.session.dtls_role,
        offer,
        lines: &decided.lines,
    });
    Ok(Negotiated {
        answer,
        session: decided.session,
        warnings: decided.warnings,
    })
}

/// Answers an offer that restarts ICE (RFC 8445 §9) for a session that runs on `plan`. Everything
/// but the ICE credentials stays as it is, SSRCs and DTLS association included.
///
/// # Errors
/// [`SdpError::NotARestart`] for the old credentials, [`SdpError::RestartChanged`] when the offer
/// would lead to another plan, and whatever [`negotiate`] refuses.
pub fn renegotiate_restart(
    offer: &Offer,
    plan: &SessionPlan,
    params: RestartParams<'_>,
) -> Result<Restarted, SdpError> {
    let ssrcs = SsrcSource::Kept(plan.slots.iter());
    let decided = Decision::take(offer, plan.dtls_role, ssrcs)?;
    let new = &decided.session;
    if new.remote_ice == plan.remote_ice {
        return Err(SdpError::NotARestart);
    }
    if new.dtls_role != plan.dtls_role {
        return Err(SdpError::RestartChanged("DTLS role"));
    }
    if new.remote_fingerprints != plan.remote_fingerprints {
        return Err(SdpError::RestartChanged("certificate fingerprint"));
    }
    let same_publish = new.publish.len() == plan.publish.len()
        && new.publish.iter().zip(&plan.publish).all(|(new, old)| {
            // A client may announce SSRCs that it kept to itself before: Chromium does once
            // simulcast was declined.
            let announced = PublishLine {
                ssrc: old.ssrc,
                rtx_ssrc: old.rtx_ssrc,
                ..new.clone()
            };
            announced == *old
        });
    if !same_publish {
        return Err(SdpError::RestartChanged("publishing lines"));
    }
    if new.slots != plan.slots {
        return Err(SdpError::RestartChanged("receiving lines"));
    }
    let answer = answer::write(&AnswerText {
        session_id: params.session_id,
        session_version: params.session_version,
        ice: params.ice,
        candidates: params.candidates,
        fingerprint: params.fingerprint,
        cname: params.cname,
        dtls_role: plan.dtls_role,
        offer,
        lines: &decided.lines,
    });
    Ok(Restarted {
        answer,
        remote_ice: decided.session.remote_ice,
    })
}

/// Where the SSRCs of slots come from.
enum SsrcSource<'a> {
    Minted {
        next: &'a mut dyn FnMut() -> u32,
        used: FxHashSet<u32>,
    },
    Kept(std::slice::Iter<'a, SlotLine>),
}

impl SsrcSource<'_> {
    /// Primary and RTX. `None`: the session has no such slot.
    fn slot(&mut self, with_rtx: bool) -> Option<(u32, Option<u32>)> {
        match self {
            Self::Minted { next, used } => {
                let mut mint = || {
                    let mut ssrc = next();
                    // Ends: `used` holds some thousands of 2^32 numbers.
                    while !used.insert(ssrc) {
                        ssrc = ssrc.wrapping_add(1);
                    }
                    ssrc
                };
                Some((mint(), with_rtx.then(mint)))
            }
            Self::Kept(slots) => slots.next().map(|slot| (slot.ssrc, slot.rtx_ssrc)),
        }
    }
}

/// A negotiation's outcome before it is text.
struct Decision<'a> {
    session: SessionPlan,
    /// One for each m-line of the offer, in its order.
    lines: Vec<AnswerLine<'a>>,
    warnings: Vec<SdpWarning>,
}

impl<'a> Decision<'a> {
    fn take(
        offer: &'a Offer,
        setup_preference: DtlsRole,
        ssrcs: SsrcSource<'_>,
    ) -> Result<Self, SdpError> {
        if offer.ice_lite {
            return Err(SdpError::PeerIsIceLite);
        }
        let usable = |media: &OfferedMedia| media.kind.is_some() && media.is_live();
        if !offer.media.iter().any(usable) {
            return Err(SdpError::NoUsableMedia);
        }
        let mut lines = Lines {
            offer,
            ssrcs,
            sources: Source::ALL.to_vec(),
            publish: Vec::new(),
            slots: Vec::new(),
            warnings: Vec::new(),
        };
        let answered = offer
            .media
            .iter()
            .map(|media| lines.answer(media))
            .collect::<Result<Vec<_>, _>>()?;
        let transport = Transport::of(offer, &answered, setup_preference)?;
        Ok(Self {
            session: SessionPlan {
                dtls_role: transport.dtls_role,
                remote_ice: transport.ice,
                remote_fingerprints: transport.fingerprints,
                publish: lines.publish,
                slots: lines.slots,
            },
            lines: answered,
            warnings: lines.warnings,
        })
    }
}

/// Goes through the m-lines in order and collects the plan.
struct Lines<'a, 's> {
    offer: &'a Offer,
    ssrcs: SsrcSource<'s>,
    /// Not yet taken by a sending line.
    sources: Vec<Source>,
    publish: Vec<PublishLine>,
    slots: Vec<SlotLine>,
    warnings: Vec<SdpWarning>,
}

impl<'a> Lines<'a, '_> {
    fn answer(&mut self, media: &'a OfferedMedia) -> Result<AnswerLine<'a>, SdpError> {
        let (Some(kind), Some(mid), true) = (media.kind, media.mid, media.is_live()) else {
            return Ok(AnswerLine::Rejected);
        };
        let direction = media.direction.unwrap_or(self.offer.direction);
        // A line that has to be refused still counts, so that a screen never passes for a camera.
        let source = direction.sends().then(|| self.take_source(kind)).flatten();
        let mut codecs = media.formats.choose(kind);
        if codecs.is_empty() || !media.is_secure_rtp() {
            self.warn(kind);
            return Ok(AnswerLine::Rejected);
        }
        if !self.offer.bundle.contains(&mid) {
            return Err(SdpError::NotBundled(mid.as_str().to_owned()));
        }
        if !media.rtcp_mux {
            return Err(SdpError::MissingRtcpMux(mid.as_str().to_owned()));
        }
        let extensions = LineExtensions::of(media, kind, self.offer.extmap_allow_mixed);
        for chosen in &mut codecs {
            chosen.feedback.transport_cc &= extensions.have_transport_sequence();
        }
        let receives = direction.receives() && self.has_room_for_slot(kind);
        if !receives {
            // What is only sent to us comes in one codec.
            codecs.truncate(1);
        }
        if let (Some(source), Some(chosen)) = (source, codecs.first()) {
            self.publish
                .push(publish_line(mid, source, media, chosen, &extensions));
        }
        let slot = match receives {
            true => Some(self.add_slot(mid, kind, &codecs, &extensions)?),
            false => None,
        };
        Ok(AnswerLine::Accepted(AcceptedLine {
            mid,
            direction: Direction::new(slot.is_some(), source.is_some()),
            codecs,
            extensions,
            slot,
        }))
    }

    fn take_source(&mut self, kind: MediaKind) -> Option<Source> {
        let order = match kind {
            MediaKind::Audio => [Source::Microphone, Source::ScreenAudio],
            MediaKind::Video => [Source::Camera, Source::Screen],
        };
        let source = order
            .into_iter()
            .find(|source| self.sources.contains(source))?;
        self.sources.retain(|left| *left != source);
        Some(source)
    }

    fn warn(&mut self, kind: MediaKind) {
        let warning = match kind {
            MediaKind::Audio => SdpWarning::AudioCodecUnsupported,
            MediaKind::Video => SdpWarning::VideoCodecUnsupported,
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn has_room_for_slot(&self, kind: MediaKind) -> bool {
        let taken = self.slots.iter().filter(|slot| slot.kind == kind).count();
        taken
            < match kind {
                MediaKind::Audio => MAX_AUDIO_SLOTS,
                MediaKind::Video => MAX_VIDEO_SLOTS,
            }
    }

    fn add_slot(
        &mut self,
        mid: Mid,
        kind: MediaKind,
        codecs: &[Chosen<'_>],
        extensions: &LineExtensions,
    ) -> Result<SlotLine, SdpError> {
        let with_rtx = codecs
            .iter()
            .any(|chosen| chosen.rtx_payload_type.is_some());
        let (ssrc, rtx_ssrc) = self
            .ssrcs
            .slot(with_rtx)
            .ok_or(SdpError::RestartChanged("receiving lines"))?;
        let slot = SlotLine {
            mid,
            kind,
            ssrc,
            rtx_ssrc,
            codecs: codecs.iter().map(slot_codec).collect(),
            extensions: extensions.to_client,
            feedback: codecs
                .iter()
                .map(|chosen| chosen.feedback)
                .reduce(|all, next| all.and(next))
                .unwrap_or_default(),
        };
        self.slots.push(slot.clone());
        Ok(slot)
    }
}

fn slot_codec(chosen: &Chosen<'_>) -> SlotCodec {
    SlotCodec {
        codec: chosen.codec,
        payload_type: chosen.format.payload_type,
        rtx_payload_type: chosen.rtx_payload_type,
    }
}

fn publish_line(
    mid: Mid,
    source: Source,
    media: &OfferedMedia,
    chosen: &Chosen<'_>,
    extensions: &LineExtensions,
) -> PublishLine {
    // Of a simulcast offer the first stream: without simulcast in the answer it is the one sent.
    let first_pair = media.fid_groups.first().copied();
    let ssrc = first_pair.map(|(primary, _)| primary);
    PublishLine {
        mid,
        source,
        codec: chosen.codec,
        payload_type: chosen.format.payload_type,
        rtx_payload_type: chosen.rtx_payload_type,
        ssrc: ssrc.or_else(|| media.ssrcs.first().copied()),
        rtx_ssrc: first_pair
            .map(|(_, rtx)| rtx)
            .filter(|_| chosen.rtx_payload_type.is_some()),
        extensions: extensions.from_client,
        feedback: chosen.feedback,
    }
}

/// What the one bundled transport needs of the offer.
struct Transport {
    dtls_role: DtlsRole,
    ice: IceCredentials,
    fingerprints: Vec<Fingerprint>,
}

impl Transport {
    /// From the m-line that gives the bundle its transport: the first accepted one of the group
    /// (RFC 9143 §7.3.1), or the group's first when all are refused; else from the session.
    fn of(
        offer: &Offer,
        answered: &[AnswerLine<'_>],
        preference: DtlsRole,
    ) -> Result<Self, SdpError> {
        let tagged = answer::tag(offer, answered)
            .or(offer.bundle.first().copied())
            .and_then(|mid| offer.media.iter().find(|media| media.mid == Some(mid)))
            .or(offer.media.first())
            .map_or(&offer.transport, |media| &media.transport);
        let ice = tagged
            .ice()
            .or_else(|| offer.transport.ice())
            .ok_or(SdpError::MissingIceCredentials)??;
        let fingerprints = match tagged.fingerprints.as_slice() {
            [] => &offer.transport.fingerprints,
            _ => &tagged.fingerprints,
        };
        if fingerprints.is_empty() {
            let unsupported =
                tagged.has_unsupported_fingerprint || offer.transport.has_unsupported_fingerprint;
            return Err(match unsupported {
                true => SdpError::UnsupportedFingerprint,
                false => SdpError::MissingFingerprint,
            });
        }
        // Without a=setup RFC 4145 would say active; browsers take it as actpass in an offer.
        let setup = tagged
            .setup
            .or(offer.transport.setup)
            .unwrap_or(OfferedSetup::ActPass);
        Ok(Self {
            dtls_role: setup.answer(preference),
            ice,
            fingerprints: fingerprints.clone(),
        })
    }
}
