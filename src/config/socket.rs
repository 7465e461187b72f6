//! Where a file says that the control socket is, for commands that talk to a running torii.
//!
//! It looks at `[control]` alone. Such a command may run as somebody who cannot read the certificates
//! and passwords that a whole check opens, and a running torii has to be reachable while an operator
//! is in the middle of an edit.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::check::{self, Place};
use super::load::read_text;
use super::report::{Findings, Report, Source};
use super::schema;

/// The socket of a configuration file; `None` when it says "off".
///
/// # Errors
/// The file cannot be read or is not TOML, or the value is wrong.
pub fn control_socket(path: &Path) -> Result<Option<PathBuf>, Report> {
    let file_name = path.display().to_string();
    let mut findings = Findings::default();
    let text = match read_text(path) {
        Ok(text) => text,
        Err((message, help)) => {
            findings.file_error(message, help);
            return Err(findings.render(&Source::new(&file_name, "")));
        }
    };
    let root = match DeTable::parse(&text) {
        Ok(root) => root,
        Err(error) => {
            let message = format!("this is not valid TOML: {}", error.message());
            findings.error(error.span().unwrap_or(0..0), message, "see: torii check FILE");
            return Err(findings.render(&Source::new(&file_name, "")));
        }
    };
    let written = schema::read(root.get_ref(), &mut Findings::default());
    let place = Place { folder: path.parent().unwrap_or(Path::new("")), now: std::time::SystemTime::now() };
    let control = check::control(written.control.as_ref(), &place, &mut findings);
    if findings.has_errors() {
        return Err(findings.render(&Source::new(&file_name, &text)));
    }
    Ok(control.socket)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::limits::control::SOCKET;

    fn of(text: &str) -> Result<Option<PathBuf>, Report> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("torii.toml");
        std::fs::write(&file, text).unwrap();
        let socket = control_socket(&file)?;
        Ok(socket.map(|path| path.strip_prefix(folder.path()).unwrap_or(&path).to_owned()))
    }

    #[test]
    fn finds_the_socket_in_a_file_that_is_wrong_elsewhere() {
        let text = "[control]\nsocket = \"c.sock\"\n[[listener]]\nnam = 5\n[listener.tls]\n\
                    certificates = [\"/nonexistent\"]\n";
        assert_eq!(of(text).unwrap().unwrap(), Path::new("c.sock"));
        assert_eq!(of("").unwrap().unwrap(), Path::new(SOCKET));
        assert_eq!(of("[control]\nsocket = \"off\"\n").unwrap(), None);
    }

    #[test]
    fn says_why_it_cannot() {
        assert!(of("[control\n").unwrap_err().to_string().contains("not valid TOML"));
        let wrong = of("[control]\nsocket = \"/run/\"\n").unwrap_err().to_string();
        assert!(wrong.contains("`socket` is not the path of a file"), "{wrong}");
        let missing = control_socket(Path::new("/nonexistent/t.toml")).unwrap_err().to_string();
        assert!(missing.contains("cannot be read"), "{missing}");
    }
}
