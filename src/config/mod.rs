//! The configuration file: text -> `schema` (what was written, with places) -> `check` -> `model`.
//!
//! [`load`] and [`parse`] read files and touch nothing else: no address is bound, no name is
//! resolved, no user is looked up. Everything wrong is reported in one [`Report`].

pub mod check;
pub mod load;
pub mod model;
pub mod reader;
pub mod report;
pub mod schema;
mod socket;
pub mod units;

pub use load::{load, parse};
pub use report::Report;
pub use socket::control_socket;
