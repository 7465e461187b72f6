//! The statistics service: HTTP over its own listeners, on the control thread's runtime.
//!
//! ```text
//! service (accept, TLS, limits) ─▶ route (path, auth) ─▶ page (HTML) or observe::stats (CSV)
//! ```
//!
//! It reads what workers count and never touches traffic.

mod auth;
mod duration;
mod page;
mod pair;
mod route;
mod service;
#[cfg(test)]
mod test_support;

pub use service::serve;
