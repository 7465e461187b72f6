//! Durations and sizes as they are written in the configuration: `"250ms"`, `"16KiB"`.
//!
//! Called by `config::reader` for every such key. Never guesses a missing unit: HAProxy takes
//! `timeout connect 5` for 5 ms and `maxidle 5` for 5 s, which is how people lose an afternoon.

use std::fmt;
use std::time::Duration;

/// Why a duration or size was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitError {
    /// Nothing but white space.
    Empty,
    /// Does not begin with a whole number.
    NoNumber,
    /// A number alone.
    NoUnit,
    /// A number followed by something that is not a unit.
    UnknownUnit,
    /// Larger than 64 bits of milliseconds or bytes.
    TooLarge,
}

impl fmt::Display for UnitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            UnitError::Empty => "is empty",
            UnitError::NoNumber => "does not begin with a whole number",
            UnitError::NoUnit => "has no unit",
            UnitError::UnknownUnit => "has an unknown unit",
            UnitError::TooLarge => "is too large",
        })
    }
}

/// Milliseconds of each duration unit.
const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes of each size unit.
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads `"250ms"`, `"2s"`, `"30m"`, `"8h"` or `"1d"`. The number is whole; zero is accepted here.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    number_with_unit(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// Reads `"512B"`, `"16KiB"`, `"1MiB"` or `"1GiB"` as bytes.
pub fn size(text: &str) -> Result<u64, UnitError> {
    number_with_unit(text, &SIZE_UNITS)
}

/// Writes a duration the way it is read, in the largest unit that holds it exactly.
pub fn show_duration(value: Duration) -> String {
    let milliseconds = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    show(milliseconds, &DURATION_UNITS)
}

/// Writes a size the way it is read, in the largest unit that holds it exactly.
pub fn show_size(bytes: u64) -> String {
    show(bytes, &SIZE_UNITS)
}

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Result<u64, UnitError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UnitError::Empty);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(UnitError::NoNumber);
    }
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Err(UnitError::NoUnit);
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit).ok_or(UnitError::UnknownUnit)?;
    let number: u64 = number.parse().map_err(|_| UnitError::TooLarge)?;
    number.checked_mul(*factor).ok_or(UnitError::TooLarge)
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    let exact = units.iter().rev().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    let (name, factor) = exact.unwrap_or(&units[0]);
    format!("{}{name}", value / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_duration_unit() {
        let cases =
            [("250ms", 250), ("2s", 2_000), ("30m", 1_800_000), ("8h", 28_800_000), ("1d", 86_400_000)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
            assert_eq!(show_duration(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(duration(" 5 s "), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn reads_every_size_unit() {
        for (text, bytes) in [("512B", 512), ("16KiB", 16_384), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(show_size(bytes), text);
        }
    }

    #[test]
    fn names_what_is_wrong() {
        let cases = [
            ("", UnitError::Empty),
            ("  ", UnitError::Empty),
            ("s", UnitError::NoNumber),
            ("-2s", UnitError::NoNumber),
            ("1.5s", UnitError::UnknownUnit),
            ("5", UnitError::NoUnit),
            ("5us", UnitError::UnknownUnit),
            ("5S", UnitError::UnknownUnit),
            ("5sec", UnitError::UnknownUnit),
            ("18446744073709551616ms", UnitError::TooLarge),
            ("18446744073709551615d", UnitError::TooLarge),
            ("٣s", UnitError::NoNumber),
        ];
        for (text, error) in cases {
            assert_eq!(duration(text), Err(error), "{text:?}");
        }
        assert_eq!(size("16KB"), Err(UnitError::UnknownUnit));
        assert_eq!(size("16k"), Err(UnitError::UnknownUnit));
    }

    #[test]
    fn shows_zero_in_the_smallest_unit() {
        assert_eq!(show_duration(Duration::ZERO), "0ms");
        assert_eq!(show_size(0), "0B");
        assert_eq!(show_duration(Duration::from_millis(90_000)), "90s");
    }
}
