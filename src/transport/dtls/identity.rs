//! The node's one certificate and the DTLS configurations made from it.

use std::sync::Arc;

use rtc::crypto::RTCCryptoProvider;
use rtc::crypto::providers::AwsLcRsProvider;
use rtc::dtls::cipher_suite::CipherSuiteId;
use rtc::dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc::dtls::crypto::Certificate;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use thiserror::Error;

use crate::transport::srtp::SrtpProfile;
use crate::wire::sdp::{Fingerprint, HashAlgorithm};

/// In our order, RSA for peers whose certificate is RSA (GStreamer). No CBC suites: every WebRTC
/// endpoint has GCM.
const CIPHER_SUITES: [CipherSuiteId; 4] = [
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_ChaCha20_Poly1305_Sha256,
];

const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
const CM_SHA1_80: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;

#[derive(Debug, Error)]
#[error("cannot make the node's DTLS identity: {0}")]
pub struct IdentityError(String);

/// One self-signed P-256 certificate and the configurations every association shares: one as
/// client, and as server one per profile and one for both.
pub struct Identity {
    fingerprint: Fingerprint,
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
    server_gcm: Arc<HandshakeConfig>,
    server_cm: Arc<HandshakeConfig>,
}

impl Identity {
    /// Makes a key and a certificate with the library's system randomness; once per process.
    pub fn generate() -> Result<Self, IdentityError> {
        let provider = AwsLcRsProvider::new();
        let certificate =
            Certificate::generate_self_signed(vec!["firstbell".to_owned()], provider.crypto())
                .map_err(|error| IdentityError(error.to_string()))?;
        Self::from_certificate(&certificate)
    }

    /// An identity with a given certificate and key, for tests with other kinds of keys.
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, IdentityError> {
        let der = certificate
            .certificate
            .first()
            .ok_or_else(|| IdentityError("the certificate chain is empty".to_owned()))?;
        Ok(Self {
            fingerprint: Fingerprint::of(HashAlgorithm::Sha256, der),
            client: config(certificate, true, &[GCM, CM_SHA1_80])?,
            server: config(certificate, false, &[GCM, CM_SHA1_80])?,
            server_gcm: config(certificate, false, &[GCM])?,
            server_cm: config(certificate, false, &[CM_SHA1_80])?,
        })
    }

    /// SHA-256 of the certificate, for the answer's `a=fingerprint`.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn client_config(&self) -> Arc<HandshakeConfig> {
        Arc::clone(&self.client)
    }

    /// For a client whose offer makes us prefer `profile`.
    pub(super) fn server_config(&self, profile: Option<SrtpProfile>) -> Arc<HandshakeConfig> {
        Arc::clone(match profile {
            Some(SrtpProfile::Aes128Gcm) => &self.server_gcm,
            Some(SrtpProfile::Aes128CmHmacSha1_80) => &self.server_cm,
            None => &self.server,
        })
    }
}

/// Certificates are self-signed and checked by their fingerprint, so no chain is verified; that
/// the peer has the key is (CertificateVerify, ServerKeyExchange).
fn config(
    certificate: &Certificate,
    is_client: bool,
    profiles: &[SrtpProtectionProfile],
) -> Result<Arc<HandshakeConfig>, IdentityError> {
    ConfigBuilder::default()
        .with_crypto_provider(Arc::new(AwsLcRsProvider::new()))
        .with_certificates(vec![certificate.clone()])
        .with_cipher_suites(CIPHER_SUITES.to_vec())
        .with_srtp_protection_profiles(profiles.to_vec())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_insecure_skip_verify(true)
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .build(is_client, None)
        .map(Arc::new)
        .map_err(|error| IdentityError(error.to_string()))
}
