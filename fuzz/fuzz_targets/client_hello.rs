//! libFuzzer's way into `bodies/client_hello.rs`; see `fuzz/README.md`.
#![no_main]

#[allow(dead_code)]
#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::client_hello::run(data));
