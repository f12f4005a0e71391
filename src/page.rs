//! The classroom page, embedded in the binary.
//!
//! Files under `assets/` carry a hash in their name and may be cached for ever; everything else is
//! asked for anew. A path without a file is a room's address and gets the page itself.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// `web/dist`, made by `make web`. A debug build without it still compiles and says so when asked.
#[derive(rust_embed::RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// No script, style or request but our own; media comes over WebRTC and from blobs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; media-src 'self' blob: mediastream:; font-src \
     'self'; connect-src 'self' ws: wss:; worker-src 'self' blob:; manifest-src 'self'; base-uri \
     'none'; form-action 'self'";
const PERMISSIONS_POLICY: &str =
    "camera=(self), microphone=(self), display-capture=(self), geolocation=()";

/// Serves the page for every path no other route takes.
pub fn router() -> Router {
    Router::new().fallback(serve)
}

async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    // A path that names a file but has none is an error, not the page: a browser must not get
    // HTML for a script of an older build.
    let name = if path.is_empty() || !is_file_name(path) {
        "index.html"
    } else {
        path
    };
    match Files::get(name) {
        Some(file) => found(name, file.data.into_owned()),
        None if name == "index.html" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This binary was built without the classroom page. Run `make web` and build again.\n",
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    }
}

fn is_file_name(path: &str) -> bool {
    !path.starts_with("r/")
        && path
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains('.'))
}

fn found(name: &str, bytes: Vec<u8>) -> Response {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let cache = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    );
    headers.insert(
        "permissions-policy",
        HeaderValue::from_static(PERMISSIONS_POLICY),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_addresses_are_pages_and_assets_are_files() {
        assert!(!is_file_name("r/class-5b"));
        assert!(!is_file_name("r/mr.smith"));
        assert!(is_file_name("assets/index-abc123.js"));
        assert!(is_file_name("favicon.svg"));
    }

    #[test]
    fn answers_carry_the_policies() {
        let response = found("assets/a.js", b"1".to_vec());
        assert_eq!(response.headers()["content-type"], "text/javascript");
        assert!(
            response.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert!(response.headers().contains_key("content-security-policy"));
        let response = found("index.html", b"1".to_vec());
        assert_eq!(response.headers()["cache-control"], "no-cache");
    }
}
