//! Choice of a server: sans-IO, called by a worker for each request.

pub mod algorithm;
pub mod cookie_date;
pub mod least_conn;
pub mod queue;
pub mod random;
pub mod round_robin;
pub mod source;
pub mod sticky;

pub use algorithm::{Algorithm, Balance};
