//! A comparison as text, its verdict first.

use super::judgement::{Comparison, Direction, Finding};
use crate::output::{duration, rate, share, wrapped};

/// Columns of a line of prose.
const WIDTH: usize = 100;

/// The text of a comparison of sides with these names.
pub fn comparison_text(comparison: &Comparison, names: [&str; 2]) -> String {
    let mut text = format!("{}\n", comparison.verdict());
    for (letter, (name, runs)) in ["A", "B"].iter().zip(names.iter().zip(comparison.runs)) {
        let runs = if runs == 1 { "one run".to_owned() } else { format!("{runs} runs") };
        text.push_str(&format!("  {letter}  {name} ({runs})\n"));
    }
    let head = format!(
        "\n{:<16}{:>12}{:>12}{:>12}{:>9}   95 % interval of B − A\n",
        "response", "A", "B", "B − A", ""
    );
    text.push_str(&head);
    for finding in &comparison.findings {
        text.push_str(row(finding).trim_end());
        text.push('\n');
    }
    text.push('\n');
    for note in &comparison.notes {
        for (place, line) in wrapped(note, WIDTH).iter().enumerate() {
            text.push_str(&format!("  {} {line}\n", if place == 0 { '·' } else { ' ' }));
        }
    }
    text
}

/// A time, share or rate, by the finding's name.
fn value(name: &str, value: f64) -> String {
    match name {
        "errors" => share(value),
        "rate" => rate(value),
        _ => duration(value.max(0.0).round() as u64),
    }
}

/// The same with its sign.
fn signed(name: &str, change: f64) -> String {
    let size = value(name, change.abs());
    if size.starts_with("0") && size == value(name, 0.0) {
        return size;
    }
    let sign = if change < 0.0 { '−' } else { '+' };
    format!("{sign}{size}")
}

/// A share of change in per cent with its sign; nothing where it rounds to nothing.
fn percent(relative: f64) -> String {
    let tenths = (relative.clamp(-1e4, 1e4) * 1_000.0).round();
    match tenths {
        tenths if tenths < 0.0 => format!("−{:.1} %", -tenths / 10.0),
        tenths if tenths > 0.0 => format!("+{:.1} %", tenths / 10.0),
        _ => String::new(),
    }
}

fn row(finding: &Finding) -> String {
    let Finding { name, difference, direction } = finding;
    let relative = match difference.first > 0.0 {
        true => percent(difference.relative()),
        false => String::new(),
    };
    let interval =
        format!("{} … {}", signed(name, difference.likely.low), signed(name, difference.likely.high));
    let judgement = match direction {
        Direction::Worse => "✗ worse",
        Direction::Better => "✓ better",
        Direction::WorseHere => "✗ worse in these runs",
        Direction::BetterHere => "✓ better in these runs",
        Direction::Small => "within the tolerance",
        Direction::NotShown => "no difference shown",
        Direction::TooFew => "too few answers to say",
        Direction::NotJudged => "",
    };
    let (first, other) = (value(name, difference.first), value(name, difference.other));
    let change = signed(name, difference.change());
    format!("{name:<16}{first:>12}{other:>12}{change:>12}{relative:>9}   {interval:<26} {judgement}")
}
