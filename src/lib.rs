//! torii: a redundant pair of HTTP load balancers in one binary.
//!
//! The module tree in dependency order; nothing points back:
//!
//! ```text
//! cli -> control -> {admin, ha, health, config, snapshot, observe}
//!        proxy   -> {net, tls, http, balance, proxy_protocol, snapshot, observe}
//!        config, snapshot, proxy -> address
//!        ha      -> {config, snapshot, observe}
//! address, http, balance, proxy_protocol, health::machine, ha::vrrp import nothing but limits
//! config, tls -> small_file
//! ```
//!
//! `control` and `proxy` meet only in `snapshot`, `observe` and a small mailbox.
//! `docs/ARCHITECTURE.md` walks one request through these files.

pub mod limits;
pub mod small_file;

pub mod address;
pub mod balance;
pub mod config;
pub mod ha;
pub mod health;
pub mod http;
pub mod net;
pub mod observe;
pub mod proxy_protocol;
pub mod snapshot;
pub mod tls;

pub mod admin;
pub mod control;
pub mod proxy;

pub mod cli;
