//! Odd requests through torii, HAProxy and nginx to a recording server: `bench/differential`, in short.
//!
//! The command ends with a fault if torii forwards what both others refuse, or a message that neither
//! of them forwards, or if its server gets anything that two readers could read differently.

use std::path::Path;
use std::process::Command;

use crate::peers;
use crate::proxies::{self, Kind};

/// Four cases of each class; `differential.py` alone runs 10,000.
const REQUESTS: &str = "300";

#[test]
fn torii_forwards_nothing_that_haproxy_and_nginx_would_not() {
    if proxies::subject() != Kind::Torii || !peers::available(&["haproxy", "nginx", "python3"]) {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/differential/differential.py");
    let mut command = Command::new(peers::find("python3").expect("found above"));
    command.arg(script).args(["--requests", REQUESTS]).args(["--torii", env!("CARGO_BIN_EXE_torii")]);
    let (output, text) = peers::run(&mut command);
    assert!(output.status.success(), "{text}");
    assert!(text.trim_end().ends_with(", 0 faulty"), "{text}");
}
