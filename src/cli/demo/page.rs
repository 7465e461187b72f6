//! What the demo's web servers answer: their name, and a page that shows what reached them.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::configuration::COOKIE;

struct Site {
    name: &'static str,
    statistics: String,
}

/// `/server.html` answers the server's name, `/` the page. `statistics`: where its link leads.
pub(super) fn router(name: &'static str, statistics: &str) -> Router {
    let site = Arc::new(Site { name, statistics: statistics.to_owned() });
    Router::new()
        .route("/server.html", get(server_name))
        .route("/", get(page))
        .fallback(nothing)
        .with_state(site)
}

#[derive(Template)]
#[template(path = "demo.html")]
struct Page<'a> {
    name: &'a str,
    statistics: &'a str,
    cookie: &'static str,
    request: String,
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    name: &'a str,
    value: String,
    /// Written by torii.
    added: bool,
}

async fn server_name(State(site): State<Arc<Site>>) -> Response {
    answer(StatusCode::OK, "text/html; charset=utf-8", format!("{}\n", site.name))
}

async fn page(
    State(site): State<Arc<Site>>,
    method: Method,
    uri: Uri,
    version: Version,
    fields: HeaderMap,
) -> Response {
    let mut list: Vec<Field<'_>> = fields.iter().map(|(name, value)| field(name, value)).collect();
    // What torii added is what the page is for.
    list.sort_by_key(|field| !field.added);
    let page = Page {
        name: site.name,
        statistics: &site.statistics,
        cookie: COOKIE,
        request: format!("{method} {uri} {version:?}"),
        fields: list,
    };
    match page.render() {
        Ok(html) => answer(StatusCode::OK, "text/html; charset=utf-8", html),
        Err(_) => {
            answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "500 Internal Server Error\n".into())
        }
    }
}

fn field<'a>(name: &'a HeaderName, value: &HeaderValue) -> Field<'a> {
    let added = *name == "x-forwarded-for";
    Field { name: name.as_str(), value: String::from_utf8_lossy(value.as_bytes()).into_owned(), added }
}

async fn nothing() -> Response {
    answer(StatusCode::NOT_FOUND, "text/plain", "404 Not Found\n".into())
}

/// Never stored: every load shows which server answers now.
fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let fields = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (status, fields, body).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_cannot_put_markup_into_the_page() {
        let value = HeaderValue::from_bytes(b"<script>\xff\"").unwrap();
        let page = Page {
            name: "web1",
            statistics: "https://h/stats",
            cookie: COOKIE,
            request: "GET /?<b> HTTP/1.1".into(),
            fields: vec![field(&header::USER_AGENT, &value)],
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>\u{fffd}") && !html.contains("<b>"));
    }
}
