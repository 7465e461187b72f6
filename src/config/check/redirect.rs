//! `redirect` of a listener or a route: where it leads, and that it does not lead back.

use toml::Spanned;

use crate::config::model::Redirect;
use crate::config::reader::shown;
use crate::config::report::Findings;
use crate::config::schema;
use crate::http::redirect::{RedirectStatus, RedirectTo};
use crate::http::target;
use crate::limits;

/// Checks the table. `secure`: the listener speaks TLS.
pub fn check(written: &schema::Redirect, secure: bool, findings: &mut Findings) -> Option<Redirect> {
    let status = match &written.status {
        Some(status) => check_status(status, findings),
        None => Some(RedirectStatus::Found),
    };
    let to = place(written.to.as_ref()?, secure, findings);
    Some(Redirect { to: to?, status: status? })
}

fn check_status(status: &Spanned<i64>, findings: &mut Findings) -> Option<RedirectStatus> {
    let known = RedirectStatus::of(*status.get_ref());
    if known.is_none() {
        let message = format!("{} is not the status of a redirect", status.get_ref());
        let help = "write 301 or 308 for good, 302 or 307 for now, 303 to go on with GET";
        findings.error(status.span(), message, help);
    }
    known
}

fn place(to: &Spanned<String>, secure: bool, findings: &mut Findings) -> Option<RedirectTo> {
    let text = to.get_ref();
    if text == "https" {
        if secure {
            let message = "this listener speaks HTTPS already: the redirect would lead to itself for ever";
            findings.error(to.span(), message, "write it for the listener without [listener.tls]");
            return None;
        }
        return Some(RedirectTo::Https);
    }
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let (host, path) = match authority {
        Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        None => ("", text.as_str()),
    };
    let is_written = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= limits::REDIRECT_SIZE;
    let is_place = match authority {
        Some(_) => target::is_host(host.as_bytes()) && (path.is_empty() || path.starts_with('/')),
        // `//host` is another host, whatever it looks like.
        None => path.starts_with('/') && !path.starts_with("//"),
    };
    if !is_written || !is_place {
        let message = format!("a redirect cannot lead to {}", shown(text));
        let help =
            "write \"https\", \"https://www.example.com\" (the path is kept) or \"/path\" (as it stands)";
        findings.error(to.span(), message, help);
        return None;
    }
    Some(match path {
        "" => RedirectTo::Origin(text.clone()),
        _ => RedirectTo::Location(text.clone()),
    })
}
