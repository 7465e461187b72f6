//! The tables of the report.

use std::fmt::Write;

use super::super::text::{bytes, duration, duration_in_words, duration_of_f64, grouped, share, wall_clock};
use super::super::{failover, prose, search, steps};
use super::escaped;
use crate::measure::Kind;
use crate::record::{RunRecord, ratio};

/// Rows of one table; the JSON record has all.
const ROWS_MAX: usize = 100;

/// A table of head and rows, of cells that are HTML already. The first column is text, the rest
/// numbers.
fn table(class: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("<div class=\"scroll\"><table class=\"{class}\"><thead><tr>");
    for cell in head {
        let _ = write!(text, "<th>{cell}</th>");
    }
    text.push_str("</tr></thead><tbody>");
    for row in rows.iter().take(ROWS_MAX) {
        text.push_str("<tr>");
        for cell in row {
            let _ = write!(text, "<td>{cell}</td>");
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table></div>");
    text
}

const TIMES: [(Kind, &str, &str); 8] = [
    (Kind::Response, "response", "planned time to last byte"),
    (Kind::Service, "service", "write to last byte: the uncorrected time"),
    (Kind::FirstByte, "first byte", "write to first byte"),
    (Kind::Connect, "connect", "opening a TCP connection"),
    (Kind::Tls, "TLS handshake", "after the TCP connection"),
    (Kind::SendLag, "send lag", "the client's own lateness"),
    (Kind::ClientWait, "client wait", "waiting for a free connection"),
    (Kind::Failed, "failed", "planned time to the error"),
];

/// Every histogram's percentiles.
pub(super) fn times(record: &RunRecord) -> String {
    let columns = ["50", "90", "99", "99.9", "99.99"];
    let head = ["", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean", "stdev", "count"];
    let row = |&(kind, title, what): &(Kind, &str, &str)| {
        let histogram = record.histogram(kind);
        if histogram.is_empty() {
            return None;
        }
        let mut row = vec![format!("<b>{title}</b> <span class=\"dim\">{what}</span>")];
        row.extend(columns.iter().map(|name| duration(histogram.percentile_ns(name))));
        row.push(duration(histogram.max_ns));
        row.push(duration_of_f64(histogram.mean_ns));
        row.push(duration_of_f64(histogram.stdev_ns));
        row.push(grouped(histogram.count));
        Some(row)
    };
    table("wide", &head, &TIMES.iter().filter_map(row).collect::<Vec<_>>())
}

/// Errors by class, most frequent first; empty without any.
pub(super) fn errors(record: &RunRecord) -> String {
    let mut entries: Vec<_> = record.errors.entries().iter().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.count));
    let row = |entry: &&crate::measure::ErrorEntry| {
        vec![
            format!("<code>{}</code>", escaped(&entry.class.label())),
            grouped(entry.count),
            duration_in_words(entry.first_ns / 1_000_000 * 1_000_000),
            format!("<code>{}</code>", escaped(&entry.first_example)),
        ]
    };
    if entries.is_empty() {
        return String::new();
    }
    table(
        "errors",
        &["class", "count", "first at", "first example"],
        &entries.iter().map(row).collect::<Vec<_>>(),
    )
}

/// A name, a count, a share with a bar.
fn shares(title: &str, counts: &[(String, u64)]) -> String {
    let all = counts.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
    let row = |(name, count): &(String, u64)| {
        let part = ratio(*count, all);
        let width = part * 100.0;
        let bar = format!("<span class=\"bar\"><i style=\"width:{width:.1}%\"></i></span> {}", share(part));
        vec![escaped(name), grouped(*count), bar]
    };
    if counts.is_empty() {
        return String::new();
    }
    table("shares", &[title, "answers", "share"], &counts.iter().map(row).collect::<Vec<_>>())
}

/// Answers by status, server and target.
pub(super) fn answers(record: &RunRecord) -> String {
    let statuses: Vec<_> = record.statuses.iter().map(|(code, count)| (code.to_string(), *count)).collect();
    let servers: Vec<_> = record.servers.iter().map(|(name, count)| (name.clone(), *count)).collect();
    let mut text = shares("status", &statuses) + &shares("server", &servers);
    if record.targets.len() > 1 {
        let targets: Vec<_> = record.targets.iter().map(|target| (target.name.clone(), target.ok)).collect();
        text += &shares("target", &targets);
    }
    text
}

/// Rows of names and values, both of outside text.
fn pairs(rows: &[(&str, String)]) -> String {
    let mut text = String::from("<dl>");
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(text, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
    }
    text + "</dl>"
}

/// The bookkeeping of requests.
pub(super) fn counts(record: &RunRecord) -> String {
    let counts = &record.counts;
    let connections = format!(
        "{} opened, {} closed",
        grouped(counts.connections_opened),
        grouped(counts.connections_closed)
    );
    let handshakes = match counts.handshakes {
        0 => String::new(),
        all => format!("{}, of them {} resumed", grouped(all), grouped(counts.handshakes_resumed)),
    };
    let kept = match counts.persistence_kept {
        0 => String::new(),
        kept => format!("{} answers to {} users", grouped(kept), grouped(counts.persistence_users)),
    };
    pairs(&[
        ("planned", grouped(counts.planned)),
        ("never sent", grouped(counts.unsent())),
        ("offered", grouped(counts.offered)),
        ("good answers", grouped(counts.ok)),
        ("wrong answers", grouped(counts.wrong)),
        ("failed", grouped(counts.failed)),
        ("warm-up, not counted", grouped(counts.warm_up)),
        ("bodies", bytes(counts.body_bytes)),
        ("read / written", format!("{} / {}", bytes(counts.read_bytes), bytes(counts.written_bytes))),
        ("connections", connections),
        ("TLS handshakes", handshakes),
        ("persistence kept", kept),
        ("fairness", prose::fairness(record).join("; ")),
    ])
}

/// What is needed to run it again.
pub(super) fn environment(record: &RunRecord) -> String {
    let (description, host, client) = (&record.description, &record.host, &record.client);
    let target = |target: &crate::record::TargetDescription| format!("{} {}", target.method, target.url);
    let tls = description
        .tls
        .as_ref()
        .map_or(String::new(), |tls| format!("{} {} {}", tls.version, tls.cipher, tls.alpn));
    let field = |field: &crate::record::RequestField| format!("{}: {}", field.name, field.value);
    let fields: Vec<String> = description.request_fields.iter().take(ROWS_MAX).map(field).collect();
    let input = |input: &crate::record::InputFile| {
        format!("{} {} ({}, SHA-256 {})", input.option, input.path, bytes(input.bytes), input.sha256)
    };
    let inputs: Vec<String> = description.inputs.iter().take(ROWS_MAX).map(input).collect();
    let threads = client.threads_user_ns.iter().zip(&client.threads_system_ns).take(ROWS_MAX);
    let thread = |(user, system): (&u64, &u64)| format!("{} + {}", duration(*user), duration(*system));
    let threads: Vec<String> = threads.map(thread).collect();
    let mut rows = vec![
        ("command", record.command_line()),
        ("targets", description.targets.iter().take(ROWS_MAX).map(target).collect::<Vec<_>>().join(", ")),
        ("addresses", description.resolved.join(", ")),
        (
            "schedule",
            format!(
                "{}, {} loop",
                description.schedule,
                if description.open_loop { "open" } else { "closed" }
            ),
        ),
        ("duration", duration_in_words(description.duration_ns)),
        ("warm-up", duration_in_words(description.warm_up_ns)),
        ("connections", grouped(description.connections)),
        ("threads", description.threads.to_string()),
        ("time-out", duration_in_words(description.timeout_ns)),
        ("seed", description.seed.to_string()),
        ("TLS", tls),
        ("header fields", fields.join(", ")),
        ("input files", inputs.join(", ")),
        ("began", wall_clock(record.started_unix_ms)),
        ("ended", wall_clock(record.ended_unix_ms)),
        (
            "client CPU",
            format!(
                "{} (busiest thread {} of a core, {} in its busiest second)",
                duration_of_f64(client.cpu_seconds() * 1e9),
                share(client.busy_share),
                share(client.busiest_second_share)
            ),
        ),
        ("user + system of each thread", threads.join(", ")),
        (
            "context switches",
            format!(
                "{} by waiting, {} by force",
                grouped(client.voluntary_switches),
                grouped(client.involuntary_switches)
            ),
        ),
        ("kernel", host.kernel.clone()),
        ("processor", format!("{}, {} cores", host.cpu_model, host.cores)),
        ("governor", host.governor.clone()),
        ("SMT", host.smt.clone()),
        ("virtual machine", if host.virtual_machine { "yes" } else { "no" }.to_owned()),
        ("memory", bytes(host.memory_kib.saturating_mul(1_024))),
        ("load before", host.load_average.clone()),
        ("stolen by the hypervisor", share(host.steal_share)),
    ];
    rows.extend(
        description.options.iter().take(ROWS_MAX).map(|(name, value)| (name.as_str(), value.clone())),
    );
    rows.extend(host.settings.iter().take(ROWS_MAX).map(|(name, value)| (name.as_str(), value.clone())));
    rows.push(("torii-loadgen", record.tool_version.clone()));
    pairs(&rows)
}

/// What the longest gap looked like.
pub(super) fn failover(gap: &crate::record::GapRecord) -> String {
    pairs(&failover::facts(gap))
}

/// Times without an answer.
pub(super) fn gaps(record: &RunRecord) -> String {
    let row = |gap: &crate::record::GapRecord| {
        vec![
            wall_clock(gap.start_unix_ms),
            duration(gap.length_ns),
            grouped(gap.failed),
            escaped(&gap.classes()),
            escaped(&format!("{} → {}", gap.server_before, gap.server_after)),
        ]
    };
    let head = ["last answer before", "length", "failed", "classes", "server before → after"];
    table("gaps", &head, &record.gaps.iter().map(row).collect::<Vec<_>>())
}

/// Steps of a schedule.
pub(super) fn rate_steps(record: &RunRecord) -> String {
    table("wide", &steps::COLUMNS, &record.rate_steps.iter().map(steps::cells).collect::<Vec<_>>())
}

/// Steps of a search.
pub(super) fn steps(record: &RunRecord) -> String {
    let row = |step: &&crate::record::StepRecord| {
        let cells = search::cells(step).into_iter().chain([escaped(&search::fate(record, step))]);
        match search::is_knee(record, step) {
            true => cells.map(|cell| format!("<b>{cell}</b>")).collect(),
            false => cells.collect(),
        }
    };
    let head = ["planned", "offered", "achieved", "p50", "p99", "p99.9", "not good", "client CPU", ""];
    table("wide", &head, &search::by_rate(record).iter().map(row).collect::<Vec<_>>())
}
