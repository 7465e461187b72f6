//! Choice of a server: sans-IO, called by a worker for each request.

pub mod sticky;
