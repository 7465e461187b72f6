//! sans-IO HTTP/1.1.

pub mod cacheable;
pub mod cookie;
