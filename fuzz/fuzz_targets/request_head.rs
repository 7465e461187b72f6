//! libFuzzer's way into `bodies/request_head.rs`; see `fuzz/README.md`.
#![no_main]

#[allow(dead_code)]
#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::request_head::run(data));
