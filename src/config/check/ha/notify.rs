//! `notify`: the program that is told of changes of state. It has to be there and to be a program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use toml::Spanned;

use crate::config::check::whole::Place;
use crate::config::report::Findings;

/// `None` without the key or after an error.
pub fn check(
    written: Option<&Spanned<String>>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<PathBuf> {
    let written = written?;
    let path = place.path(written.get_ref());
    let shown = path.display();
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let message = format!("{shown} cannot be run: {error}");
            let help = "write the path of a program; it gets its arguments from torii, none stand here";
            findings.error(written.span(), message, help);
            return None;
        }
    };
    let mode = metadata.permissions().mode();
    if !metadata.is_file() {
        let help = "write the path of a program";
        findings.error(written.span(), format!("{shown} is not a file"), help);
        return None;
    }
    if mode & 0o111 == 0 {
        let message = format!("{shown} is not executable");
        findings.error(written.span(), message, format!("chmod 755 {shown}"));
        return None;
    }
    if mode & 0o022 != 0 {
        let who = if mode & 0o002 != 0 { "everybody on this machine" } else { "its group" };
        let message = format!("{who} can change {shown}, and so what torii runs");
        findings.warning(written.span(), message, format!("chmod go-w {shown}"));
    }
    Some(path)
}
