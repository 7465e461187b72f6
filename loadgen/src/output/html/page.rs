//! The page: the verdict first, then the plots, then everything they rest on.

use super::super::table::{advice, headline, schedule_in_words};
use super::super::text::{duration, rate, share};
use super::super::{failover, prose, steps};
use super::{curve, escaped, heat, tables, time};
use crate::measure::Kind;
use crate::record::{RunRecord, VerdictName};

const STYLE: &str = include_str!("report.css");

/// The report of a run.
pub fn html_report(record: &RunRecord) -> String {
    let title = record.description.targets.first().map_or("a run", |target| target.url.as_str());
    let title = escaped(&format!("{}: {title}", record.description.mode));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><style>{STYLE}</style></head><body>\n"
    );
    page += &head(record);
    page += &cards(record);
    for (heading, explanation, plot) in plots(record) {
        if let Some(plot) = plot {
            page += &section(heading, explanation, &plot);
        }
    }
    page += &section("Times", "", &(tables::times(record) + &gap_in_words(record)));
    page += &errors(record);
    if !record.rate_steps.is_empty() {
        page += &section("Steps", steps::LEGEND, &tables::rate_steps(record));
    }
    if !record.steps.is_empty() {
        page += &section("Steps of the search", "", &tables::steps(record));
    }
    if let Some(longest) = record.longest_gap.as_ref().filter(|_| record.description.mode == "gap") {
        page += &section("Failover", failover::LEGEND, &tables::failover(longest));
    }
    if record.description.mode == "gap" {
        let none = "<p>No gap was longer than the limit.</p>".to_owned();
        let body = if record.gaps.is_empty() { none } else { tables::gaps(record) };
        page += &section("Times without an answer", "", &body);
    }
    page += "<div class=\"columns\">";
    page += &section("Requests", "", &tables::counts(record));
    page += &section("Answers", "", &tables::answers(record));
    page += "</div>";
    page += &section("Environment", "", &tables::environment(record));
    page + "</body></html>\n"
}

fn head(record: &RunRecord) -> String {
    let name = record.verdict.name;
    let class = match name {
        VerdictName::Ok => "good",
        VerdictName::Failed | VerdictName::ClientLimited => "bad",
        VerdictName::TargetSaturated | VerdictName::Unstable => "fair",
    };
    let advice = advice(record);
    let target = record.description.targets.first();
    let target = target.map_or(String::new(), |target| escaped(&format!("{} {}", target.method, target.url)));
    let more = match record.description.targets.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let schedule = escaped(&schedule_in_words(&record.description));
    let mut text = format!(
        "<header><p class=\"what\"><code>{target}</code>{more} · {schedule}</p>\
         <h1><span class=\"verdict {class}\">{}</span>{advice}</h1><p class=\"headline\">{}</p>",
        name.label(),
        escaped(&headline(record))
    );
    let items = |sentences: &[String], class: &str| -> String {
        sentences.iter().map(|sentence| format!("<li class=\"{class}\">{}</li>", escaped(sentence))).collect()
    };
    let verdict = &record.verdict;
    if !verdict.reasons.is_empty() || !verdict.notes.is_empty() {
        text += &format!("<ul>{}{}</ul>", items(&verdict.reasons, "reason"), items(&verdict.notes, "note"));
    }
    text + "</header>"
}

fn cards(record: &RunRecord) -> String {
    let response = record.histogram(Kind::Response);
    let time = |name: &str| {
        if response.is_empty() { "–".to_owned() } else { duration(response.percentile_ns(name)) }
    };
    let planned = record.description.rate_per_second.filter(|_| record.description.open_loop);
    let mut cards = vec![
        ("planned", planned.map_or("–".to_owned(), rate)),
        ("answered", rate(record.achieved_per_second)),
        ("good", share(record.good_share())),
        ("p50", time("50")),
        ("p99", time("99")),
        ("p99.9", time("99.9")),
        ("max", if response.is_empty() { "–".to_owned() } else { duration(response.max_ns) }),
    ];
    if planned.is_none() {
        cards.remove(0);
    }
    let card =
        |(name, value): &(&str, String)| format!("<div><b>{}</b><span>{name}</span></div>", escaped(value));
    format!("<div class=\"cards\">{}</div>", cards.iter().map(card).collect::<String>())
}

type Plot = (&'static str, &'static str, Option<String>);

/// Keys to the colours, as HTML.
const TIMES_KEY: &str = "<span class=\"key response\"></span>response, from the planned time \
     <span class=\"key service\"></span>service, from the write";
const HEAT_KEY: &str = "Stronger colour: more answers. <span class=\"key p50\"></span>median of the second \
     <span class=\"key p99\"></span>99th percentile of the second";

fn plots(record: &RunRecord) -> [Plot; 6] {
    [
        (
            "Saturation",
            "<span class=\"key service\"></span>median and <span class=\"key response\"></span>99th percentile of \
             response times, by planned rate",
            curve::saturation_curve(record),
        ),
        ("Response time by percentile", TIMES_KEY, curve::percentile_curve(record)),
        ("Response time over time", HEAT_KEY, heat::heat_map(record)),
        (
            "Throughput",
            "<span class=\"key response\"></span>good answers <span class=\"key planned\"></span>planned requests",
            time::rates(record),
        ),
        (
            "Errors",
            "Requests without a good answer, by the second in which that was known.",
            time::errors(record),
        ),
        (
            "Connections",
            "<span class=\"key response\"></span>open connections <span class=\"key queued\"></span>requests waiting \
             for one",
            time::connections(record),
        ),
    ]
}

fn section(heading: &str, explanation: &str, body: &str) -> String {
    let explanation = match explanation {
        "" => String::new(),
        text => format!("<p class=\"legend\">{text}</p>"),
    };
    format!("<section><h2>{heading}</h2>{explanation}{body}</section>\n")
}

fn gap_in_words(record: &RunRecord) -> String {
    let sentences = prose::gap(record);
    if sentences.is_empty() {
        return String::new();
    }
    format!("<p class=\"words\">{}</p>", escaped(&sentences.join(" ")))
}

fn errors(record: &RunRecord) -> String {
    match tables::errors(record) {
        rows if rows.is_empty() => String::new(),
        rows => section("Errors by class", "", &rows),
    }
}
