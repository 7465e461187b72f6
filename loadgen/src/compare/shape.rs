//! Whether two runs may be compared at all: they must have asked the same in the same way, from the
//! same machine, and both must be fit for use.

use std::collections::BTreeMap;

use crate::output::{duration_in_words, printable};
use crate::record::{Description, RunRecord, VerdictName};

/// What keeps runs from being compared, each with both sides; empty if nothing does.
///
/// The target's address is left out: comparing two servers is what a comparison is for.
pub fn obstacles(first: &RunRecord, other: &RunRecord) -> Vec<String> {
    let mut obstacles = Vec::new();
    for (name, record) in [("A", first), ("B", other)] {
        if matches!(record.verdict.name, VerdictName::ClientLimited | VerdictName::Failed) {
            let reason = record.verdict.reasons.first().map_or("", String::as_str);
            let reason = printable(reason, 300);
            obstacles.push(format!("a run of {name} is {}: {reason}", record.verdict.name.label()));
        }
    }
    let (left, right) = (traits_of(first), traits_of(other));
    for ((name, left), (_, right)) in left.into_iter().zip(right) {
        differ(&mut obstacles, name, &left, &right);
    }
    let (left, right) = (&first.description.options, &other.description.options);
    let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = |options: &BTreeMap<String, String>| {
            options.get(name).map_or_else(|| "not given".to_owned(), String::clone)
        };
        differ(&mut obstacles, &printable(name, 40), &value(left), &value(right));
    }
    obstacles
}

fn differ(obstacles: &mut Vec<String>, name: &str, left: &str, right: &str) {
    if left != right {
        let (left, right) = (printable(left, 200), printable(right, 200));
        obstacles.push(format!("{name} differs: {left} and {right}"));
    }
}

/// Everything that shapes the numbers besides the target, by name.
fn traits_of(record: &RunRecord) -> Vec<(&'static str, String)> {
    let Description {
        mode,
        open_loop,
        schedule,
        duration_ns,
        warm_up_ns,
        seed,
        timeout_ns,
        connections,
        threads,
        keep_alive,
        targets,
        request_fields,
        tls,
        ..
    } = &record.description;
    let targets: Vec<String> = targets
        .iter()
        .map(|target| {
            let path = target.path();
            let body = match target.body_sha256.as_str() {
                "" => format!("body {} B", target.body_bytes),
                digest => format!("body {} B, SHA-256 {digest}", target.body_bytes),
            };
            format!("{} {path} (weight {}, {body})", target.method, target.weight)
        })
        .collect();
    let fields: Vec<String> =
        request_fields.iter().map(|field| format!("{}: {}", field.name, field.value)).collect();
    let tls = tls.as_ref().map_or("none".to_owned(), |tls| {
        format!(
            "{} {} {} resumption {}",
            tls.version,
            tls.cipher,
            tls.alpn,
            if tls.resumption { "on" } else { "off" }
        )
    });
    let host = &record.host;
    vec![
        ("the mode", mode.clone()),
        ("the loop", if *open_loop { "open" } else { "closed" }.to_owned()),
        ("the schedule", schedule.clone()),
        ("the seed", seed.to_string()),
        ("the duration", duration_in_words(*duration_ns)),
        ("the warm-up", duration_in_words(*warm_up_ns)),
        ("the time-out", duration_in_words(*timeout_ns)),
        ("the number of connections", connections.to_string()),
        ("the number of threads", threads.to_string()),
        ("keep-alive", if *keep_alive { "on" } else { "off" }.to_owned()),
        ("what is requested", targets.join(", ")),
        ("a header of the requests", fields.join(", ")),
        ("TLS", tls),
        ("the client's machine", format!("{}, {} cores, {}", host.cpu_model, host.cores, host.kernel)),
    ]
}
