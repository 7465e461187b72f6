//! The gap between response and service time in words: what a tool that starts its clock at the
//! write would have hidden, and where the time went.

use super::text::{duration, grouped};
use crate::measure::Kind;
use crate::record::{RunRecord, ratio};

/// A gap below this share of the service time is not worth words.
const GAP_SHARE: f64 = 0.10;

/// The percentiles that are looked at.
const PERCENTILES: [&str; 5] = ["50", "90", "99", "99.9", "99.99"];

/// Share of the requests that must have opened a connection for that to explain a wait.
const CONNECTS_SHARE: f64 = 0.01;

/// Neither is a shorter one.
const GAP_MIN_NS: u64 = 50_000;

/// Lines about the gap; empty where there is nothing to explain.
pub(super) fn gap(record: &RunRecord) -> Vec<String> {
    let response = record.histogram(Kind::Response);
    let service = record.histogram(Kind::Service);
    if !record.description.open_loop || response.is_empty() {
        return Vec::new();
    }
    let gap_at = |name: &str| {
        let (response, service) = (response.percentile_ns(name), service.percentile_ns(name));
        let gap = response.saturating_sub(service);
        (gap >= GAP_MIN_NS && gap as f64 > service as f64 * GAP_SHARE).then_some(gap)
    };
    // Where the two part is where the story begins; where they are farthest apart it is told.
    let begins = PERCENTILES.into_iter().find(|name| gap_at(name).is_some());
    let widest = PERCENTILES.into_iter().rev().max_by_key(|name| gap_at(name));
    let (Some(begins), Some(widest)) = (begins, widest) else {
        return vec!["Response and service time agree: requests were written when they were due.".to_owned()];
    };
    let (from_plan, from_write) = (response.percentile_ns(widest), service.percentile_ns(widest));
    vec![
        format!(
            "From p{begins} on, response is longer than service: requests were due before they could be written. \
             At p{widest} it is {} against {}.",
            duration(from_plan),
            duration(from_write)
        ),
        "A user who came at that time waited the response time; a tool that starts its clock at the write shows \
         the service time and leaves the wait out (coordinated omission)."
            .to_owned(),
        whereabouts(record, widest),
    ]
}

/// How evenly servers and connections were used; a line for each that is known.
pub(super) fn fairness(record: &RunRecord) -> Vec<String> {
    let one_or = |count: u64, name: &str| match count {
        1 => format!("1 {name}"),
        count => format!("{} {name}s", grouped(count)),
    };
    let spread = |min, median, max| {
        let (min, median, max) = (grouped(min), grouped(median), grouped(max));
        format!("answers on each: min {min}, median {median}, max {max}")
    };
    let servers = record.server_fairness.as_ref().map(|servers| {
        let spread = spread(servers.answers_min, servers.answers_median, servers.answers_max);
        format!("{}, {spread}", one_or(servers.servers, "server"))
    });
    let connections = record.fairness.as_ref().map(|ended| {
        let spread = spread(ended.answers_min, ended.answers_median, ended.answers_max);
        format!("{}, {spread}", one_or(ended.connections, "connection"))
    });
    servers.into_iter().chain(connections).collect()
}

/// Breaks a sentence into lines of a terminal's width.
pub fn wrapped(sentence: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let last = lines.last_mut().expect("there is a line from the start");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}

/// Names the largest of the known causes.
fn whereabouts(record: &RunRecord, name: &str) -> String {
    let at = |kind: Kind| record.histogram(kind).percentile_ns(name);
    let connects = ratio(record.counts.connections_opened, record.counts.offered) >= CONNECTS_SHARE;
    let opening = at(Kind::Connect).saturating_add(at(Kind::Tls));
    let causes = [
        (at(Kind::ClientWait), "waiting for a free connection"),
        (at(Kind::SendLag), "the client's own lateness"),
        (if connects { opening } else { 0 }, "opening connections"),
    ];
    let (longest, cause) = causes.into_iter().max_by_key(|(ns, _)| *ns).unwrap_or((0, ""));
    if longest == 0 {
        return "Nothing that was measured apart explains the wait.".to_owned();
    }
    let hint = if cause.starts_with("waiting") {
        format!(
            " All {} connections were busy then: the target was slow, or `--connections` is too small for this rate.",
            grouped(record.description.connections)
        )
    } else {
        String::new()
    };
    format!("The largest part was {cause} (p{name} {}).{hint}", duration(longest))
}
