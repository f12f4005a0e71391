//! Redundant audio (RFC 2198): a packet carries its own frame and copies of earlier ones.

/// Bytes of the header of a redundant block.
const BLOCK_HEADER: usize = 4;
/// Longest block and largest timestamp offset that the header can tell (10 and 14 bits).
const MAX_BLOCK: usize = 0x3FF;
const MAX_OFFSET: u32 = 0x3FFF;
/// Blocks read of one packet; more are left out.
const MAX_BLOCKS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    pub payload_type: u8,
    /// How much earlier than the packet's timestamp.
    pub offset: u32,
    pub data: &'a [u8],
}

/// Writes copies (offset, data), oldest first, and the packet's own frame. Copies that the header
/// cannot describe are left out.
pub fn write(payload_type: u8, copies: &[(u32, &[u8])], primary: &[u8], out: &mut Vec<u8>) {
    let fits = |(offset, data): &&(u32, &[u8])| *offset <= MAX_OFFSET && data.len() <= MAX_BLOCK;
    for (offset, data) in copies.iter().filter(fits) {
        let word =
            (1 << 31) | (u32::from(payload_type & 0x7F) << 24) | (offset << 10) | data.len() as u32;
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.push(payload_type & 0x7F);
    for (_, data) in copies.iter().filter(fits) {
        out.extend_from_slice(data);
    }
    out.extend_from_slice(primary);
}

/// The blocks of a packet, the packet's own frame last. `None`: malformed.
pub fn read(payload: &[u8]) -> Option<Vec<Block<'_>>> {
    let mut headers = Vec::new();
    let mut rest = payload;
    loop {
        let first = *rest.first()?;
        if first & 0x80 == 0 {
            rest = rest.get(1..)?;
            headers.push((first, 0, None));
            break;
        }
        let word = u32::from_be_bytes(*rest.first_chunk::<BLOCK_HEADER>()?);
        rest = rest.get(BLOCK_HEADER..)?;
        let length = (word & 0x3FF) as usize;
        headers.push((first & 0x7F, (word >> 10) & MAX_OFFSET, Some(length)));
        if headers.len() > MAX_BLOCKS {
            return None;
        }
    }
    headers
        .into_iter()
        .map(|(payload_type, offset, length)| {
            let (data, after) = rest.split_at_checked(length.unwrap_or(rest.len()))?;
            rest = after;
            Some(Block {
                payload_type,
                offset,
                data,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_rfc_2198() {
        let mut packet = Vec::new();
        write(111, &[(1920, b"ab"), (960, b"cde")], b"own", &mut packet);
        // F=1, PT 111, offset 1920, length 2; F=1, PT 111, offset 960, length 3; F=0, PT 111.
        assert_eq!(
            packet[..9],
            [0xEF, 0x1E, 0x00, 0x02, 0xEF, 0x0F, 0x00, 0x03, 0x6F]
        );
        let blocks = read(&packet).unwrap();
        let read: Vec<_> = blocks
            .iter()
            .map(|block| (block.payload_type, block.offset, block.data))
            .collect();
        assert_eq!(
            read,
            [
                (111, 1920, &b"ab"[..]),
                (111, 960, &b"cde"[..]),
                (111, 0, &b"own"[..])
            ]
        );
    }

    #[test]
    fn what_the_header_cannot_tell_is_left_out() {
        let mut packet = Vec::new();
        let long = [0; MAX_BLOCK + 1];
        write(111, &[(960, &long), (20_000, b"x")], b"own", &mut packet);
        assert_eq!(packet, b"\x6Fown");
    }

    #[test]
    fn cut_packets_are_refused_and_never_panic() {
        let mut packet = Vec::new();
        write(111, &[(960, b"abc")], b"", &mut packet);
        assert!(read(&packet).is_some());
        for len in 0..packet.len() {
            assert_eq!(read(&packet[..len]), None, "{len}");
        }
        assert_eq!(read(&[0xFF; 400]), None);
    }
}
