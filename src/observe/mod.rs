//! What torii tells of itself: counters, access records and their way to the log, statistics.

pub mod counters;
pub mod log;
pub mod record;
pub mod ring;
pub mod stats;
pub mod words;
