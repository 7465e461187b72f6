//! When each request of a run is due, fixed before the run begins: no socket, no clock.
//!
//! The schedule is one global sequence `t_0, t_1, …` that depends on the shape, the duration and the
//! seed alone. Threads share it out by number, so the same run has the same times on any machine with
//! any number of threads.

mod arrivals;
mod random;
mod rate;
mod replay;
mod shape;

pub use arrivals::{Arrival, Arrivals, Schedule, Spacing};
pub use random::Random;
pub use rate::Rate;
pub use replay::{Times, read_times};
pub use shape::{Shape, Step};
