//! The access log, from a worker's record to a line somewhere.
//!
//! ```text
//! worker ─▶ ring ─▶ thread ─▶ haproxy (the line; time stamps it) ─▶ sink ─▶ file, stdout, stderr
//!                                                                   └────▶ syslog datagrams
//! ```
//!
//! Only the log thread formats and writes; it may block on a disk without traffic noticing.

mod haproxy;
mod names;
mod sink;
mod syslog;
mod thread;
mod time;

pub use names::Names;
pub use thread::{Echo, Level, LogCounters, LogHandle, LogStartError, NoticeWriter, start};
