//! Session keys from a master key (RFC 3711 §4.3, RFC 7714 §11), key derivation rate 0.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::{MasterKey, SrtpError};

/// What a session key is for (RFC 3711 §4.3.2).
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// The first `N` bytes of AES-CM keyed by the master key, its counter block being the master
/// salt with `label` mixed in at byte 7 (the index part is 0 at derivation rate 0).
pub(super) fn derive<const N: usize>(
    master: &MasterKey,
    label: Label,
) -> Result<Zeroizing<[u8; N]>, SrtpError> {
    let mut counter = [0_u8; 16];
    for (byte, salt) in counter.iter_mut().zip(master.salt) {
        *byte = salt;
    }
    counter[7] ^= label as u8;
    let key = UnboundCipherKey::new(&AES_128, &master.key)
        .and_then(EncryptingKey::ctr)
        .map_err(|_| SrtpError::Library)?;
    let mut derived = Zeroizing::new([0_u8; N]);
    key.less_safe_encrypt(
        derived.as_mut_slice(),
        EncryptionContext::Iv128(FixedLength::from(counter)),
    )
    .map_err(|_| SrtpError::Library)?;
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::super::SrtpProfile;
    use super::*;
    use crate::transport::srtp::tests::hex;

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_rfc_3711_session_keys() {
        let master = MasterKey::new(
            SrtpProfile::Aes128CmHmacSha1_80,
            &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            &hex("0EC675AD498AFEEBB6960B3AABE6"),
        )
        .unwrap();
        assert_eq!(
            derive::<16>(&master, Label::RtpEncryption)
                .unwrap()
                .to_vec(),
            hex("C61E7A93744F39EE10734AFE3FF7A087")
        );
        assert_eq!(
            derive::<14>(&master, Label::RtpSalt).unwrap().to_vec(),
            hex("30CBBC08863D8C85D49DB34A9AE1")
        );
        assert_eq!(
            derive::<94>(&master, Label::RtpAuthentication)
                .unwrap()
                .to_vec(),
            hex(concat!(
                "CEBE321F6FF7716B6FD4AB49AF256A15",
                "6D38BAA48F0A0ACF3C34E2359E6CDBCE",
                "E049646C43D9327AD175578EF7227098",
                "6371C10C9A369AC2F94A8C5FBCDDDC25",
                "6D6E919A48B610EF17C2041E47403576",
                "6B68642C59BBFC2F34DB60DBDFB2"
            ))
        );
    }
}
