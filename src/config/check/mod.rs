//! Raw schema -> checked model: everything that takes two keys, a name elsewhere, or a file.
//!
//! One file per concern. Each `check` function records what is wrong in [`Findings`] and returns
//! `None` (or leaves an entry out) where no value can be given; it never stops the others.
//!
//! [`Findings`]: super::report::Findings

mod address;
mod backends;
mod balance;
mod client_address;
mod control;
mod cookie;
mod error_pages;
mod forwarding;
mod ha;
mod header_sums;
mod headers;
mod health;
mod listeners;
mod log;
mod mode;
mod names;
mod networks;
mod process;
mod redirect;
mod routes;
mod stats;
mod timeouts;
mod tls;
mod whole;

pub use control::check as control;
pub use whole::{Place, check};

#[cfg(test)]
mod tests;
