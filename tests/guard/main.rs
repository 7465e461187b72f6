//! The guard process between real processes: what it does when torii dies, and that it does nothing else.
//!
//! A stand-in for torii (`stand_in`, this test binary once more) starts the real guard, `torii guard`, and
//! is killed, panics, ends. Each test has a network namespace of its own; the other node is a socket in it.
//! Needs root; elsewhere the tests say that they skip.

#![allow(clippy::unwrap_used)]

mod farewell;
#[path = "../support/peers.rs"]
mod peers;
mod process;
mod stand_in;
mod world;
