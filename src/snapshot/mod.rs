//! What control publishes and workers read.

pub mod build;
pub mod model;
pub mod publish;
pub mod routing;
pub mod server_state;

pub use build::Room;
pub use model::{Backend, Gauge, Listener, Server, Snapshot, Taken, TrafficLimits};
pub use routing::{Action, Forward, RouteIndex, Routes};
pub use server_state::{HealthReport, ServerState};
