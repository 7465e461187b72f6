//! The gap between response and service time in words: what a tool that starts its clock at the
//! write would have hidden, and where the time went.

use super::text::{duration, grouped};
use crate::measure::Kind;
use crate::record::RunRecord;

/// A gap below this share of the service time is not worth words.
const GAP_SHARE: f64 = 0.10;

/// Neither is a shorter one.
const GAP_MIN_NS: u64 = 50_000;

/// Lines about the gap; empty where there is nothing to explain.
pub(super) fn gap(record: &RunRecord) -> Vec<String> {
    let response = record.histogram(Kind::Response);
    let service = record.histogram(Kind::Service);
    if !record.description.open_loop || response.is_empty() {
        return Vec::new();
    }
    // The first of these where the two part is where the story begins.
    let parts = ["50", "90", "99", "99.9", "99.99"].into_iter().find(|name| {
        let (response, service) = (response.percentile_ns(name), service.percentile_ns(name));
        let gap = response.saturating_sub(service);
        gap >= GAP_MIN_NS && gap as f64 > service as f64 * GAP_SHARE
    });
    let Some(name) = parts else {
        return vec!["Response and service time agree: requests were written when they were due.".to_owned()];
    };
    let (from_plan, from_write) = (response.percentile_ns(name), service.percentile_ns(name));
    let mut lines = vec![
        format!(
            "From p{name} on, response ({}) is longer than service ({}): requests were due before they could be \
             written.",
            duration(from_plan),
            duration(from_write)
        ),
        "A user who came at that time waited the response time; a tool that starts its clock at the write shows \
         the service time and leaves the wait out (coordinated omission)."
            .to_owned(),
    ];
    lines.push(whereabouts(record, name));
    lines
}

/// Breaks a sentence into lines of a terminal's width.
pub(super) fn wrapped(sentence: &str, width: usize) -> Vec<String> {
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
    let causes = [
        (at(Kind::ClientWait), "waiting for a free connection"),
        (at(Kind::SendLag), "the client's own lateness"),
        (at(Kind::Connect).saturating_add(at(Kind::Tls)), "opening connections"),
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
