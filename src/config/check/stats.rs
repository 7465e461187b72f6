//! `[stats]`: where the statistics page is and who may look.

use std::net::SocketAddr;

use toml::Spanned;

use super::address::BoundAddresses;
use super::names::UniqueNames;
use super::tls;
use super::whole::Place;
use crate::config::model::{Mode, Stats, User};
use crate::config::reader::{quoted, shown};
use crate::config::report::Findings;
use crate::config::schema;
use crate::limits;
use crate::small_file;

/// Path of the page where none is written.
const DEFAULT_PATH: &str = "/stats";

/// Checks the table.
pub fn check(
    written: &schema::Stats,
    place: &Place<'_>,
    bound: &mut BoundAddresses,
    findings: &mut Findings,
) -> Option<Stats> {
    let bind = bound.add(written.bind.as_ref(), "127.0.0.1:8222", findings);
    if let Some(path) = &written.path {
        check_path(path, findings);
    }
    let users = users(written, place, findings);
    warn_of_openness(written, &bind, findings);
    let tls = match &written.tls {
        Some(table) => Some(tls::check(table, Mode::Http, place, findings)?),
        None => None,
    };
    let flag = |value: &Option<Spanned<bool>>| value.as_ref().is_some_and(|flag| *flag.get_ref());
    Some(Stats {
        bind,
        path: written.path.as_ref().map_or(DEFAULT_PATH, |path| path.get_ref()).to_owned(),
        users,
        hide_version: flag(&written.hide_version),
        show_node: flag(&written.show_node),
        tls,
    })
}

fn check_path(path: &Spanned<String>, findings: &mut Findings) {
    let text = path.get_ref();
    if !text.starts_with('/') {
        let help = format!("write \"/{}\"", text.escape_debug());
        findings.error(path.span(), "the path of the page must begin with `/`", help);
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#;\"<>\\^`{|}".contains(&byte)) {
        let message = format!("{} is not the path of a page", shown(text));
        findings.error(
            path.span(),
            message,
            "use letters, digits, `-`, `_`, `.` and `/`, such as \"/stats\"",
        );
    }
}

fn users(written: &schema::Stats, place: &Place<'_>, findings: &mut Findings) -> Vec<User> {
    if let Some(first) = written.users.get(limits::STATS_USERS) {
        findings.error(
            first.span.clone(),
            "there are too many users",
            format!("write at most {}", limits::STATS_USERS),
        );
        return Vec::new();
    }
    let mut names = UniqueNames::new("user");
    let mut users = Vec::new();
    for user in &written.users {
        let digest = password(user, place, findings);
        let Some(name) = &user.name else { continue };
        check_user_name(name, &mut names, findings);
        if let Some(password_sha256) = digest {
            users.push(User { name: name.get_ref().clone(), password_sha256 });
        }
    }
    users
}

/// RFC 7617 section 2: a user-id with a colon cannot be told from its password.
fn check_user_name<'f>(name: &'f Spanned<String>, names: &mut UniqueNames<'f>, findings: &mut Findings) {
    let text = name.get_ref();
    if text.contains(':') {
        let message = format!("the user name {} holds a `:`", quoted(text));
        findings.error(name.span(), message, "basic authentication ends the name there: use another name");
    } else if text.is_empty() || text.len() > limits::NAME_LENGTH || text.chars().any(char::is_control) {
        let message = format!("{} is not a user name", quoted(text));
        let help = format!("use 1 to {} bytes without control characters", limits::NAME_LENGTH);
        findings.error(name.span(), message, help);
    } else {
        names.add_any(name, findings);
    }
}

/// The digest of whichever of the three keys is there; there has to be exactly one.
fn password(user: &schema::User, place: &Place<'_>, findings: &mut Findings) -> Option<[u8; 32]> {
    match (&user.password, &user.password_sha256, &user.password_file) {
        (Some(password), None, None) => {
            if password.get_ref().0.is_empty() {
                findings.error(password.span(), "the password is empty", "write a password");
                return None;
            }
            Some(sha256(password.get_ref().0.as_bytes()))
        }
        (None, Some(digest), None) => {
            let decoded = decode_digest(&digest.get_ref().0);
            if decoded.is_none() {
                let help = "write the 64 hexadecimal digits of: printf %s PASSWORD | sha256sum";
                findings.error(digest.span(), "`password_sha256` is not a SHA-256 digest", help);
            }
            decoded
        }
        (None, None, Some(path)) => read_password(path, place, findings),
        (None, None, None) => {
            let help = "add one of `password`, `password_sha256` and `password_file`";
            findings.error(user.span.clone(), "this user has no password", help);
            None
        }
        _ => {
            let help = "keep one of `password`, `password_sha256` and `password_file`";
            findings.error(user.span.clone(), "this user has more than one password", help);
            None
        }
    }
}

/// The first line of a small file.
fn read_password(path: &Spanned<String>, place: &Place<'_>, findings: &mut Findings) -> Option<[u8; 32]> {
    let file = place.path(path.get_ref());
    let bytes = match small_file::read(&file, limits::PASSWORD_FILE_SIZE) {
        Ok(read) => read.bytes,
        Err(error) => {
            let message = format!("{} cannot be read: {error}", file.display());
            findings.error(path.span(), message, "write the path of a file that holds the password alone");
            return None;
        }
    };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || bytes.len() > limits::PASSWORD_FILE_SIZE {
        let message = format!("{} does not hold a password in its first line", file.display());
        findings.error(path.span(), message, "write the password, and nothing else, into the file");
        return None;
    }
    Some(sha256(line))
}

fn decode_digest(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(digest)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes")
}

/// Loopback addresses are the operator's own; on any other the page and the passwords are visible.
fn warn_of_openness(written: &schema::Stats, bind: &[SocketAddr], findings: &mut Findings) {
    if bind.iter().all(|address| address.ip().is_loopback()) {
        return;
    }
    if written.users.is_empty() {
        let help = "add `users = [{ name = \"...\", password = \"...\" }]`, or bind to 127.0.0.1";
        findings.warning(written.span.clone(), "the statistics page is open to everybody", help);
    }
    if written.tls.is_none() {
        let message = "the statistics page is served without TLS: pages and passwords can be read on the way";
        findings.warning(
            written.span.clone(),
            message,
            "add [stats.tls] with `certificates`, or bind to 127.0.0.1",
        );
    }
}
