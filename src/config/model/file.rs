//! A whole checked file.

use super::{Backend, Control, Ha, Io, Limits, Listener, Log, Process, Stats, Threads};

/// A whole checked file.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[process]`
    pub process: Process,
    /// `[control]`.
    pub control: Control,
    /// `[threads]`
    pub threads: Threads,
    /// `[io]`
    pub io: Io,
    /// `[limits]`
    pub limits: Limits,
    /// `[log]`
    pub log: Log,
    /// `[[listener]]`, in the order of the file; at least one.
    pub listeners: Vec<Listener>,
    /// `[[backend]]`, in the order of the file; at least one.
    pub backends: Vec<Backend>,
    /// `[stats]`, absent when there is no such table.
    pub stats: Option<Stats>,
    /// `[ha]`, absent when there is no such table: one node that shares no address.
    pub ha: Option<Ha>,
    /// What `torii check` and start-up print as warnings: rendered text, one per entry.
    pub warnings: Vec<String>,
}
