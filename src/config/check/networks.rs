//! Lists of networks: each entry a network or `file:PATH`, a file of them.

use std::path::Path;

use toml::Spanned;

use super::whole::Place;
use crate::address::{Network, Networks};
use crate::config::reader::shown;
use crate::config::report::{Findings, Span};
use crate::limits;
use crate::small_file;

/// How an entry says that its networks are in a file.
const FILE_PREFIX: &str = "file:";

/// A list of networks as written.
pub type List = Spanned<Vec<Spanned<String>>>;

/// Reads every entry of a list and every file it names. With errors, what is returned is never used.
pub fn check(list: &List, place: &Place<'_>, findings: &mut Findings) -> Networks {
    let mut networks = Vec::new();
    for entry in list.get_ref() {
        match entry.get_ref().strip_prefix(FILE_PREFIX) {
            Some(path) => read_file(&place.path(path), entry.span(), &mut networks, findings),
            None => networks.extend(parse(entry.get_ref(), "", entry.span(), findings)),
        }
        if networks.len() > limits::NETWORKS {
            let message = format!("the list has more than {} networks", limits::NETWORKS);
            findings.error(list.span(), message, "write fewer and larger networks");
            return Networks::default();
        }
    }
    Networks::new(networks)
}

/// One network; `place` says where it stands, if not in the configuration itself.
fn parse(text: &str, place: &str, span: Span, findings: &mut Findings) -> Option<Network> {
    match Network::parse(text) {
        Ok(network) => {
            if let Some(truncated) = network.truncated() {
                let message = format!("{place}{} has bits beyond its prefix", shown(text));
                findings.warning(span, message, format!("it is taken as \"{truncated}\": write that"));
            }
            Some(network)
        }
        Err(error) => {
            let help = "write it like \"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.7\"";
            findings.error(span, format!("{place}{} {error}", shown(text)), help);
            None
        }
    }
}

/// Every line of a file: a network, with whatever follows `#` or `;` left out.
fn read_file(path: &Path, span: Span, networks: &mut Vec<Network>, findings: &mut Findings) {
    let Some(text) = read_text(path, span.clone(), findings) else { return };
    let mut faults = 0;
    for (index, line) in text.lines().enumerate() {
        let entry = line.split(['#', ';']).next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let place = format!("{}, line {}: ", path.display(), index + 1);
        match parse(entry, &place, span.clone(), findings) {
            Some(network) => networks.push(network),
            None => faults += 1,
        }
        if faults == limits::NETWORK_FILE_FAULTS || networks.len() > limits::NETWORKS {
            return;
        }
    }
}

fn read_text(path: &Path, span: Span, findings: &mut Findings) -> Option<String> {
    let most = limits::NETWORK_FILE_SIZE;
    let message = match small_file::read(path, most) {
        Err(error) => format!("{} cannot be read: {error}", path.display()),
        Ok(read) if read.bytes.len() > most => format!("{} is larger than {most} bytes", path.display()),
        Ok(read) => match String::from_utf8(read.bytes) {
            Ok(text) => return Some(text),
            Err(_) => format!("{} is not UTF-8 text", path.display()),
        },
    };
    findings.error(span, message, FILE_HELP);
    None
}

const FILE_HELP: &str = "write the path of a text file with one network on each line";
