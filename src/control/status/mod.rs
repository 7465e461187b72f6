//! The whole node at one look: what `torii status` shows.
//!
//! * `model` is what is said of it; its field names are the keys of `--json`.
//! * `collect` looks at everything, whenever somebody asks.

mod collect;
mod model;

pub use collect::{Phase, StatusSource};
pub use model::{
    BackendStatus, ConnectionStatus, LimitHit, ListenerStatus, LogStatus, NodeState, NodeStatus,
    ServerStatus, WorkerStatus,
};
