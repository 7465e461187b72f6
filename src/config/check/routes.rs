//! `[[listener.route]]`, and what a listener does where no route matches.

use toml::Spanned;

use super::listeners::Scope;
use super::redirect;
use crate::config::model::{Action, Mode, Route};
use crate::config::reader::shown;
use crate::config::report::{Findings, Span};
use crate::config::schema;
use crate::http::answer::{Answer, OF_ROUTES};
use crate::http::route::{Conditions, HostPattern, PathPrefix};
use crate::http::{scan, target};
use crate::limits;

/// The routes of a listener and what follows them; `None` where that is nothing.
pub fn check(
    written: &schema::Listener,
    mode: Mode,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<(Vec<Route>, Action)> {
    if written.routes.len() > limits::ROUTES {
        let help = format!("write at most {}", limits::ROUTES);
        findings.error(written.span.clone(), "this listener has too many routes", help);
        return None;
    }
    let secure = written.tls.is_some();
    let mut routes: Vec<(Span, Route)> = Vec::new();
    for route in &written.routes {
        let conditions = conditions(route, findings);
        let action = action(route, mode, scope, secure, findings);
        let (Some(conditions), Some(action)) = (conditions, action) else { continue };
        warn_if_never_reached(route.span.clone(), &conditions, &routes, findings);
        routes.push((route.span.clone(), Route { conditions, action }));
    }
    let default = default(written, mode, scope, &routes, findings);
    Some((routes.into_iter().map(|(_, route)| route).collect(), default?))
}

fn warn_if_never_reached(
    span: Span,
    conditions: &Conditions,
    earlier: &[(Span, Route)],
    findings: &mut Findings,
) {
    let covering = earlier.iter().find(|(_, route)| route.conditions.covers(conditions));
    if let Some((first, _)) = covering {
        let message = "this route can never match";
        let note = "the earlier route takes every request that this one is for";
        let help = "put the narrower route first, or remove one of them";
        findings.warning_about(span, message, (first.clone(), note), help);
    }
}

/// What is done where no route matches: the listener's `backend` or `redirect`. It needs neither
/// after a route that takes everything.
fn default(
    written: &schema::Listener,
    mode: Mode,
    scope: &Scope<'_>,
    routes: &[(Span, Route)],
    findings: &mut Findings,
) -> Option<Action> {
    let catch_all = routes.iter().find(|(_, route)| route.conditions.is_empty());
    let (span, action) = match (&written.backend, &written.redirect) {
        (Some(_), Some(redirect)) => {
            let message = "a listener with `redirect` sends nobody to its `backend`";
            let help = "remove one of them, or put `redirect` into a [[listener.route]] with a condition";
            findings.error(redirect.span.clone(), message, help);
            return None;
        }
        (Some(name), None) => (name.span(), scope.backend_index(mode, name, findings).map(Action::Backend)),
        (None, Some(table)) => {
            let redirect = redirect::check(table, written.tls.is_some(), findings);
            (table.span.clone(), redirect.map(Action::Redirect))
        }
        (None, None) => {
            // Where routes go by server name, who asks for another has no server: the connection ends.
            if mode == Mode::Tcp && catch_all.is_none() && !routes.is_empty() {
                return Some(Action::Answer(Answer::Forbidden));
            }
            if catch_all.is_none() {
                let help =
                    "add `backend = \"web_backend\"`, or `redirect = { to = \"https\", status = 301 }`";
                findings.error(written.span.clone(), "[[listener]] has no `backend`", help);
            }
            return catch_all.map(|(_, route)| route.action.clone());
        }
    };
    if let Some((first, _)) = catch_all {
        let message = "this is never used";
        let note = "the route without a condition takes every request";
        findings.warning_about(
            span,
            message,
            (first.clone(), note),
            "remove it, or give the route a condition",
        );
    }
    action
}

fn conditions(route: &schema::Route, findings: &mut Findings) -> Option<Conditions> {
    let values = route.host.len() + route.sni.len() + route.path_prefix.len() + route.method.len();
    if values > limits::ROUTE_VALUES {
        let help = format!("write at most {}, or several routes", limits::ROUTE_VALUES);
        findings.error(route.span.clone(), "this route has too many values in its conditions", help);
        return None;
    }
    let hosts: Vec<_> = route.host.iter().chain(&route.sni).map(|text| host(text, findings)).collect();
    let prefixes: Vec<_> = route.path_prefix.iter().map(|text| prefix(text, findings)).collect();
    let methods: Vec<_> = route.method.iter().map(|text| method(text, findings)).collect();
    Some(Conditions::new(all(hosts)?, all(prefixes)?, all(methods)?))
}

fn all<T>(values: Vec<Option<T>>) -> Option<Vec<T>> {
    values.into_iter().collect()
}

fn host(written: &Spanned<String>, findings: &mut Findings) -> Option<HostPattern> {
    let text = written.get_ref();
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_bracketed = text.starts_with('[') && text.ends_with(']') && target::is_host(text.as_bytes());
    let is_plain = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(is_name)
        && !name.starts_with('.')
        && !name.ends_with('.');
    if is_plain || is_bracketed {
        return Some(HostPattern::new(text));
    }
    let help = if !text.is_ascii() {
        "write the name as browsers send it, in ASCII: \"xn--...\""
    } else if target::is_host(text.as_bytes()) && text.contains(':') {
        "leave the port out: it is not looked at"
    } else {
        "write a name, \"www.example.com\", or \"*.example.com\" for all names below it"
    };
    findings.error(written.span(), format!("{} is not a host to compare with", shown(text)), help);
    None
}

fn prefix(written: &Spanned<String>, findings: &mut Findings) -> Option<PathPrefix> {
    let text = written.get_ref();
    let (message, help) = if !text.starts_with('/') {
        ("a path begins with `/`", "write \"/api\" for /api, everything below it, and any query")
    } else if text.contains(['?', '#']) {
        ("a path ends before `?` and `#`", "leave the query out: it is not looked at")
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        ("no request has such a path", "write spaces and other characters as clients send them: %20, %C3%A9")
    } else {
        return Some(PathPrefix::new(text));
    };
    findings.error(written.span(), message, help);
    None
}

fn method(written: &Spanned<String>, findings: &mut Findings) -> Option<Box<[u8]>> {
    let text = written.get_ref();
    if !scan::is_token(text.as_bytes()) {
        findings.error(
            written.span(),
            format!("{} is not a method", shown(text)),
            "write \"GET\" or [\"GET\", \"HEAD\"]",
        );
        return None;
    }
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    let upper = text.to_ascii_uppercase();
    if upper != *text && KNOWN.contains(&upper.as_str()) {
        let help = format!("write \"{upper}\": methods are compared to the letter");
        findings.error(written.span(), format!("no client sends the method {}", shown(text)), help);
        return None;
    }
    Some(text.as_bytes().into())
}

/// The one thing that a route does.
fn action(
    route: &schema::Route,
    mode: Mode,
    scope: &Scope<'_>,
    secure: bool,
    findings: &mut Findings,
) -> Option<Action> {
    match (&route.backend, &route.redirect, &route.status) {
        (Some(name), None, None) => scope.backend_index(mode, name, findings).map(Action::Backend),
        (None, Some(table), None) => redirect::check(table, secure, findings).map(Action::Redirect),
        (None, None, Some(status)) => answer(status, findings).map(Action::Answer),
        (None, None, None) if !route.does_nothing => None,
        (None, None, None) => {
            let help = "add `backend = \"web_backend\"`, `redirect = { to = \"https\" }` or `status = 403`";
            findings.error(route.span.clone(), "this route does nothing", help);
            None
        }
        (_, Some(redirect), _) => one_thing(redirect.span.clone(), findings),
        (_, None, Some(status)) => one_thing(status.span(), findings),
    }
}

fn one_thing(span: Span, findings: &mut Findings) -> Option<Action> {
    let help = "leave one of `backend`, `redirect` and `status`";
    findings.error(span, "a route does one thing, and this is the second", help);
    None
}

fn answer(status: &Spanned<i64>, findings: &mut Findings) -> Option<Answer> {
    let known = OF_ROUTES.into_iter().find(|answer| i64::from(answer.status()) == *status.get_ref());
    if known.is_none() {
        let message = format!("a route cannot answer {}", status.get_ref());
        findings.error(status.span(), message, format!("write {}", statuses(&OF_ROUTES)));
    }
    known
}

/// Statuses as `200, 403 or 404`.
pub(super) fn statuses(answers: &[Answer]) -> String {
    let numbers: Vec<String> = answers.iter().map(|answer| answer.status().to_string()).collect();
    match numbers.split_last() {
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
