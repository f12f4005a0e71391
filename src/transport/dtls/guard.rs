//! What stands in front of the DTLS library for an association's whole life.
//!
//! The library reassembles handshake messages by recursion, one level per fragment, and keeps
//! fragments and records of the next epoch until it can use them. Its stack and memory are
//! therefore bounded here, before it sees a byte: every kind of record has a budget that a
//! handshake with all its retransmissions stays well below and that is never refilled. An
//! association that used it up still protects media; it only hears no more DTLS of that kind.

use thiserror::Error;

/// Longest handshake message, as declared in its header: a certificate chain fits.
pub const MAX_MESSAGE_LEN: usize = 16 * 1024;
/// Fragments of one handshake message, repeated ones included.
pub const MAX_FRAGMENTS: u8 = 64;
/// Handshake messages of one side; a full handshake with a cookie has 8.
pub const MAX_MESSAGES: usize = 32;
/// Bytes of all unencrypted handshake records.
pub const MAX_HANDSHAKE_BYTES: usize = 96 * 1024;
/// ChangeCipherSpec, alert and encrypted records, each flight repeated often enough.
pub const MAX_OTHER_RECORDS: u16 = 64;
/// Bytes of one encrypted record: Finished has 61, an alert 39. Its content cannot be inspected,
/// so its length bounds how many fragments it can hold.
pub const MAX_ENCRYPTED_LEN: usize = 256;

const RECORD_HEADER_LEN: usize = 13;
const FRAGMENT_HEADER_LEN: usize = 12;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const FATAL: u8 = 2;

/// Why a datagram was kept from the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum GuardDrop {
    #[error("not a sequence of whole DTLS 1.x records")]
    Malformed,
    /// Records that have no place in a DTLS-SRTP handshake: application data, unknown types,
    /// renegotiation's epochs, unauthenticated warnings.
    #[error("a record that no handshake needs")]
    Unexpected,
    #[error("a handshake message longer than {MAX_MESSAGE_LEN} bytes")]
    MessageTooLong,
    #[error("a handshake message in more than {MAX_FRAGMENTS} fragments")]
    TooManyFragments,
    #[error("more than {MAX_MESSAGES} handshake messages")]
    TooManyMessages,
    #[error("more than {MAX_HANDSHAKE_BYTES} bytes of handshake")]
    TooManyBytes,
    #[error("more than {MAX_OTHER_RECORDS} alerts, changes of cipher or encrypted records")]
    TooManyRecords,
}

impl GuardDrop {
    /// In order of [`index`](Self::index).
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Unexpected,
        Self::MessageTooLong,
        Self::TooManyFragments,
        Self::TooManyMessages,
        Self::TooManyBytes,
        Self::TooManyRecords,
    ];

    /// Position in [`ALL`](Self::ALL).
    pub fn index(self) -> usize {
        self as usize
    }

    /// The reason as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unexpected => "unexpected",
            Self::MessageTooLong => "message_too_long",
            Self::TooManyFragments => "too_many_fragments",
            Self::TooManyMessages => "too_many_messages",
            Self::TooManyBytes => "too_many_bytes",
            Self::TooManyRecords => "too_many_records",
        }
    }
}

/// The budgets of one association.
#[derive(Debug)]
pub struct Guard {
    /// By message sequence number.
    fragments: [u8; MAX_MESSAGES],
    handshake_bytes: usize,
    other_records: u16,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            fragments: [0; MAX_MESSAGES],
            handshake_bytes: 0,
            other_records: 0,
        }
    }
}

impl Guard {
    /// Whether the library may read `datagram`.
    ///
    /// # Errors
    /// Why not. The datagram must be dropped whole; what its first records used of the budgets
    /// stays used.
    pub fn admit(&mut self, datagram: &[u8]) -> Result<(), GuardDrop> {
        if datagram.is_empty() {
            return Err(GuardDrop::Malformed);
        }
        let mut rest = datagram;
        while !rest.is_empty() {
            let (record, behind) = split_record(rest)?;
            self.admit_record(&record)?;
            rest = behind;
        }
        Ok(())
    }

    fn admit_record(&mut self, record: &Record<'_>) -> Result<(), GuardDrop> {
        match (record.content_type, record.epoch) {
            (HANDSHAKE, 0) => self.admit_handshake(record.body),
            (CHANGE_CIPHER_SPEC, 0) if record.body.len() == 1 => self.admit_other(),
            // Unauthenticated: only one that ends the handshake is worth hearing.
            (ALERT, 0) if record.body.len() == 2 && record.body.first() == Some(&FATAL) => {
                self.admit_other()
            }
            (HANDSHAKE | ALERT, 1) if record.body.len() <= MAX_ENCRYPTED_LEN => self.admit_other(),
            (CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE | APPLICATION_DATA, _) => {
                Err(GuardDrop::Unexpected)
            }
            _ => Err(GuardDrop::Malformed),
        }
    }

    fn admit_other(&mut self) -> Result<(), GuardDrop> {
        if self.other_records >= MAX_OTHER_RECORDS {
            return Err(GuardDrop::TooManyRecords);
        }
        self.other_records += 1;
        Ok(())
    }

    fn admit_handshake(&mut self, body: &[u8]) -> Result<(), GuardDrop> {
        self.handshake_bytes = self.handshake_bytes.saturating_add(body.len());
        if self.handshake_bytes > MAX_HANDSHAKE_BYTES {
            return Err(GuardDrop::TooManyBytes);
        }
        let mut rest = body;
        while !rest.is_empty() {
            let fragment = FragmentHeader::parse(rest)?;
            if fragment.message_len > MAX_MESSAGE_LEN {
                return Err(GuardDrop::MessageTooLong);
            }
            let end = FRAGMENT_HEADER_LEN + fragment.len;
            // The library takes what follows a partial message in its record for more of it.
            let is_whole = fragment.len == fragment.message_len;
            if fragment.offset + fragment.len > fragment.message_len
                || (fragment.len == 0 && !is_whole)
                || (!is_whole && end != rest.len())
            {
                return Err(GuardDrop::Malformed);
            }
            let fragments = self
                .fragments
                .get_mut(fragment.message_sequence)
                .ok_or(GuardDrop::TooManyMessages)?;
            if *fragments >= MAX_FRAGMENTS {
                return Err(GuardDrop::TooManyFragments);
            }
            *fragments += 1;
            rest = rest.get(end..).ok_or(GuardDrop::Malformed)?;
        }
        Ok(())
    }
}

struct Record<'a> {
    content_type: u8,
    epoch: u16,
    body: &'a [u8],
}

/// RFC 6347 §4.1: type, version (DTLS 1.0 in a first ClientHello, 1.2), epoch, sequence, length.
fn split_record(bytes: &[u8]) -> Result<(Record<'_>, &[u8]), GuardDrop> {
    let (header, rest) = bytes
        .split_first_chunk::<RECORD_HEADER_LEN>()
        .ok_or(GuardDrop::Malformed)?;
    let [content_type, major, minor, e0, e1, _, _, _, _, _, _, l0, l1] = *header;
    if major != 0xFE || !matches!(minor, 0xFD | 0xFF) {
        return Err(GuardDrop::Malformed);
    }
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    let (body, behind) = rest.split_at_checked(len).ok_or(GuardDrop::Malformed)?;
    if body.is_empty() {
        return Err(GuardDrop::Malformed);
    }
    let epoch = u16::from_be_bytes([e0, e1]);
    Ok((
        Record {
            content_type,
            epoch,
            body,
        },
        behind,
    ))
}

/// RFC 6347 §4.2.2: type, length, message sequence, fragment offset, fragment length.
struct FragmentHeader {
    message_len: usize,
    message_sequence: usize,
    offset: usize,
    len: usize,
}

impl FragmentHeader {
    fn parse(bytes: &[u8]) -> Result<Self, GuardDrop> {
        let header = bytes
            .first_chunk::<FRAGMENT_HEADER_LEN>()
            .ok_or(GuardDrop::Malformed)?;
        let [_, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2] = *header;
        let three = |high, middle, low| u32::from_be_bytes([0, high, middle, low]) as usize;
        Ok(Self {
            message_len: three(l0, l1, l2),
            message_sequence: usize::from(u16::from_be_bytes([s0, s1])),
            offset: three(o0, o1, o2),
            len: three(f0, f1, f2),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(content_type: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type, 0xFE, 0xFD];
        record.extend_from_slice(&epoch.to_be_bytes());
        record.extend_from_slice(&[0; 6]);
        record.extend_from_slice(&(body.len() as u16).to_be_bytes());
        record.extend_from_slice(body);
        record
    }

    fn fragment(sequence: u16, total: usize, offset: usize, body: &[u8]) -> Vec<u8> {
        let three = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
        let mut fragment = vec![1];
        fragment.extend(three(total));
        fragment.extend_from_slice(&sequence.to_be_bytes());
        fragment.extend(three(offset));
        fragment.extend(three(body.len()));
        fragment.extend_from_slice(body);
        fragment
    }

    #[test]
    fn one_byte_fragments_end_after_the_bound() {
        let mut guard = Guard::default();
        let admitted = (0..60_000_usize)
            .filter(|at| {
                let datagram = record(HANDSHAKE, 0, &fragment(0, 15_000, at % 15_000, &[0]));
                guard.admit(&datagram).is_ok()
            })
            .count();
        assert_eq!(admitted, usize::from(MAX_FRAGMENTS));
    }

    #[test]
    fn encrypted_records_are_short_and_few() {
        let mut guard = Guard::default();
        assert_eq!(
            guard.admit(&record(HANDSHAKE, 1, &[0; MAX_ENCRYPTED_LEN + 1])),
            Err(GuardDrop::Unexpected)
        );
        let admitted = (0..1000)
            .filter(|_| guard.admit(&record(HANDSHAKE, 1, &[0; 61])).is_ok())
            .count();
        assert_eq!(admitted, usize::from(MAX_OTHER_RECORDS));
        assert_eq!(
            guard.admit(&record(ALERT, 0, &[2, 40])),
            Err(GuardDrop::TooManyRecords)
        );
    }

    #[test]
    fn refuses_what_no_handshake_needs() {
        let cases = [
            (record(APPLICATION_DATA, 1, &[0; 40]), GuardDrop::Unexpected),
            (record(ALERT, 0, &[1, 0]), GuardDrop::Unexpected),
            (record(HANDSHAKE, 2, &[0; 40]), GuardDrop::Unexpected),
            (record(25, 0, &[0; 40]), GuardDrop::Malformed),
            (record(HANDSHAKE, 0, &[]), GuardDrop::Malformed),
            (
                record(HANDSHAKE, 0, &fragment(0, MAX_MESSAGE_LEN + 1, 0, &[0])),
                GuardDrop::MessageTooLong,
            ),
            (
                record(HANDSHAKE, 0, &fragment(32, 1, 0, &[0])),
                GuardDrop::TooManyMessages,
            ),
            (
                record(HANDSHAKE, 0, &fragment(0, 4, 3, &[0, 0])),
                GuardDrop::Malformed,
            ),
            (
                record(HANDSHAKE, 0, &fragment(0, 4, 0, &[])),
                GuardDrop::Malformed,
            ),
            (
                record(
                    HANDSHAKE,
                    0,
                    &[fragment(0, 4, 0, &[0]), fragment(1, 1, 0, &[0])].concat(),
                ),
                GuardDrop::Malformed,
            ),
            (vec![], GuardDrop::Malformed),
        ];
        for (datagram, reason) in cases {
            assert_eq!(
                Guard::default().admit(&datagram),
                Err(reason),
                "{datagram:?}"
            );
        }
    }

    #[test]
    fn a_flight_in_one_datagram_passes_and_repeats() {
        let mut guard = Guard::default();
        let flight = [
            record(
                HANDSHAKE,
                0,
                &[fragment(2, 3, 0, &[0; 3]), fragment(3, 0, 0, &[])].concat(),
            ),
            record(CHANGE_CIPHER_SPEC, 0, &[1]),
            record(HANDSHAKE, 1, &[0; 48]),
        ]
        .concat();
        for _ in 0..8 {
            assert_eq!(guard.admit(&flight), Ok(()));
        }
    }

    proptest! {
        /// Whatever comes, what passes stays within the budgets.
        #[test]
        fn budgets_hold(
            datagrams in prop::collection::vec(
                (0_u16..40, 1_usize..20_000, 0_usize..20_000, 0_usize..2000, 0_u16..3, 19_u8..25),
                1..600,
            )
        ) {
            let mut guard = Guard::default();
            let (mut bytes, mut per_message, mut others) = (0, [0_usize; 64], 0_usize);
            for (sequence, total, offset, len, epoch, content_type) in datagrams {
                let body = if content_type == HANDSHAKE && epoch == 0 {
                    fragment(sequence, total, offset, &vec![0; len])
                } else {
                    vec![2; len.max(1) % 300]
                };
                if guard.admit(&record(content_type, epoch, &body)).is_ok() {
                    if content_type == HANDSHAKE && epoch == 0 {
                        bytes += body.len();
                        per_message[usize::from(sequence)] += 1;
                        prop_assert!(total <= MAX_MESSAGE_LEN && offset + len <= total);
                    } else {
                        prop_assert!(body.len() <= MAX_ENCRYPTED_LEN && epoch <= 1);
                        others += 1;
                    }
                }
            }
            prop_assert!(bytes <= MAX_HANDSHAKE_BYTES);
            prop_assert!(per_message.iter().all(|count| *count <= usize::from(MAX_FRAGMENTS)));
            prop_assert!(others <= usize::from(MAX_OTHER_RECORDS));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Guard::default().admit(&bytes);
        }
    }
}
