//! A whole file: the order in which its parts are checked and what they share.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{address, backends, control, ha, listeners, log, process, stats, timeouts};
use crate::config::model::Config;
use crate::config::report::Findings;
use crate::config::schema;

/// Where and when a configuration is checked.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where relative paths begin.
    pub folder: &'a Path,
    /// Dates the warnings about certificates.
    pub now: SystemTime,
}

impl Place<'_> {
    /// A path as written, made relative to the configuration's folder.
    pub fn path(&self, written: &str) -> PathBuf {
        self.folder.join(written)
    }
}

/// Checks everything. `Some` does not mean that nothing is wrong: see `findings`.
pub fn check(file: &schema::File, place: &Place<'_>, findings: &mut Findings) -> Option<Config> {
    let process = process::process(file.process.as_ref(), findings);
    let control = control::check(file.control.as_ref(), place, findings);
    let threads = process::threads(file.threads.as_ref());
    let io = process::io(file.io.as_ref());
    let limits = process::limits(file.limits.as_ref(), file.io.as_ref(), findings);
    let log = log::check(file.log.as_ref(), place, findings);
    let defaults = timeouts::global(file.timeouts.as_ref());
    let mut bound = address::BoundAddresses::default();
    let backends = backends::check(&file.backends, defaults, place, findings);
    let scope = listeners::Scope {
        backends: &file.backends,
        checked: &backends,
        limits: &limits,
        timeouts: defaults,
        place,
    };
    let listeners = listeners::check(&file.listeners, &scope, &mut bound, findings);
    let stats = match &file.stats {
        Some(stats) => Some(stats::check(stats, place, &mut bound, findings)?),
        None => None,
    };
    let ha = match &file.ha {
        Some(pair) => {
            // Of an address with an error it is not known where it would have been.
            let written = file.listeners.iter().filter_map(|listener| listener.bind.as_ref());
            let written: usize = written.map(|bind| bind.get_ref().len()).sum();
            let complete = written == listeners.iter().map(|listener| listener.bind.len()).sum::<usize>();
            let listeners = if complete { listeners.as_slice() } else { &[] };
            Some(ha::check(pair, listeners, place, findings)?)
        }
        None => None,
    };
    let log = log?;
    Some(Config {
        process,
        control,
        threads,
        io,
        limits,
        log,
        listeners,
        backends,
        stats,
        ha,
        warnings: Vec::new(),
    })
}
