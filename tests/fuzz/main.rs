//! The bodies of the fuzz targets, run over the committed corpus and over seeded mutations of it.
//!
//! What a fuzzer once found stays found: every crash is a file of the corpus. `fuzz/README.md` tells
//! how to run the fuzzers themselves.

#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/bodies/mod.rs"]
mod bodies;
mod mutate;

use std::path::{Path, PathBuf};

use mutate::Mutator;

/// Mutations tried by each test.
const MUTATIONS: usize = 10_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The corpus of a target, in the order of file names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join("corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// Runs one body over everything; a panic is repeated with the input that caused it.
fn run(target: &str, body: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "no corpus of {target}");
    let attempt = |input: &[u8], origin: &dyn Fn() -> String| {
        let result = std::panic::catch_unwind(|| body(input));
        assert!(result.is_ok(), "{target}, {}: {}", origin(), input.escape_ascii());
    };
    for (name, input) in &corpus {
        attempt(input, &|| format!("corpus file {name}"));
    }
    let dictionary = std::fs::read_to_string(folder().join("dictionaries").join(format!("{target}.dict")));
    let mut mutator = Mutator::new(&corpus, &dictionary.unwrap());
    for number in 0..MUTATIONS {
        let input = mutator.next();
        attempt(&input, &|| format!("mutation {number}"));
    }
}

#[test]
fn request_heads_hold_against_httparse_and_their_own_forwarding() {
    run("request_head", bodies::request_head::run);
}

#[test]
fn response_heads_hold_against_httparse_and_their_own_forwarding() {
    run("response_head", bodies::response_head::run);
}

#[test]
fn chunked_bodies_hold_against_a_slow_reference() {
    run("chunked", bodies::chunked::run);
}

#[test]
fn cookie_stripping_holds_against_a_slow_reference() {
    run("cookie_strip", bodies::cookie_strip::run);
}

#[test]
fn client_hellos_hold_against_rustls() {
    run("client_hello", bodies::client_hello::run);
}

#[test]
fn configurations_never_panic_and_every_finding_has_its_place() {
    run("configuration", bodies::configuration::run);
}

#[test]
fn proxy_headers_hold_against_a_slow_reference() {
    run("proxy_header", bodies::proxy_header::run);
}

#[test]
fn vrrp_packets_hold_against_a_slow_reading_of_the_rfcs() {
    run("vrrp_packet", bodies::vrrp_packet::run);
}
