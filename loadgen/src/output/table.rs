//! The result as text: the verdict first, then everything it rests on.

use std::fmt::Write;

use super::chart::percentile_chart;
use super::prose;
use super::text::{
    bytes, duration, duration_in_words, duration_of_f64, grouped, printable, rate, share, wall_clock,
};
use crate::measure::Kind;
use crate::record::{Description, HistogramRecord, RunRecord, VerdictName, ratio};

/// Longest piece of outside text in one line.
const TEXT_MAX: usize = 160;

/// Longest example of an error: with what to do about it.
const EXAMPLE_MAX: usize = 400;

/// Columns of a line of prose.
const WIDTH: usize = 104;

/// Rows of lists that are printed; the JSON record has all.
const ROWS_MAX: usize = 20;

/// Columns of the table of times.
const COLUMNS: [&str; 6] = ["50", "90", "99", "99.9", "99.99", "max"];

/// The table of a run, with the outcomes of its conditions in words. `colour` for a terminal.
pub fn table(record: &RunRecord, conditions: &[super::Outcome], colour: bool) -> String {
    let mut text = String::new();
    verdict(&mut text, record, colour);
    for outcome in conditions {
        let mark = if outcome.broken { "✗" } else { "✓" };
        line(&mut text, &format!("  {mark} --fail-if {}", printable(&outcome.explanation, TEXT_MAX)));
    }
    request(&mut text, record);
    if record.histogram(Kind::Failed).is_empty() && record.histogram(Kind::Response).is_empty() {
        line(&mut text, "\nNothing was answered, so there are no times to show.");
    }
    times(&mut text, record);
    requests(&mut text, record);
    errors(&mut text, record);
    text.push_str(&super::failover::panel(record));
    text.push_str(&super::steps::table(record));
    text.push_str(&super::search::curve(record));
    distribution(&mut text, record);
    client(&mut text, record);
    text
}

/// Ends a line; writing into a string cannot fail.
fn line(text: &mut String, content: &str) {
    text.push_str(content.trim_end());
    text.push('\n');
}

/// What to do with the numbers, where the verdict's name is not enough.
pub(super) fn advice(record: &RunRecord) -> &'static str {
    let is_bound = record.search.as_ref().is_some_and(|search| search.highest_good_per_second.is_some());
    match record.verdict.name {
        VerdictName::ClientLimited if is_bound => " – a lower bound, the target may do more",
        VerdictName::ClientLimited => " – do not use these numbers",
        _ => "",
    }
}

/// The first line of any output: of a search, what it found; rates, share of good answers, response
/// times.
pub(super) fn headline(record: &RunRecord) -> String {
    let mut text = record.search.as_ref().map_or(String::new(), super::search::headline);
    if let Some(planned) = record.description.rate_per_second.filter(|_| record.description.open_loop) {
        let _ = write!(text, "{} planned, ", rate(planned));
    }
    let good = share(record.good_share());
    let _ = write!(text, "{} answered, {good} good", rate(record.achieved_per_second));
    let response = record.histogram(Kind::Response);
    if !response.is_empty() {
        let at = |name| duration(response.percentile_ns(name));
        let (p50, p99, p999, max) = (at("50"), at("99"), at("99.9"), duration(response.max_ns));
        let _ = write!(text, "; response p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}");
    }
    text
}

/// A sentence of the verdict, broken into lines.
fn bullet(text: &mut String, mark: char, sentence: &str) {
    for (place, part) in prose::wrapped(&printable(sentence, 600), WIDTH - 4).iter().enumerate() {
        let mark = if place == 0 { mark } else { ' ' };
        line(text, &format!("  {mark} {part}"));
    }
}

fn verdict(text: &mut String, record: &RunRecord, colour: bool) {
    let name = record.verdict.name;
    let advice = advice(record);
    let code = match name {
        VerdictName::Ok => "1;32",
        VerdictName::Failed | VerdictName::ClientLimited => "1;31",
        VerdictName::TargetSaturated | VerdictName::Unstable => "1;33",
    };
    let label = format!("{}{advice}", name.label());
    let label = if colour { format!("\x1b[{code}m{label}\x1b[0m") } else { label };
    line(text, &format!("{label}  {}", headline(record)));
    for reason in &record.verdict.reasons {
        bullet(text, '!', reason);
    }
    for note in &record.verdict.notes {
        bullet(text, '·', note);
    }
}

/// The loop and its schedule: `open loop, constant 5000/s`.
pub(super) fn schedule_in_words(description: &Description) -> String {
    let schedule = printable(&description.schedule, TEXT_MAX);
    match description.open_loop {
        true => format!("open loop, {schedule}"),
        false if schedule.starts_with("closed loop") => schedule,
        false => format!("closed loop, {schedule}"),
    }
}

fn request(text: &mut String, record: &RunRecord) {
    let description = &record.description;
    text.push('\n');
    for target in description.targets.iter().take(ROWS_MAX) {
        let weight = if description.targets.len() > 1 {
            format!("  (weight {})", target.weight)
        } else {
            String::new()
        };
        line(
            text,
            &format!("{} {}{weight}", printable(&target.method, 20), printable(&target.url, TEXT_MAX)),
        );
    }
    let schedule = schedule_in_words(description);
    let warm_up = match description.warm_up_ns {
        0 => String::new(),
        ns => format!(" after a warm-up of {}", duration_in_words(ns)),
    };
    let measured_ns = description.duration_ns.saturating_sub(description.warm_up_ns);
    line(
        text,
        &format!(
            "{schedule} for {}{warm_up}, up to {} connections{}, {} thread{}, seed {}",
            duration_in_words(measured_ns),
            grouped(description.connections),
            if description.keep_alive { "" } else { " of one request each" },
            description.threads,
            if description.threads == 1 { "" } else { "s" },
            description.seed,
        ),
    );
    if let Some(tls) = description.tls.as_ref().filter(|tls| !tls.version.is_empty()) {
        let (version, cipher) = (printable(&tls.version, 40), printable(&tls.cipher, 60));
        let (all, resumed) = (record.counts.handshakes, record.counts.handshakes_resumed);
        let (all, resumed) = (grouped(all), grouped(resumed));
        line(text, &format!("{version} {cipher}, {all} handshakes, {resumed} of them resumed"));
    }
    for (name, value) in description.options.iter().take(ROWS_MAX) {
        line(text, &format!("{}: {}", printable(name, 40), printable(value, TEXT_MAX)));
    }
}

/// The kinds in the order of the table, with their titles.
const TITLES: [(Kind, &str); 8] = [
    (Kind::Response, "response"),
    (Kind::Service, "service"),
    (Kind::FirstByte, "first byte"),
    (Kind::Connect, "connect"),
    (Kind::Tls, "TLS handshake"),
    (Kind::SendLag, "send lag"),
    (Kind::ClientWait, "client wait"),
    (Kind::Failed, "failed"),
];

/// Whether a row of times says anything. In a closed loop nothing is late and nothing waits.
fn tells(record: &RunRecord, histogram: &HistogramRecord) -> bool {
    !histogram.is_empty() && (record.description.open_loop || histogram.max_ns > 0)
}

fn times(text: &mut String, record: &RunRecord) {
    let shown: Vec<_> = TITLES
        .iter()
        .map(|&(kind, title)| (title, record.histogram(kind)))
        .filter(|row| tells(record, &row.1))
        .collect();
    if shown.is_empty() {
        return;
    }
    let mut head = format!("\n{:<14}", "");
    for column in COLUMNS {
        let title = if column == "max" { column.to_owned() } else { format!("p{column}") };
        let _ = write!(head, "{title:>10}");
    }
    line(text, &format!("{head}{:>10}{:>10}{:>13}", "mean", "stdev", "count"));
    for (title, histogram) in &shown {
        line(text, &row(title, histogram));
    }
    line(text, "");
    line(text, "response: from the planned time to the last byte.  service: from the write to the last byte");
    line(text, "(what a tool shows that forgets the wait).  failed: from the planned time to the error.");
    for sentence in prose::gap(record) {
        for part in prose::wrapped(&sentence, WIDTH) {
            line(text, &part);
        }
    }
}

fn row(title: &str, histogram: &HistogramRecord) -> String {
    let mut text = format!("{title:<14}");
    for column in COLUMNS {
        let value = if column == "max" { histogram.max_ns } else { histogram.percentile_ns(column) };
        let _ = write!(text, "{:>10}", duration(value));
    }
    let (mean, stdev) = (duration_of_f64(histogram.mean_ns), duration_of_f64(histogram.stdev_ns));
    let _ = write!(text, "{mean:>10}{stdev:>10}{:>13}", grouped(histogram.count));
    text
}

fn requests(text: &mut String, record: &RunRecord) {
    let counts = &record.counts;
    line(text, "");
    line(
        text,
        &format!(
            "requests      {} planned = {} offered + {} never sent;  offered = {} good + {} wrong + {} failed",
            grouped(counts.planned),
            grouped(counts.offered),
            grouped(counts.unsent()),
            grouped(counts.ok),
            grouped(counts.wrong),
            grouped(counts.failed)
        ),
    );
    let seconds = record.description.measured_seconds();
    let body_rate = if seconds > 0.0 { counts.body_bytes as f64 / seconds } else { 0.0 };
    line(
        text,
        &format!(
            "bytes         {} of bodies ({} per second), {} read, {} written",
            bytes(counts.body_bytes),
            bytes(body_rate as u64),
            bytes(counts.read_bytes),
            bytes(counts.written_bytes)
        ),
    );
    let mut connections = format!(
        "connections   {} opened, {} closed",
        grouped(counts.connections_opened),
        grouped(counts.connections_closed)
    );
    if counts.connections_unasked > 0 {
        let unasked = grouped(counts.connections_unasked);
        let _ = write!(connections, ", {unasked} of them because bytes came that nobody had asked for");
    }
    line(text, &connections);
    for sentence in super::prose::fairness(record) {
        line(text, &format!("fairness      {sentence}"));
    }
    if counts.persistence_kept > 0 {
        let (kept, users) = (grouped(counts.persistence_kept), grouped(counts.persistence_users));
        line(
            text,
            &format!(
                "persistence   {kept} answers to {users} users came from the server that the user's cookie names"
            ),
        );
    }
    let named = |entries: Vec<String>| entries.join("  ");
    let statuses =
        record.statuses.iter().take(ROWS_MAX).map(|(code, count)| format!("{code}: {}", grouped(*count)));
    if !record.statuses.is_empty() {
        line(text, &format!("statuses      {}", named(statuses.collect())));
    }
    if record.targets.len() > 1 {
        for target in record.targets.iter().take(ROWS_MAX) {
            let (ok, not_ok) = (grouped(target.ok), grouped(target.not_ok));
            line(
                text,
                &format!("target        {}: {ok} good, {not_ok} not", printable(&target.name, TEXT_MAX)),
            );
        }
    }
    let all: u64 = record.servers.values().fold(0, |sum, &count| sum.saturating_add(count));
    for (name, &count) in record.servers.iter().take(ROWS_MAX) {
        let part = share(ratio(count, all));
        line(text, &format!("server        {:<20} {:>12}  {part}", printable(name, 64), grouped(count)));
    }
}

fn errors(text: &mut String, record: &RunRecord) {
    let mut entries: Vec<_> = record.errors.entries().iter().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.count));
    if entries.is_empty() {
        return;
    }
    let classes =
        if entries.len() == 1 { "1 class".to_owned() } else { format!("{} classes", entries.len()) };
    line(text, &format!("\nerrors        {} in {classes}", grouped(record.errors.total())));
    for entry in entries.iter().take(ROWS_MAX) {
        let at = duration_in_words(entry.first_ns / 1_000_000 * 1_000_000);
        let example = match printable(&entry.first_example, EXAMPLE_MAX) {
            example if example.is_empty() => String::new(),
            example => format!(": {example}"),
        };
        let mut head = format!("{:>13} {:<20} ", grouped(entry.count), entry.class.label());
        let indent = head.chars().count();
        for part in prose::wrapped(&format!("first at {at}{example}"), WIDTH.saturating_sub(indent)) {
            line(text, &format!("{head}{part}"));
            head = " ".repeat(indent);
        }
    }
}

fn distribution(text: &mut String, record: &RunRecord) {
    let of = |kind: Kind| record.histogram(kind).histogram.histogram();
    let chart = percentile_chart(&of(Kind::Response), &of(Kind::Service));
    if chart.is_empty() {
        return;
    }
    line(text, "\n  ● response   ○ service");
    for row in chart {
        line(text, &row);
    }
}

fn client(text: &mut String, record: &RunRecord) {
    let client = &record.client;
    let cpu = client.cpu_seconds();
    let per_request = match record.counts.completed() {
        0 => String::new(),
        // In a warm-up requests cost CPU time too.
        completed => {
            let all = completed.saturating_add(record.counts.warm_up) as f64;
            format!(" ({} a request)", duration_of_f64(cpu * 1e9 / all))
        }
    };
    line(text, "");
    line(
        text,
        &format!(
            "client        CPU {}{per_request}, busiest thread {} of a core ({} in its busiest second)",
            duration_of_f64(cpu * 1e9),
            share(client.busy_share),
            share(client.busiest_second_share)
        ),
    );
    let host = &record.host;
    if !host.kernel.is_empty() {
        let governor = match host.governor.as_str() {
            "" => String::new(),
            governor => format!(", governor {}", printable(governor, 40)),
        };
        line(
            text,
            &format!(
                "machine       {}; {}, {} cores{}; load {}; stolen {}",
                printable(&host.kernel, 80),
                printable(&host.cpu_model, 80),
                host.cores,
                governor,
                printable(&host.load_average, 40),
                share(host.steal_share)
            ),
        );
    }
    line(text, &format!("began         {}", wall_clock(record.started_unix_ms)));
}
