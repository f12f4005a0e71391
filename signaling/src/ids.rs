//! Random identifiers, from the thread's cryptographic generator.

use rand::Rng;

use crate::message::ParticipantId;

/// Stable across reloads, unguessable enough not to collide (64 bits); not a secret.
pub(crate) fn participant_id() -> ParticipantId {
    format!("p{:016x}", rand::rng().random::<u64>())
}

/// The secret of a resume ticket: 128 bits.
pub(crate) fn ticket_secret() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// An identity for a development token: each token is another person.
pub(crate) fn dev_identity() -> String {
    format!("dev-{:016x}", rand::rng().random::<u64>())
}

/// Compares in time that depends on the lengths only.
pub(crate) fn secrets_match(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_compare() {
        let (a, b) = (ticket_secret(), ticket_secret());
        assert_eq!(a.len(), 32);
        assert_ne!(a, b);
        assert!(secrets_match(&a, &a.clone()));
        assert!(!secrets_match(&a, &b));
        assert!(!secrets_match(&a, ""));
        assert!(!secrets_match(&a, &a[..31]));
    }
}
