//! Join tokens: from the node's development door, or made here with the node's secret.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{EncodingKey, Header};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// How long a token made here is good for.
const LIFETIME_SECONDS: u64 = 3600;
/// Largest answer read from the node's HTTP side.
const MAX_BODY: usize = 64 * 1024;

pub enum TokenSource {
    /// `POST /v1/dev/token`.
    DevDoor { server: Uri },
    /// HS256 by the node's secret.
    Secret(EncodingKey),
}

#[derive(Serialize)]
struct Claims<'a> {
    room: &'a str,
    sub: &'a str,
    name: &'a str,
    role: &'a str,
    exp: u64,
}

#[derive(Serialize)]
struct DevRequest<'a> {
    room: &'a str,
    name: &'a str,
    role: &'a str,
}

#[derive(Deserialize)]
struct DevAnswer {
    token: String,
}

impl TokenSource {
    /// # Errors
    /// The file cannot be read or is empty.
    pub fn secret_file(path: &Path) -> anyhow::Result<Self> {
        let secret = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let secret = secret.trim();
        if secret.is_empty() {
            bail!("{} is empty", path.display());
        }
        Ok(Self::Secret(EncodingKey::from_secret(secret.as_bytes())))
    }

    /// # Errors
    /// The node refuses, or cannot be reached.
    pub async fn token(&self, room: &str, name: &str, role: &str) -> anyhow::Result<String> {
        match self {
            Self::Secret(key) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
                let claims = Claims {
                    room,
                    sub: name,
                    name,
                    role,
                    exp: now + LIFETIME_SECONDS,
                };
                Ok(jsonwebtoken::encode(&Header::default(), &claims, key)?)
            }
            Self::DevDoor { server } => {
                let body = serde_json::to_vec(&DevRequest { room, name, role })?;
                let (status, answer) =
                    http(server, Method::POST, "/v1/dev/token", Bytes::from(body)).await?;
                match status {
                    StatusCode::OK | StatusCode::CREATED => {
                        let answer: DevAnswer = serde_json::from_slice(&answer)
                            .context("the node's token answer is not understood")?;
                        Ok(answer.token)
                    }
                    StatusCode::NOT_FOUND => bail!(
                        "the node gives out no tokens (development mode is off): \
                         use --token-secret-file"
                    ),
                    other => bail!("the node refused a token: {other}"),
                }
            }
        }
    }
}

/// Whether the node says it is ready.
///
/// # Errors
/// It cannot be reached.
pub async fn is_ready(server: &Uri) -> anyhow::Result<bool> {
    let (status, _) = http(server, Method::GET, "/readyz", Bytes::new()).await?;
    Ok(status.is_success())
}

/// The node's metrics in Prometheus' text format.
///
/// # Errors
/// It cannot be reached or has none.
pub async fn metrics(server: &Uri) -> anyhow::Result<String> {
    let (status, body) = http(server, Method::GET, "/metrics", Bytes::new()).await?;
    if !status.is_success() {
        bail!("the node gives no metrics: {status}");
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn http(
    server: &Uri,
    method: Method,
    path: &str,
    body: Bytes,
) -> anyhow::Result<(StatusCode, Bytes)> {
    if server.scheme_str() != Some("http") {
        bail!("development tokens need an http:// server; use --token-secret-file");
    }
    let authority = server
        .authority()
        .context("the server address has no host")?;
    let port = authority.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((authority.host(), port))
        .await
        .with_context(|| format!("cannot connect to {server}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let limited = http_body_util::Limited::new(response.into_body(), MAX_BODY);
    let bytes = limited
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("the node's answer cannot be read: {error}"))?
        .to_bytes();
    connection.abort();
    Ok((status, bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn tokens_made_here_carry_the_claims() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "a-secret-of-at-least-32-bytes-length").unwrap();
        let source = TokenSource::secret_file(file.path()).unwrap();
        let token = source.token("room", "name", "pupil").await.unwrap();
        let key = jsonwebtoken::DecodingKey::from_secret(b"a-secret-of-at-least-32-bytes-length");
        let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        let claims: serde_json::Value = jsonwebtoken::decode(&token, &key, &validation)
            .unwrap()
            .claims;
        assert_eq!(claims["room"], "room");
        assert_eq!(claims["sub"], "name");
        assert_eq!(claims["role"], "pupil");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(TokenSource::secret_file(file.path()).is_err());
    }
}
