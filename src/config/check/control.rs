//! `[control]`: where commands reach a running torii.

use std::path::Path;

use super::whole::Place;
use crate::config::model::Control;
use crate::config::report::Findings;
use crate::config::schema;
use crate::limits;

/// What is wrong with every other value.
const HELP: &str = "write a path such as \"/run/torii/control.sock\", or \"off\"";

/// Checks the table; without it, the socket is at `limits::control::SOCKET`.
pub fn check(written: Option<&schema::Control>, place: &Place<'_>, findings: &mut Findings) -> Control {
    let Some(socket) = written.and_then(|control| control.socket.as_ref()) else {
        return Control { socket: Some(Path::new(limits::control::SOCKET).into()) };
    };
    let text = socket.get_ref().as_str();
    if text == "off" {
        return Control { socket: None };
    }
    if text.is_empty() || text.ends_with('/') || text.contains('\0') {
        findings.error(socket.span(), "`socket` is not the path of a file", HELP);
        return Control { socket: None };
    }
    let path = place.path(text);
    let length = path.as_os_str().len();
    if length > limits::control::SOCKET_PATH_SIZE {
        let most = limits::control::SOCKET_PATH_SIZE;
        let message = format!("the path of a socket has {most} bytes at most, and this one has {length}");
        findings.error(socket.span(), message, HELP);
    }
    Control { socket: Some(path) }
}
