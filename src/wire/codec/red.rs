//! Redundant audio (RFC 2198): a packet that repeats the frames before its own.
//!
//! ```text
//!  0                   1                   2                   3
//! |F|   block PT  |  timestamp offset         |   block length    |  one per repeated frame, F = 1
//! |0|   block PT  |                                                  the packet's own frame
//! ```

use arrayvec::ArrayVec;
use thiserror::Error;

/// Frames one packet may hold, its own included; a packet with more is refused. Browsers send two
/// to four, and a frame older than that is hardly worth its bytes.
pub const MAX_BLOCKS: usize = 10;

/// Largest timestamp offset: 14 bits, 341 ms at 48 kHz.
pub const MAX_OFFSET: u32 = (1 << 14) - 1;

/// Longest repeated frame: 10 bits.
pub const MAX_REPEATED_LEN: usize = (1 << 10) - 1;

const REPEATED_HEADER_LEN: usize = 4;
const OWN_HEADER_LEN: usize = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    pub payload_type: u8,
    /// How much earlier than the packet's timestamp; 0 for the packet's own frame.
    pub offset: u32,
    pub frame: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RedError {
    #[error("the block headers end early")]
    Truncated,
    #[error("more than {MAX_BLOCKS} blocks")]
    TooManyBlocks,
    #[error("a block is longer than what is left of the packet")]
    BadLength,
}

/// The frames of a packet: repeated ones in the packet's order (the oldest first, if the sender is
/// sane), its own last. Never empty.
///
/// # Errors
/// The payload is not what RFC 2198 §3 describes.
pub fn parse(payload: &[u8]) -> Result<ArrayVec<Block<'_>, MAX_BLOCKS>, RedError> {
    let mut headers: ArrayVec<(u8, u32, usize), MAX_BLOCKS> = ArrayVec::new();
    let mut rest = payload;
    let own_payload_type = loop {
        let &first = rest.first().ok_or(RedError::Truncated)?;
        if first & 0x80 == 0 {
            rest = rest.get(OWN_HEADER_LEN..).ok_or(RedError::Truncated)?;
            break first;
        }
        let (header, behind) = rest
            .split_first_chunk::<REPEATED_HEADER_LEN>()
            .ok_or(RedError::Truncated)?;
        let word = u32::from_be_bytes(*header);
        let length = (word & 0x3FF) as usize;
        let offset = (word >> 10) & MAX_OFFSET;
        // One place stays for the packet's own frame.
        if headers.len() + 1 >= MAX_BLOCKS {
            return Err(RedError::TooManyBlocks);
        }
        headers.push((first & 0x7F, offset, length));
        rest = behind;
    };
    let mut blocks = ArrayVec::new();
    for (payload_type, offset, length) in headers {
        let (frame, behind) = rest.split_at_checked(length).ok_or(RedError::BadLength)?;
        blocks.push(Block {
            payload_type,
            offset,
            frame,
        });
        rest = behind;
    }
    blocks.push(Block {
        payload_type: own_payload_type,
        offset: 0,
        frame: rest,
    });
    Ok(blocks)
}

/// Bytes that `repeated` frames and the packet's own take.
pub fn len(repeated: &[Block<'_>], own: &[u8]) -> usize {
    let repeated: usize = repeated
        .iter()
        .map(|block| REPEATED_HEADER_LEN + block.frame.len())
        .sum();
    repeated + OWN_HEADER_LEN + own.len()
}

/// Writes a packet into all of `out`, which is [`len`] bytes. `None`: it is not, or a repeated frame
/// is too long or too old.
pub fn write(payload_type: u8, repeated: &[Block<'_>], own: &[u8], out: &mut [u8]) -> Option<()> {
    let mut rest = out;
    for block in repeated {
        if block.offset > MAX_OFFSET || block.frame.len() > MAX_REPEATED_LEN {
            return None;
        }
        let (header, behind) = rest.split_first_chunk_mut::<REPEATED_HEADER_LEN>()?;
        let word = 1 << 31
            | u32::from(block.payload_type & 0x7F) << 24
            | block.offset << 10
            | block.frame.len() as u32;
        *header = word.to_be_bytes();
        rest = behind;
    }
    let (header, mut rest) = rest.split_first_mut()?;
    *header = payload_type & 0x7F;
    for block in repeated {
        let (place, behind) = rest.split_at_mut_checked(block.frame.len())?;
        place.copy_from_slice(block.frame);
        rest = behind;
    }
    if rest.len() != own.len() {
        return None;
    }
    rest.copy_from_slice(own);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(offset: u32, frame: &[u8]) -> Block<'_> {
        Block {
            payload_type: 111,
            offset,
            frame,
        }
    }

    #[test]
    fn a_packet_is_laid_out_as_in_the_rfc() {
        let repeated = [block(1920, b"old"), block(960, b"newer")];
        let mut out = vec![0; len(&repeated, b"own")];
        write(111, &repeated, b"own", &mut out).unwrap();
        // Offset 1920 and length 3; offset 960 and length 5.
        let expected = [
            0xEF, 0x1E, 0x00, 0x03, 0xEF, 0x0F, 0x00, 0x05, 0x6F, b'o', b'l', b'd', b'n', b'e',
            b'w', b'e', b'r', b'o', b'w', b'n',
        ];
        assert_eq!(out, expected);
        let blocks = parse(&out).unwrap();
        assert_eq!(
            blocks.as_slice(),
            [repeated[0], repeated[1], block(0, b"own")]
        );
    }

    #[test]
    fn one_frame_alone_is_a_packet_too() {
        assert_eq!(parse(&[111, 1, 2]).unwrap().as_slice(), [block(0, &[1, 2])]);
        assert_eq!(parse(&[111]).unwrap().as_slice(), [block(0, &[])]);
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        assert_eq!(parse(&[]), Err(RedError::Truncated));
        assert_eq!(parse(&[0xEF, 0, 0]), Err(RedError::Truncated));
        assert_eq!(parse(&[0xEF, 0, 0, 1]), Err(RedError::Truncated));
        assert_eq!(parse(&[0xEF, 0, 0, 2, 111, 1]), Err(RedError::BadLength));
        let endless = [0xEF, 0, 0, 0].repeat(300);
        assert_eq!(parse(&endless), Err(RedError::TooManyBlocks));
    }

    #[test]
    fn what_does_not_fit_the_format_is_not_written() {
        let long = vec![0; MAX_REPEATED_LEN + 1];
        for repeated in [block(MAX_OFFSET + 1, b"x"), block(960, &long)] {
            let mut out = vec![0; len(&[repeated], b"own")];
            assert_eq!(write(111, &[repeated], b"own", &mut out), None);
        }
        assert_eq!(write(111, &[], b"own", &mut [0; 3]), None);
        assert_eq!(write(111, &[], b"own", &mut [0; 5]), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(blocks) = parse(&payload) {
                prop_assert!(!blocks.is_empty());
            }
        }

        #[test]
        fn what_is_written_is_read(
            frames in prop::collection::vec(
                (0..=MAX_OFFSET, prop::collection::vec(any::<u8>(), 0..200)), 1..MAX_BLOCKS,
            ),
        ) {
            let (own, repeated) = frames.split_last().unwrap();
            let repeated: Vec<_> = repeated.iter().map(|(at, frame)| block(*at, frame)).collect();
            let mut out = vec![0; len(&repeated, &own.1)];
            prop_assert!(write(111, &repeated, &own.1, &mut out).is_some());
            let blocks = parse(&out).unwrap();
            let (last, before) = blocks.split_last().unwrap();
            prop_assert_eq!(before, repeated.as_slice());
            prop_assert_eq!(*last, block(0, &own.1));
        }
    }
}
