//! The record of a run: everything that was measured, as one JSON document that can be reported on,
//! compared with another and merged.
//!
//! A record that comes from a file is outside input: its size, its lists and its histograms are
//! bounded and checked while it is read, so that what is in memory is as good as one made here.

mod backlog;
mod began;
mod blob;
mod client;
mod description;
mod file;
mod findings;
mod histogram;
mod host;
mod pace;
mod rate_steps;
mod run;
mod series;

pub use backlog::OnTheirWay;
pub use began::{Began, unix_ms};
pub use blob::{Blob, BlobError};
pub use client::ClientRecord;
pub use description::{Description, InputFile, RequestField, TargetDescription, TlsDescription, sha256_hex};
pub use file::{FileError, check_place, from_bytes, read, write_whole};
pub use findings::{GapRecord, SearchEnd, SearchRecord, StepRecord};
pub use histogram::{HistogramRecord, PERCENTILES};
pub use host::{Host, StealWatch};
pub use rate_steps::{RateStepRecord, StepSeconds};
pub use run::{
    ConnectionFairness, FORMAT, FORMAT_VERSION, RunRecord, ServerFairness, TargetCounts, VerdictName,
    VerdictRecord, ratio,
};
pub use series::{SECONDS_MAX, SecondRecord, Series};

#[cfg(test)]
mod tests;
