//! `torii demo`: three small web servers behind a whole torii on loopback, from nothing.
//!
//! ```text
//! run ─▶ ports, certificate, configuration ─▶ folder ─▶ config::load ─▶ control ─▶ Node::serve
//!   └──▶ servers (page)                console (input, command, live, tail, screen) beside it
//! ```
//!
//! It needs no file, no root and no network; what it writes is in one private folder that is removed
//! at the end. It goes through the same configuration and the same node as `torii run`.

mod certificate;
mod command;
mod configuration;
mod console;
mod ending;
mod folder;
mod input;
mod live;
mod page;
mod ports;
mod run;
mod screen;
mod servers;
mod tail;

pub use run::{DemoArguments, run};
