//! Snapshot build.
