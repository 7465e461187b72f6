//! The checked configuration: what the rest of torii reads.
//!
//! Built only by `config::check`, so a value of these types is known to be possible: names are
//! unique, references are resolved to indices, files were readable, time-outs are merged. The raw
//! schema, as written by the user, is `config::schema`. Keys and their defaults: `docs/configuration.md`.

mod backend;
mod control;
mod file;
mod ha;
mod listener;
mod mode;
mod process;
mod routing;
mod stats;
mod timeouts;

pub use backend::{Backend, Check, CheckKind, Cookie, Forwarding, Server};
pub use control::Control;
pub use file::Config;
pub use ha::{AuthPass, Checksum, Ha, HaNode, Secret, Takeover, Transport, Version};
pub use listener::{Listener, Tls};
pub use mode::Mode;
pub use process::{ControlCore, Driver, Io, Limits, Log, LogFormat, LogTarget, Process, Threads};
pub use routing::{Action, Redirect, Route};
pub use stats::{Stats, User};
pub use timeouts::{Timeouts, Tunnel};
