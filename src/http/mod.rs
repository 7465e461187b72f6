//! sans-IO HTTP/1.1.
