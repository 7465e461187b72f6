//! `torii run`: a node until a signal.

use std::io;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::StartError;
use super::node::Stopped;
use super::start::start;
use crate::config::model::Config;
use crate::observe::log::{Level, NoticeWriter};

/// Serves a configuration until SIGTERM or SIGINT. Status 0 after an orderly end, 1 otherwise.
pub fn run(config: Config) -> ExitCode {
    match try_run(config) {
        Ok(Stopped::Drained | Stopped::Cut) => ExitCode::SUCCESS,
        Ok(Stopped::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(config: Config) -> Result<Stopped, StartError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Resources)?;
    runtime.block_on(async {
        // Before anything is started, so that no signal is missed.
        let mut signals = Signals::new().map_err(StartError::Resources)?;
        let node = start(config)?;
        let notices = node.notices();
        eprintln!("ready");
        let reload = refuse_reload(signal(SignalKind::hangup()).map_err(StartError::Resources)?, notices);
        let mut again = Signals::new().map_err(StartError::Resources)?;
        tokio::select! {
            stopped = node.serve(signals.wait(), async {
                // The first signal is seen by both; the second one cuts.
                again.wait().await;
                again.wait().await;
            }) => Ok(stopped),
            () = reload => Ok(Stopped::Failed),
        }
    })
}

/// The signals that end torii.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP does not end torii, and does not reload it yet: it says so.
async fn refuse_reload(mut hangup: Signal, notices: NoticeWriter) {
    loop {
        if hangup.recv().await.is_none() {
            return std::future::pending().await;
        }
        notices.notice(
            Level::Warning,
            "SIGHUP: reload is not supported yet; restart torii to apply a changed configuration",
        );
    }
}
