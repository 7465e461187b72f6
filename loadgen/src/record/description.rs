//! What a run was asked to do, and to whom. Filled in by the engine's modes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

/// One target of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetDescription {
    /// The request method.
    pub method: String,
    /// The URL as it was given.
    pub url: String,
    /// Its share of the requests is its weight over the sum of all weights.
    pub weight: u32,
    /// Bytes of each request's body.
    pub body_bytes: u64,
    /// SHA-256 of it in hexadecimal; empty without a body.
    #[serde(default)]
    pub body_sha256: String,
}

/// A field that every request carried besides its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestField {
    /// Its name, as it was sent.
    pub name: String,
    /// Its value; of one that proves who somebody is, `sha256:` and the value's digest.
    pub value: String,
}

/// A file that went into a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// The option that named it.
    pub option: String,
    /// Its path as it was given.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl InputFile {
    /// Reads a file to its end, a piece at a time.
    ///
    /// # Errors
    /// The file system's.
    pub fn read(option: &str, path: &Path) -> io::Result<InputFile> {
        let mut file = File::open(path)?;
        let (mut digest, mut bytes, mut piece) = (Context::new(&SHA256), 0u64, vec![0; 64 * 1024]);
        loop {
            match file.read(&mut piece)? {
                0 => break,
                count => {
                    digest.update(&piece[..count]);
                    bytes = bytes.saturating_add(count as u64);
                }
            }
        }
        let (option, path) = (option.to_owned(), path.display().to_string());
        Ok(InputFile { option, path, bytes, sha256: hexadecimal(digest.finish().as_ref()) })
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hexadecimal(digest(&SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TargetDescription {
    /// The URL without scheme and authority: two runs may differ in where they were sent.
    pub fn path(&self) -> &str {
        let after_scheme = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        after_scheme.find(['/', '?']).map_or("/", |at| &after_scheme[at..])
    }
}

/// TLS as it was spoken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TlsDescription {
    /// `TLSv1.3`; empty when no handshake was completed.
    pub version: String,
    /// `TLS13_AES_128_GCM_SHA256`; empty when no handshake was completed.
    pub cipher: String,
    /// The protocol agreed on by ALPN; empty when none was.
    pub alpn: String,
    /// Whether sessions were resumed where the server allowed it.
    pub resumption: bool,
}

/// The request for a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The mode: `run`, `max`, `connect`, `search`, `gap`.
    pub mode: String,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// Whether requests are sent at planned times, whatever the answers do. In a closed loop each
    /// connection sends its next request after the last answer: then the latency says what a patient
    /// client sees and nothing about what independent users would.
    pub open_loop: bool,
    /// The schedule in words: `constant 5000/s`, `poisson 5000/s`, `ramp 100/s to 5000/s`.
    pub schedule: String,
    /// The mean planned rate in requests per second; `None` in a closed loop.
    pub rate_per_second: Option<f64>,
    /// The seed of everything random.
    pub seed: u64,
    /// Length of the schedule, warm-up included, in nanoseconds.
    pub duration_ns: u64,
    /// Set when somebody ended the run early: the length that was asked for.
    #[serde(default)]
    pub asked_duration_ns: Option<u64>,
    /// Of these, warm-up that is not measured.
    pub warm_up_ns: u64,
    /// Longest time for one request.
    pub timeout_ns: u64,
    /// Most connections at a time.
    pub connections: u64,
    /// Engine threads.
    pub threads: u64,
    /// Whether connections carry more than one request.
    pub keep_alive: bool,
    /// What was asked for.
    pub targets: Vec<TargetDescription>,
    /// Fields that were added to every request.
    #[serde(default)]
    pub request_fields: Vec<RequestField>,
    /// Addresses that the targets' names stood for.
    pub resolved: Vec<String>,
    /// TLS, if it was spoken.
    pub tls: Option<TlsDescription>,
    /// Whatever else shapes the load, in words: `think_time`: `10ms`, `users`: `100`.
    pub options: BTreeMap<String, String>,
    /// Files that went into it.
    #[serde(default)]
    pub inputs: Vec<InputFile>,
}

impl Description {
    /// Length of the measured part in seconds; 0 for a record that makes no sense.
    pub fn measured_seconds(&self) -> f64 {
        self.duration_ns.saturating_sub(self.warm_up_ns) as f64 / 1e9
    }
}
