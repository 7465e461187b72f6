//! torii-loadgen as a library: the parts of the load generator, for its binary, its tests and benches.

pub mod cli;
pub mod compare;
pub mod engine;
pub mod gaps;
pub mod limits;
pub mod measure;
pub mod origin;
pub mod output;
pub mod record;
pub mod request;
pub mod response;
pub mod schedule;
pub mod tls;

#[cfg(test)]
mod test_support;
