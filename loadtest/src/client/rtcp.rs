//! RTCP as a browser sends it, through `rtc::rtcp`, and the little a client acts on.

use bytes::{Bytes, BytesMut};
use rtc::rtcp::packet::{Packet, marshal, unmarshal};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::shared::error::Error;

/// What came in a compound packet and matters to a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Feedback {
    /// PLI or FIR for this SSRC.
    KeyframeRequest {
        ssrc: u32,
    },
    /// Packets of this SSRC to send again.
    Nack {
        ssrc: u32,
        lost: Vec<u16>,
    },
    SenderReport {
        ssrc: u32,
        ntp: u64,
    },
    ReceiverReports(usize),
    TransportWide,
    Other,
}

/// # Errors
/// Not RTCP.
pub fn read(mut compound: &[u8]) -> Result<Vec<Feedback>, Error> {
    let packets = unmarshal(&mut compound)?;
    Ok(packets
        .iter()
        .map(|packet| feedback(packet.as_ref()))
        .collect())
}

fn feedback(packet: &dyn Packet) -> Feedback {
    let any = packet.as_any();
    if let Some(pli) = any.downcast_ref::<PictureLossIndication>() {
        return Feedback::KeyframeRequest {
            ssrc: pli.media_ssrc,
        };
    }
    if let Some(fir) = any.downcast_ref::<FullIntraRequest>() {
        let ssrc = fir.fir.first().map_or(fir.media_ssrc, |entry| entry.ssrc);
        return Feedback::KeyframeRequest { ssrc };
    }
    if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
        let lost = nack
            .nacks
            .iter()
            .flat_map(|pair| pair.packet_list())
            .collect();
        return Feedback::Nack {
            ssrc: nack.media_ssrc,
            lost,
        };
    }
    if let Some(report) = any.downcast_ref::<SenderReport>() {
        return Feedback::SenderReport {
            ssrc: report.ssrc,
            ntp: report.ntp_time,
        };
    }
    if let Some(report) = any.downcast_ref::<ReceiverReport>() {
        return Feedback::ReceiverReports(report.reports.len());
    }
    if any.is::<rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc>() {
        return Feedback::TransportWide;
    }
    Feedback::Other
}

/// How a slot's stream has been received (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug)]
pub struct Reception {
    pub ssrc: u32,
    pub lost: u32,
    pub highest: u32,
    /// Middle 32 bits of the last sender report's time; 0: none.
    pub last_sender_report: u32,
    /// In 1/65536 s.
    pub delay: u32,
}

/// Report blocks a packet holds (5 bits).
const MAX_REPORTS: usize = 31;

pub struct Sending {
    pub ssrc: u32,
    pub ntp: u64,
    pub rtp_timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// A compound report: sender reports (or an empty receiver report), receptions, and the CNAME.
///
/// # Errors
/// Cannot be encoded.
pub fn report(
    cname: &str,
    own_ssrc: u32,
    sending: &[Sending],
    receptions: &[Reception],
) -> Result<BytesMut, Error> {
    let mut packets: Vec<Box<dyn Packet>> = sending
        .iter()
        .map(|sending| -> Box<dyn Packet> {
            Box::new(SenderReport {
                ssrc: sending.ssrc,
                ntp_time: sending.ntp,
                rtp_time: sending.rtp_timestamp,
                packet_count: sending.packets,
                octet_count: sending.octets,
                reports: Vec::new(),
                profile_extensions: Bytes::new(),
            })
        })
        .collect();
    for chunk in receptions.chunks(MAX_REPORTS) {
        packets.push(Box::new(ReceiverReport {
            ssrc: own_ssrc,
            reports: chunk.iter().map(block).collect(),
            profile_extensions: Bytes::new(),
        }));
    }
    if packets.is_empty() {
        packets.push(Box::new(ReceiverReport {
            ssrc: own_ssrc,
            ..ReceiverReport::default()
        }));
    }
    let cname = SourceDescriptionItem {
        sdes_type: SdesType::SdesCname,
        text: Bytes::copy_from_slice(cname.as_bytes()),
    };
    packets.push(Box::new(SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: own_ssrc,
            items: vec![cname],
        }],
    }));
    marshal(&packets)
}

fn block(reception: &Reception) -> ReceptionReport {
    ReceptionReport {
        ssrc: reception.ssrc,
        total_lost: reception.lost.min(0x7F_FFFF),
        last_sequence_number: reception.highest,
        last_sender_report: reception.last_sender_report,
        delay: reception.delay,
        ..ReceptionReport::default()
    }
}

/// # Errors
/// Cannot be encoded.
pub fn nack(own_ssrc: u32, ssrc: u32, lost: &[u16]) -> Result<BytesMut, Error> {
    marshal(&[Box::new(TransportLayerNack {
        sender_ssrc: own_ssrc,
        media_ssrc: ssrc,
        nacks: nack_pairs_from_sequence_numbers(lost),
    })])
}

/// # Errors
/// Cannot be encoded.
pub fn picture_loss(own_ssrc: u32, ssrc: u32) -> Result<BytesMut, Error> {
    marshal(&[Box::new(PictureLossIndication {
        sender_ssrc: own_ssrc,
        media_ssrc: ssrc,
    })])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feedback_is_understood() {
        let bytes = nack(1, 2, &[65535, 0, 40]).unwrap();
        let expected = Feedback::Nack {
            ssrc: 2,
            lost: vec![65535, 0, 40],
        };
        assert_eq!(read(&bytes).unwrap(), [expected]);
        let bytes = picture_loss(1, 9).unwrap();
        assert_eq!(
            read(&bytes).unwrap(),
            [Feedback::KeyframeRequest { ssrc: 9 }]
        );
        let fir: &[u8] = &[
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0,
        ];
        assert_eq!(read(fir).unwrap(), [Feedback::KeyframeRequest { ssrc: 7 }]);
    }

    #[test]
    fn reports_are_whole_compounds() {
        let sending = Sending {
            ssrc: 5,
            ntp: 1 << 40,
            rtp_timestamp: 3,
            packets: 2,
            octets: 1,
        };
        let reception = Reception {
            ssrc: 8,
            lost: 0,
            highest: 77,
            last_sender_report: 0,
            delay: 0,
        };
        let bytes = report("c", 5, &[sending], &[reception; 40]).unwrap();
        assert_eq!(
            read(&bytes).unwrap(),
            [
                Feedback::SenderReport {
                    ssrc: 5,
                    ntp: 1 << 40
                },
                Feedback::ReceiverReports(31),
                Feedback::ReceiverReports(9),
                Feedback::Other,
            ]
        );
        assert!(report("c", 5, &[], &[]).is_ok());
    }
}
