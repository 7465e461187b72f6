//! What is asked for, by whom, and what a good answer looks like. No socket, no clock.

mod endpoint;
mod expect;
mod jar;
mod mix;
mod persistence;
mod target;

pub use endpoint::{Endpoint, Secure};
pub use expect::{BodyCheck, Expectations, StatusSet};
pub use jar::{Jar, concerns};
pub use mix::Mix;
pub use persistence::{Claim, Persistence, PersistenceRule, Verdict};
pub use target::{Shape, Target, TargetUrl};
