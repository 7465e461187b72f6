//! The engine against scripted servers and the bundled origin, over loopback.

#![allow(clippy::unwrap_used)]

mod bookkeeping;
mod hostile;
mod interop;
mod modes;
mod omission;
mod origin;
mod peers;
mod requests;
mod support;
mod tls_endings;
mod verdicts;
