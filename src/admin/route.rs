//! One request to the statistics service and its answer.
//!
//! Called by `service` through axum. The path is matched exactly: HAProxy answers for every path
//! that begins with the configured one.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, Request, Response, StatusCode, Uri};

use super::auth::Credentials;
use super::page::Page;
use crate::ha::status::PublishedStatus;
use crate::observe::stats::{StatsSource, write_csv};

/// What every request needs.
#[derive(Debug)]
pub(super) struct Service {
    /// The path as configured; one with a question mark matches the query too.
    pub(super) path: String,
    /// Who may look.
    pub(super) credentials: Credentials,
    /// How the page looks.
    pub(super) page: Page,
    /// Where figures come from.
    pub(super) source: Arc<StatsSource>,
    /// And those of the pair, where there is one.
    pub(super) pair: Option<PublishedStatus>,
}

/// What is asked for after the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// `;csv`
    pub(super) csv: bool,
    /// Not `;norefresh`.
    pub(super) refresh: bool,
}

/// The service's only route takes everything: paths come from the configuration.
pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(answer).with_state(service)
}

async fn answer(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let mut response = service.answer(request.method(), request.uri(), request.headers());
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, service.page.content_security_policy());
    response
}

impl Service {
    fn answer(&self, method: &Method, uri: &Uri, fields: &HeaderMap) -> Response<Body> {
        let Some(view) = self.view(uri) else {
            return plain(StatusCode::NOT_FOUND, "404 Not Found\n");
        };
        // Two Authorization fields are no authorization: which one counts would be a guess.
        let mut authorizations = fields.get_all(header::AUTHORIZATION).iter();
        let authorization = match (authorizations.next(), authorizations.next()) {
            (Some(only), None) => Some(only.as_bytes()),
            _ => None,
        };
        if !self.credentials.allow(authorization) {
            let mut response = plain(StatusCode::UNAUTHORIZED, "401 Unauthorized\n");
            let realm = HeaderValue::from_static("Basic realm=\"torii statistics\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
            return response;
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        self.show(view)
    }

    fn show(&self, view: View) -> Response<Body> {
        let unix_ms =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let report = self.source.report(Instant::now(), unix_ms);
        if view.csv {
            let mut text = String::new();
            write_csv(&report.rows, &mut text);
            return plain(StatusCode::OK, text);
        }
        let pair = self.pair.as_ref().map(PublishedStatus::latest);
        match self.page.render(&report, pair.as_deref(), &self.path, view.refresh) {
            Ok(html) => with_type(StatusCode::OK, "text/html; charset=utf-8", html),
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error\n"),
        }
    }

    /// The configured path, then any of `;csv` and `;norefresh`.
    fn view(&self, uri: &Uri) -> Option<View> {
        let target = match uri.path_and_query() {
            Some(both) if self.path.contains('?') => both.as_str(),
            _ => uri.path(),
        };
        let mut modifiers = target.strip_prefix(self.path.as_str())?.split(';');
        // What stands before the first semicolon belongs to the path, which has ended.
        if modifiers.next() != Some("") {
            return None;
        }
        let mut view = View { csv: false, refresh: true };
        for modifier in modifiers {
            match modifier {
                "csv" => view.csv = true,
                "norefresh" => view.refresh = false,
                _ => return None,
            }
        }
        Some(view)
    }
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    with_type(status, "text/plain; charset=utf-8", text)
}

fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
