//! `torii check FILE`: says everything that is wrong with a configuration and touches nothing.
//!
//! It reads the file, its certificates and its password files. It binds no address, resolves no
//! name and connects to no server, so it may run beside a running torii or on another machine. With
//! `[ha]` it asks the kernel for addresses and interfaces, and warns where this machine is no node.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::arguments::ConfigurationFile;
use crate::config::model::Config;
use crate::config::{self, Report};
use crate::ha::surroundings;

/// Arguments of `torii check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Which file.
    #[command(flatten)]
    pub file: ConfigurationFile,
}

/// Runs the subcommand: status 0 for a valid file, warnings or not, else 1.
pub fn run(arguments: &CheckArguments) -> ExitCode {
    let path = arguments.file.path();
    match load_or_explain(path) {
        Some(config) => {
            warn_of_machine(&config);
            // The status says it all; a closed pipe on standard output changes nothing.
            let _ = writeln!(std::io::stdout(), "{}", verdict(path, &config));
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// Whether this machine could be a node of the pair: no error, the file may be meant for another one.
fn warn_of_machine(config: &Config) {
    for fault in config.ha.iter().flat_map(|ha| surroundings::look(ha).faults) {
        eprintln!("warning: on this machine: {fault}\n");
    }
}

/// Loads a file; prints its warnings, or everything that is wrong with it, to standard error.
pub fn load_or_explain(path: &Path) -> Option<Config> {
    match config::load(path) {
        Ok(config) => {
            config.warnings.iter().for_each(|warning| eprintln!("{warning}\n"));
            Some(config)
        }
        Err(report) => {
            eprintln!("{report}\n{}", failure(path, &report));
            None
        }
    }
}

/// The line below all errors.
fn failure(path: &Path, report: &Report) -> String {
    format!("{}: configuration is not valid ({})", path.display(), count(report.errors.len(), "error"))
}

/// The line of a valid file.
fn verdict(path: &Path, config: &Config) -> String {
    let servers = config.backends.iter().map(|backend| backend.servers.len()).sum();
    let nodes = config.ha.as_ref().map(|ha| format!(", {}", count(ha.nodes.len(), "node")));
    format!(
        "{}: configuration is valid ({}, {}, {}{})",
        path.display(),
        count(config.listeners.len(), "listener"),
        count(config.backends.len(), "backend"),
        count(servers, "server"),
        nodes.unwrap_or_default(),
    )
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SMALL: &str = "[[listener]]\nname = \"l\"\nbind = [\"127.0.0.1:80\"]\nbackend = \"b\"\n\
        [[backend]]\nname = \"b\"\n[[backend.server]]\nname = \"s\"\naddress = \"192.0.2.1:80\"\n\
        [[backend.server]]\nname = \"t\"\naddress = \"192.0.2.2:80\"\n";

    #[test]
    fn counts_what_a_valid_file_holds() {
        let config = config::parse(SMALL, "t.toml", Path::new("")).unwrap();
        let expected = "t.toml: configuration is valid (1 listener, 1 backend, 2 servers)";
        assert_eq!(verdict(Path::new("t.toml"), &config), expected);
    }

    #[test]
    fn counts_the_errors_of_another() {
        let report = config::parse("a = 1\nb = 2\n", "t.toml", Path::new("")).unwrap_err();
        let expected = "t.toml: configuration is not valid (4 errors)";
        assert_eq!(failure(Path::new("t.toml"), &report), expected);
    }
}
