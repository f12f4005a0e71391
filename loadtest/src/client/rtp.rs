//! RTP packets as a load client writes and reads them (RFC 3550 §5.1, RFC 8285 one-byte form).

const FIXED_LEN: usize = 12;
const ONE_BYTE_PROFILE: u16 = 0xBEDE;

/// A view of a decrypted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtp<'a> {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    profile: u16,
    extensions: &'a [u8],
    pub payload: &'a [u8],
}

impl<'a> Rtp<'a> {
    /// `None`: not a whole RTP packet.
    pub fn read(packet: &'a [u8]) -> Option<Self> {
        let fixed: &[u8; FIXED_LEN] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut rest = packet.get(FIXED_LEN + 4 * usize::from(fixed[0] & 0x0F)..)?;
        let (mut profile, mut extensions) = (0, &[][..]);
        if fixed[0] & 0x10 != 0 {
            let head: &[u8; 4] = rest.first_chunk()?;
            profile = u16::from_be_bytes([head[0], head[1]]);
            let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            extensions = rest.get(4..4 + len)?;
            rest = rest.get(4 + len..)?;
        }
        if fixed[0] & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            if padding == 0 {
                return None;
            }
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        Some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            profile,
            extensions,
            payload: rest,
        })
    }

    /// The value of the first header extension with this id, in either form of RFC 8285.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        let two_bytes = match self.profile {
            ONE_BYTE_PROFILE => false,
            profile if profile & 0xFFF0 == 0x1000 => true,
            _ => return None,
        };
        let mut rest = self.extensions;
        while let Some((&first, after)) = rest.split_first() {
            if first == 0 {
                rest = after;
                continue;
            }
            let (found, len, data) = if two_bytes {
                let (&len, data) = after.split_first()?;
                (first, usize::from(len), data)
            } else {
                (first >> 4, usize::from(first & 0x0F) + 1, after)
            };
            if !two_bytes && found == 15 {
                return None;
            }
            let value = data.get(..len)?;
            if found == id {
                return Some(value);
            }
            rest = data.get(len..)?;
        }
        None
    }
}

/// The header of a packet to be sent.
#[derive(Clone, Copy, Debug)]
pub struct RtpHead {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl RtpHead {
    /// Appends the header, with header extensions in the one-byte form (ids 1..=14, values of 1 to
    /// 16 bytes; others are left out).
    pub fn write(&self, extensions: &[(u8, &[u8])], out: &mut Vec<u8>) {
        out.push(0x80 | if extensions.is_empty() { 0 } else { 0x10 });
        out.push((self.payload_type & 0x7F) | if self.marker { 0x80 } else { 0 });
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        if extensions.is_empty() {
            return;
        }
        out.extend_from_slice(&ONE_BYTE_PROFILE.to_be_bytes());
        let length_at = out.len();
        out.extend_from_slice(&[0, 0]);
        for (id, value) in extensions {
            if (1..=14).contains(id) && (1..=16).contains(&value.len()) {
                out.push((id << 4) | (value.len() as u8 - 1));
                out.extend_from_slice(value);
            }
        }
        while !(out.len() - length_at - 2).is_multiple_of(4) {
            out.push(0);
        }
        let words = ((out.len() - length_at - 2) / 4) as u16;
        if let Some(field) = out.get_mut(length_at..length_at + 2) {
            field.copy_from_slice(&words.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: RtpHead = RtpHead {
        marker: true,
        payload_type: 111,
        sequence: 65535,
        timestamp: 7,
        ssrc: 0xABCD,
    };

    #[test]
    fn headers_and_extensions_come_back() {
        let mut packet = Vec::new();
        HEAD.write(&[(1, &[0x85]), (4, &[1, 2]), (9, b"mic")], &mut packet);
        packet.extend_from_slice(b"payload");
        let read = Rtp::read(&packet).unwrap();
        assert_eq!(
            (read.marker, read.payload_type, read.sequence),
            (true, 111, 65535)
        );
        assert_eq!((read.timestamp, read.ssrc), (7, 0xABCD));
        assert_eq!(read.payload, b"payload");
        assert_eq!(read.extension(1), Some(&[0x85][..]));
        assert_eq!(read.extension(4), Some(&[1, 2][..]));
        assert_eq!(read.extension(9), Some(&b"mic"[..]));
        assert_eq!(read.extension(2), None);
    }

    #[test]
    fn padding_is_taken_off_and_lies_about_it_are_refused() {
        let mut packet = Vec::new();
        HEAD.write(&[], &mut packet);
        packet.extend_from_slice(&[1, 2, 3, 0, 2]);
        packet[0] |= 0x20;
        assert_eq!(Rtp::read(&packet).unwrap().payload, [1, 2, 3]);
        *packet.last_mut().unwrap() = 6;
        assert_eq!(Rtp::read(&packet), None);
        *packet.last_mut().unwrap() = 0;
        assert_eq!(Rtp::read(&packet), None);
    }

    #[test]
    fn cut_packets_never_panic() {
        let mut packet = Vec::new();
        HEAD.write(&[(1, &[0x85]), (4, &[1, 2])], &mut packet);
        packet.push(1);
        for len in 0..packet.len() {
            if let Some(read) = Rtp::read(&packet[..len]) {
                let _ = read.extension(4);
            }
        }
    }
}
