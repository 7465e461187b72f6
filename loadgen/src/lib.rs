//! torii-loadgen as a library: the parts of the load generator, for its binary, its tests and benches.

pub mod measure;
pub mod record;

#[cfg(test)]
mod test_support;
