//! Numbers as people read them. Never prints a NaN, an infinity or a control character.

use std::time::{Duration, UNIX_EPOCH};

/// A time of nanoseconds with its unit and three to four digits: `812 ns`, `1.234 ms`, `61.20 s`.
pub fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0 => return "0".to_owned(),
        1..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// A mean or deviation, which may have a fraction.
pub fn duration_of_f64(ns: f64) -> String {
    duration(if ns.is_finite() && ns > 0.0 { ns.round() as u64 } else { 0 })
}

/// About four significant digits: `1.234`, `12.34`, `123.4`, `1234`.
fn digits(value: f64) -> String {
    let places = match value {
        value if value < 9.9995 => 3,
        value if value < 99.995 => 2,
        value if value < 999.95 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

/// A length of time that somebody chose: `10 s`, `1.5 s`, `250 ms`.
pub fn duration_in_words(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000_000 => return duration(ns),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let text = format!("{value:.3}");
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A count with its thousands set apart: `1,234,567`.
pub fn grouped(count: u64) -> String {
    let plain = count.to_string();
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (place, digit) in plain.chars().enumerate() {
        if place > 0 && (plain.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate in events per second: `4,999.8/s`, `30,000/s`, `0/s`.
pub fn rate(per_second: f64) -> String {
    let value = if per_second.is_finite() { per_second.clamp(0.0, 1e15) } else { 0.0 };
    let tenths = (value * 10.0).round() as u64;
    match tenths % 10 {
        0 => format!("{}/s", grouped(tenths / 10)),
        tenth if tenths < 100_000 => format!("{}.{tenth}/s", grouped(tenths / 10)),
        _ => format!("{}/s", grouped(value.round() as u64)),
    }
}

/// A share of 0 to 1 in per cent. Only what is whole prints as 100 %, only what is nothing as 0 %.
pub fn share(part: f64) -> String {
    let percent = if part.is_finite() { part.clamp(0.0, 1.0) * 100.0 } else { 0.0 };
    match percent {
        0.0 => "0 %".to_owned(),
        100.0 => "100 %".to_owned(),
        percent if percent < 0.001 => "< 0.001 %".to_owned(),
        percent if percent > 99.999 => "> 99.999 %".to_owned(),
        percent => {
            let text = format!("{percent:.3}");
            format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

/// A number of bytes: `812 B`, `1.234 MiB`.
pub fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for larger in units {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = larger;
    }
    if unit == "B" { format!("{count} B") } else { format!("{} {unit}", digits(value)) }
}

/// Text from a server, a file or a command line as it may be shown on a terminal: control
/// characters become visible, and at most `characters_max` characters are shown.
pub fn printable(text: &str, characters_max: usize) -> String {
    let mut shown = String::new();
    for (place, character) in text.chars().enumerate() {
        if place >= characters_max {
            shown.push('…');
            break;
        }
        let hidden =
            matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        shown.push(if character.is_control() || hidden { '·' } else { character });
    }
    shown
}

/// A wall-clock time of this machine's zone: `2026-09-09 14:03:21.123 +02:00`.
pub fn wall_clock(unix_ms: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms.min(253_402_300_799_000)));
    let time = chrono::DateTime::<chrono::Local>::from(time.unwrap_or(UNIX_EPOCH));
    time.format("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}
