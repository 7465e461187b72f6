//! Durations and sizes as people write them.

/// A duration: a number with `ns`, `us`, `ms`, `s`, `m` or `h`; without one it means seconds.
///
/// # Errors
/// In words, for the command line.
pub fn duration_ns(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no duration: write 10s, 500ms, 1.5m or 2h");
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" | "" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let time_ns = number * factor;
    // A year, so that sums of durations stay far from the end of the numbers.
    if !(0.0..=31_536_000e9).contains(&time_ns) {
        return Err(wrong());
    }
    Ok(time_ns.round() as u64)
}

/// As `duration_ns`, and not zero.
///
/// # Errors
/// In words, for the command line.
pub fn some_time_ns(text: &str) -> Result<u64, String> {
    match duration_ns(text)? {
        0 => Err("must be longer than zero".to_owned()),
        time_ns => Ok(time_ns),
    }
}

/// A share in per cent, from 0 to 100, with or without its sign; as the number of per cent.
///
/// # Errors
/// In words, for the command line.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim();
    let percent: f64 = number.parse().map_err(|_| format!("{text:?} is not a number of per cent"))?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err("write 0 to 100".to_owned()) }
}

/// A size in bytes: a number with `k`, `M` or `G` for powers of 1024.
///
/// # Errors
/// In words, for the command line.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size: write 512, 10k or 1M");
    let (number, factor) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1u64 << 10),
        Some((at, 'M')) => (&text[..at], 1 << 20),
        Some((at, 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// A duration back in words, with the largest unit that keeps it whole.
pub fn in_words(time_ns: u64) -> String {
    let units = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let unit = units.iter().find(|(factor, _)| time_ns > 0 && time_ns.is_multiple_of(*factor));
    match unit {
        Some((factor, name)) => format!("{}{name}", time_ns / factor),
        None => format!("{time_ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        for (text, expected) in [
            ("10s", 10_000_000_000),
            ("500ms", 500_000_000),
            ("1.5m", 90_000_000_000),
            ("2", 2_000_000_000),
            ("0", 0),
            ("7us", 7_000),
        ] {
            assert_eq!(duration_ns(text), Ok(expected), "{text}");
        }
        for bad in ["", "s", "-1s", "1 s", "1d", "1e9s", "NaN", "inf", "1.1.1s", "9999999h"] {
            assert!(duration_ns(bad).is_err(), "{bad}");
        }
        assert_eq!((size("10k"), size("1M"), size("512")), (Ok(10_240), Ok(1 << 20), Ok(512)));
        assert_eq!((percent("0.1"), percent("2 %"), percent("100")), (Ok(0.1), Ok(2.0), Ok(100.0)));
        for bad in ["NaN", "nan", "-1", "100.1", "inf", ""] {
            assert!(percent(bad).is_err(), "{bad}");
        }
        assert!(size("k").is_err() && size("1.5k").is_err() && size("99999999999G").is_err());
        assert_eq!(
            (in_words(90_000_000_000), in_words(1_500_000), in_words(0)),
            ("90s".into(), "1500us".into(), "0ns".into())
        );
    }
}
