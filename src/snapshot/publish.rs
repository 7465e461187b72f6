//! Snapshot publish.
