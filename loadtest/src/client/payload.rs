//! The verifiable payload every load client sends: who sent it, where, and whether it is whole.
//!
//! Layout, big endian, `HEADER_LEN` bytes, then filler:
//! ```text
//!  0 magic      u32  "FBLT"
//!  4 kind       u8   1 audio, 2 video
//!  5 reserved   u8
//!  6 length     u16  of the whole payload, header included
//!  8 room       u32  number of the room within the run
//! 12 publisher  u32  number of the client within the run
//! 16 counter    u32  packets of this publisher and kind before this one
//! 20 checksum   u32  over `prefix`, the header without this field, and the filler
//! 24 sent       u64  microseconds since the run began
//! ```
//! `prefix` are bytes of the codec in front of the payload that must arrive unchanged too (the VP8
//! frame header).

/// Bytes of the fixed part.
pub const HEADER_LEN: usize = 32;

const MAGIC: u32 = u32::from_be_bytes(*b"FBLT");
const CHECKSUM_AT: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Audio,
    Video,
}

impl Kind {
    fn to_byte(self) -> u8 {
        match self {
            Kind::Audio => 1,
            Kind::Video => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Kind::Audio),
            2 => Some(Kind::Video),
            _ => None,
        }
    }
}

/// What one packet says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub kind: Kind,
    pub room: u32,
    pub publisher: u32,
    pub counter: u32,
    /// Microseconds since the run began.
    pub sent_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("shorter than the stamp, or not as long as it says")]
    Length,
    #[error("does not begin with the stamp's magic number")]
    Magic,
    #[error("neither audio nor video")]
    Kind,
    #[error("bytes were changed on the way")]
    Checksum,
}

/// Appends the payload to `out`: `HEADER_LEN` bytes and filler up to `length`, which is raised to
/// `HEADER_LEN` and lowered to `u16::MAX` where needed.
pub fn write(stamp: &Stamp, prefix: &[u8], length: usize, out: &mut Vec<u8>) {
    let length = length.clamp(HEADER_LEN, usize::from(u16::MAX));
    let start = out.len();
    out.extend_from_slice(&MAGIC.to_be_bytes());
    out.push(stamp.kind.to_byte());
    out.push(0);
    out.extend_from_slice(&(length as u16).to_be_bytes());
    out.extend_from_slice(&stamp.room.to_be_bytes());
    out.extend_from_slice(&stamp.publisher.to_be_bytes());
    out.extend_from_slice(&stamp.counter.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&stamp.sent_us.to_be_bytes());
    fill(stamp, length - HEADER_LEN, out);
    let sum = checksum(prefix, out.get(start..).unwrap_or_default());
    if let Some(field) = out.get_mut(start + CHECKSUM_AT..start + CHECKSUM_AT + 4) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// Reads and checks a payload.
///
/// # Errors
/// See [`PayloadError`].
pub fn read(prefix: &[u8], payload: &[u8]) -> Result<Stamp, PayloadError> {
    let header: &[u8; HEADER_LEN] = payload.first_chunk().ok_or(PayloadError::Length)?;
    let word = |at: usize| {
        header
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    };
    if word(0) != MAGIC {
        return Err(PayloadError::Magic);
    }
    if usize::from(u16::from_be_bytes([header[6], header[7]])) != payload.len() {
        return Err(PayloadError::Length);
    }
    if word(CHECKSUM_AT) != checksum(prefix, payload) {
        return Err(PayloadError::Checksum);
    }
    Ok(Stamp {
        kind: Kind::from_byte(header[4]).ok_or(PayloadError::Kind)?,
        room: word(8),
        publisher: word(12),
        counter: word(16),
        sent_us: (u64::from(word(24)) << 32) | u64::from(word(28)),
    })
}

/// Bytes that differ from packet to packet, so that a mix-up of two packets shows in the checksum.
fn fill(stamp: &Stamp, length: usize, out: &mut Vec<u8>) {
    let mut state = (u64::from(stamp.publisher) << 32) ^ u64::from(stamp.counter);
    let end = out.len() + length;
    while out.len() < end {
        state = state
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        let bytes = state.to_le_bytes();
        let take = (end - out.len()).min(8);
        out.extend_from_slice(bytes.get(..take).unwrap_or(&bytes));
    }
}

/// A fast 32-bit hash, eight bytes a step; every single-bit change alters it (the step is a
/// bijection of the running state for fixed input, and of the input for a fixed state).
fn checksum(prefix: &[u8], payload: &[u8]) -> u32 {
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ (prefix.len() as u64);
    mix_bytes(&mut state, prefix);
    mix_bytes(&mut state, payload.get(..CHECKSUM_AT).unwrap_or(payload));
    mix_bytes(
        &mut state,
        payload.get(CHECKSUM_AT + 4..).unwrap_or_default(),
    );
    state ^= state >> 32;
    state = state.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (state >> 32) as u32
}

fn mix_bytes(state: &mut u64, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        mix(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(state, u64::from_le_bytes(last));
}

fn mix(state: &mut u64, word: u64) {
    *state = (*state ^ word)
        .wrapping_mul(0xFF51_AFD7_ED55_8CCD)
        .rotate_left(29);
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        kind: Kind::Video,
        room: 3,
        publisher: 77,
        counter: 12,
        sent_us: 1 << 40,
    };

    #[test]
    fn what_was_written_is_read() {
        for length in [0, HEADER_LEN, HEADER_LEN + 1, 80, 700, 1200] {
            let mut packet = Vec::new();
            write(&STAMP, &[1, 2, 3], length, &mut packet);
            assert_eq!(packet.len(), length.max(HEADER_LEN));
            assert_eq!(read(&[1, 2, 3], &packet), Ok(STAMP));
        }
    }

    #[test]
    fn every_single_bit_is_guarded() {
        let mut packet = Vec::new();
        write(&STAMP, &[9], 83, &mut packet);
        for bit in 0..packet.len() * 8 {
            let mut broken = packet.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&[9], &broken).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_prefix_and_the_length_are_guarded() {
        let mut packet = Vec::new();
        write(&STAMP, &[1, 2, 3], 100, &mut packet);
        assert_eq!(read(&[1, 2, 4], &packet), Err(PayloadError::Checksum));
        assert_eq!(read(&[], &packet), Err(PayloadError::Checksum));
        assert_eq!(read(&[1, 2, 3], &packet[..99]), Err(PayloadError::Length));
        assert_eq!(read(&[1, 2, 3], &packet[..20]), Err(PayloadError::Length));
        packet.push(0);
        assert_eq!(read(&[1, 2, 3], &packet), Err(PayloadError::Length));
    }
}
