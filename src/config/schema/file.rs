//! A whole file as written.

use toml::de::DeTable;

use super::backend::{Backend, read_backend};
use super::control::{Control, read_control};
use super::ha::{Ha, read_ha};
use super::listener::{Listener, read_listener};
use super::process::{
    Io, Limits, Log, Process, Threads, read_io, read_limits, read_log, read_process, read_threads,
};
use super::stats::{Stats, read_stats};
use super::timeouts::{Timeouts, read_timeouts};
use crate::config::reader::read_table;
use crate::config::report::Findings;

/// A whole file.
#[derive(Debug, Default)]
pub struct File {
    /// `[process]`
    pub process: Option<Process>,
    /// `[control]`
    pub control: Option<Control>,
    /// `[threads]`
    pub threads: Option<Threads>,
    /// `[io]`
    pub io: Option<Io>,
    /// `[limits]`
    pub limits: Option<Limits>,
    /// `[timeouts]`
    pub timeouts: Option<Timeouts>,
    /// `[log]`
    pub log: Option<Log>,
    /// `[[listener]]`
    pub listeners: Vec<Listener>,
    /// `[[backend]]`
    pub backends: Vec<Backend>,
    /// `[stats]`
    pub stats: Option<Stats>,
    /// `[ha]`
    pub ha: Option<Ha>,
}

/// Reads a whole file.
pub fn read(root: &DeTable<'_>, findings: &mut Findings) -> File {
    read_table(root, 0..0, "the file", findings, |table| File {
        process: table.table("process", "[process]", read_process),
        control: table.table("control", "[control]", read_control),
        threads: table.table("threads", "[threads]", read_threads),
        io: table.table("io", "[io]", read_io),
        limits: table.table("limits", "[limits]", read_limits),
        timeouts: table.table("timeouts", "[timeouts]", read_timeouts),
        log: table.table("log", "[log]", read_log),
        listeners: table.required_tables(
            "listener",
            "[[listener]]",
            "there is no listener, so nothing would be served",
            "add [[listener]] with `name`, `bind` and `backend`",
            read_listener,
        ),
        backends: table.required_tables(
            "backend",
            "[[backend]]",
            "there is no backend, so nothing would be served",
            "add [[backend]] with `name` and at least one [[backend.server]]",
            read_backend,
        ),
        stats: table.table("stats", "[stats]", read_stats),
        ha: table.table("ha", "[ha]", read_ha),
    })
}
