//! Which running torii a command talks to, and the way there.
//!
//! Used by `status` and `failover`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config;
use crate::control::socket::protocol::{Answer, Request};
use crate::control::socket::{Client, ClientError};
use crate::limits::control::SOCKET;

/// A running torii, by its configuration or its socket; without either, the one of this machine.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct Running {
    /// Configuration file of the running torii; only `socket` of its [control] is read
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Configuration file of the running torii
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Its control socket [default: /run/torii/control.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl Running {
    /// Asks it.
    ///
    /// # Errors
    /// What to print: why it cannot be reached.
    pub fn ask(&self, request: &Request) -> Result<Client, String> {
        let socket = self.socket()?;
        Client::ask(&socket, request).map_err(|error| error.to_string())
    }

    fn socket(&self) -> Result<PathBuf, String> {
        let Some(file) = self.config.as_ref().or(self.file.as_ref()) else {
            return Ok(self.socket.clone().unwrap_or_else(|| Path::new(SOCKET).into()));
        };
        match config::control_socket(file) {
            Ok(Some(socket)) => Ok(socket),
            Ok(None) => Err(format!(
                "{}: `socket = \"off\"` in [control]: that torii cannot be reached\n  \
                 help: give it a socket and start it again, or look at its statistics page",
                file.display()
            )),
            Err(report) => Err(report.to_string()),
        }
    }
}

/// The next answer, understood.
///
/// # Errors
/// What to print: the conversation broke, or the other end is a very different version.
pub fn next_answer(client: &mut Client) -> Result<Answer, String> {
    let line = client.next_line().map_err(|error: ClientError| error.to_string())?;
    serde_json::from_slice(&line).map_err(|error| {
        format!(
            "its answer cannot be read: {error}\n  help: use the `torii` command of the version that runs"
        )
    })
}
