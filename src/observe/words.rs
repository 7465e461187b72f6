//! Figures as people read them: spans of time, numbers, moments.
//!
//! Used by what is shown to operators (`torii status`, the statistics page); never while requests are
//! served.

use std::time::Duration;

use chrono::{DateTime, Local, TimeZone};

/// `3d 4h`, `4h 2m`, `2m 5s`, `5.3 s`, `240 ms`: two units, so that it can be read at a glance.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match seconds {
        86_400.. => format!("{days}d {hours}h"),
        3_600.. => format!("{hours}h {minutes}m"),
        60.. => format!("{minutes}m {}s", seconds % 60),
        1.. => format!("{:.1} s", duration.as_secs_f64()),
        0 => format!("{} ms", duration.as_millis()),
    }
}

/// The same of milliseconds.
pub fn span_ms(ms: u64) -> String {
    span(Duration::from_millis(ms))
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Local time to the second; `?` where the number is none.
pub fn moment(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Local.timestamp_millis_opt(ms).single());
    time.map_or_else(|| "?".into(), |time: DateTime<Local>| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_are_short() {
        let spans = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_940, "59.9 s"),
            (61_000, "1m 1s"),
            (3_600_000, "1h 0m"),
            (90_000_000, "1d 1h"),
        ];
        for (ms, expected) in spans {
            assert_eq!(span_ms(ms), expected);
        }
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn a_moment_is_of_this_century() {
        assert!(moment(1_700_000_000_000).starts_with("2023-11-1"));
        assert_eq!(moment(u64::MAX), "?");
    }
}
