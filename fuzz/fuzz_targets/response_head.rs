//! libFuzzer's way into `bodies/response_head.rs`; see `fuzz/README.md`.
#![no_main]

#[allow(dead_code)]
#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::response_head::run(data));
