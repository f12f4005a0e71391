//! TLS for the page and the WebSocket: from files, or self-signed for a trial.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, crypto::aws_lc_rs};

/// A server configuration from PEM files.
///
/// # Errors
/// A file cannot be read, has no certificate or key, or they do not belong together.
pub fn from_files(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read certificates from {}", certificate.display()))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "no certificate in {}",
        certificate.display()
    );
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a private key from {}", key.display()))?;
    server_config(chain, key)
}

/// A server configuration with a certificate made now for `localhost` and `addresses`, so that a
/// phone in the same network gets a secure page after accepting a browser's warning. The
/// certificate's validity starts in the past: classroom tablets' clocks are often wrong.
///
/// # Errors
/// The certificate cannot be made.
pub fn self_signed(addresses: &[IpAddr]) -> anyhow::Result<Arc<ServerConfig>> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params
        .subject_alt_names
        .extend(addresses.iter().copied().map(SanType::IpAddress));
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Firstbell trial");
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    server_config(vec![certificate.der().clone()], key)
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the key do not fit")?;
    // HTTP/1.1 only: browsers open WebSockets over it, and one socket a client is all there is.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_can_be_made_for_this_machine() {
        self_signed(&["192.0.2.1".parse().unwrap(), "::1".parse().unwrap()]).unwrap();
    }

    #[test]
    fn missing_files_are_named() {
        let error = from_files(Path::new("/no/cert.pem"), Path::new("/no/key.pem")).unwrap_err();
        assert!(error.to_string().contains("/no/cert.pem"), "{error}");
    }
}
