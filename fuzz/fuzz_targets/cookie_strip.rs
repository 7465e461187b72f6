//! libFuzzer's way into `bodies/cookie_strip.rs`; see `fuzz/README.md`.
#![no_main]

#[allow(dead_code)]
#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::cookie_strip::run(data));
