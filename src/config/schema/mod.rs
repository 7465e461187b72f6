//! The configuration as written: every key, its type and its range, each value with its place.
//!
//! Read by `config::check`, which turns it into `config::model`. These files know what one key may
//! look like alone; whatever takes two keys, a file or a name somewhere else is `check`'s.
//! The key names are the public interface, described in `docs/configuration.md`.

mod backend;
mod control;
mod cookie;
mod file;
mod ha;
mod listener;
mod process;
mod routing;
mod stats;
mod timeouts;

pub use backend::{Backend, Check, Server};
pub use control::Control;
pub use cookie::Cookie;
pub use file::{File, read};
pub use ha::{Ha, HaNode};
pub use listener::{Listener, Tls};
pub use process::{FACILITIES, Io, Limits, Log, Process, Threads};
pub use routing::{ErrorPage, HeaderRules, Redirect, Route};
pub use stats::{Secret, Stats, User};
pub use timeouts::Timeouts;
