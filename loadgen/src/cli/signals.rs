//! SIGINT and SIGTERM: the first ends a run in good order, the second does not wait for answers, the third
//! ends the process.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::engine::Stop;

/// Has signals ask `stop` from now on.
///
/// # Errors
/// What the kernel says.
pub fn ask_on_signals(stop: Arc<Stop>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listen = move || {
        for signal in signals.forever() {
            if stop.ask() > 2 {
                // As a shell has it for a process that a signal ended.
                std::process::exit(128 + signal);
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(|_| ())
}
