//! libFuzzer's way into `bodies/chunked.rs`; see `fuzz/README.md`.
#![no_main]

#[allow(dead_code)]
#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::chunked::run(data));
