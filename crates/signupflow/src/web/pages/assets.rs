//! Static files, built into the program.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use std::sync::LazyLock;

use crate::web::problem::Problem;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
    etag: String,
}

static ASSETS: LazyLock<[Asset; 1]> = LazyLock::new(|| {
    let css = include_bytes!("../../../static/css/site.css");
    [Asset { name: "site.css", media_type: "text/css; charset=utf-8", etag: etag(css), content: css }]
});

fn etag(content: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(content);
    format!(
        "\"{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}\"",
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5]
    )
}

/// A file by name; browsers ask again with its tag and get 304.
pub async fn serve(
    file: Result<Path<String>, axum::extract::rejection::PathRejection>,
    headers: HeaderMap,
) -> Response {
    let wanted = file.map(|Path(name)| name).unwrap_or_default();
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == wanted) else {
        return Problem::of("not_found").into_response();
    };
    let Ok(tag) = HeaderValue::try_from(&asset.etag) else {
        return Problem::of("internal_error").into_response();
    };
    let caching = [(ETAG, tag), (CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))];
    let known = headers.get(IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == asset.etag.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(CONTENT_TYPE, asset.media_type)], asset.content).into_response()
}
