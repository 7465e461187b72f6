//! Choice of a server: sans-IO, called by a worker for each request.

pub mod cookie_date;
pub mod round_robin;
pub mod sticky;
