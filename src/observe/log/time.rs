//! Local time in the two shapes that log lines need, rendered once per second, not per line.
//!
//! Owned by the log thread. Rendering asks the time zone database through chrono, which keeps it
//! per thread: no lock is taken for a line.

use chrono::{DateTime, Datelike as _, Local, Timelike as _};

/// Renders instants; remembers the seconds it rendered last.
#[derive(Debug)]
pub(super) struct LocalTime {
    /// Direct-mapped by second: lines of long requests carry old dates among new ones.
    seconds: [Second; CACHED_SECONDS],
}

#[derive(Debug, Clone, Copy)]
struct Second {
    unix: u64,
    /// `04/Jul/2023:04:01:52`
    date: [u8; 20],
    /// `Jul  4 04:01:52`
    stamp: [u8; 15],
}

impl Default for LocalTime {
    fn default() -> Self {
        // No time in milliseconds reaches this second, so no empty slot is taken for a rendered one.
        let empty = Second { unix: u64::MAX, date: [0; 20], stamp: [0; 15] };
        Self { seconds: [empty; CACHED_SECONDS] }
    }
}

impl LocalTime {
    /// Appends `dd/Mon/YYYY:HH:MM:SS.mmm`, HAProxy's `%tr`.
    pub(super) fn write_date(&mut self, unix_ms: u64, line: &mut Vec<u8>) {
        line.extend_from_slice(&self.second(unix_ms / 1000).date);
        let milliseconds = (unix_ms % 1000) as u16;
        line.extend_from_slice(&[
            b'.',
            digit(milliseconds / 100),
            digit(milliseconds / 10),
            digit(milliseconds),
        ]);
    }

    /// Appends `Mon dd hh:mm:ss`, the day padded with a space (RFC 3164 section 4.1.2).
    pub(super) fn write_stamp(&mut self, unix_ms: u64, line: &mut Vec<u8>) {
        line.extend_from_slice(&self.second(unix_ms / 1000).stamp);
    }

    fn second(&mut self, unix: u64) -> &Second {
        let slot = &mut self.seconds[(unix % CACHED_SECONDS as u64) as usize];
        if slot.unix != unix {
            *slot = render(unix);
        }
        slot
    }
}

const CACHED_SECONDS: usize = 64;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The last second of the year 9999, beyond which a year has no four digits.
const LAST_SECOND: u64 = 253_402_300_799 - 24 * 3600;

fn render(unix: u64) -> Second {
    let utc = DateTime::from_timestamp(unix.min(LAST_SECOND) as i64, 0)
        .expect("chrono's calendar reaches beyond the year 9999");
    let local = utc.with_timezone(&Local);
    let month = MONTHS[local.month0() as usize];
    let year = local.year() as u16;
    let day = local.day() as u16;
    let clock = [local.hour() as u16, local.minute() as u16, local.second() as u16];
    let [[h1, h2], [m1, m2], [s1, s2]] = clock.map(|value| [digit(value / 10), digit(value)]);

    let mut date = *b"dd/Mon/YYYY:HH:MM:SS";
    date[..2].copy_from_slice(&[digit(day / 10), digit(day)]);
    date[3..6].copy_from_slice(month);
    date[7..11].copy_from_slice(&[digit(year / 1000), digit(year / 100), digit(year / 10), digit(year)]);
    date[12..].copy_from_slice(&[h1, h2, b':', m1, m2, b':', s1, s2]);

    let mut stamp = *b"Mon dd HH:MM:SS";
    stamp[..3].copy_from_slice(month);
    stamp[4..6].copy_from_slice(&[if day < 10 { b' ' } else { digit(day / 10) }, digit(day)]);
    stamp[7..].copy_from_slice(&[h1, h2, b':', m1, m2, b':', s1, s2]);
    Second { unix, date, stamp }
}

/// The last decimal digit of a number.
fn digit(value: u16) -> u8 {
    b'0' + (value % 10) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn date(time: &mut LocalTime, unix_ms: u64) -> String {
        let mut line = Vec::new();
        time.write_date(unix_ms, &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn agrees_with_the_time_zone_database_across_the_years() {
        let mut time = LocalTime::default();
        // A prime step of about five and a half hours visits every hour, month and change of offset.
        for unix in (0..2_000_000_000).step_by(19_937 * 7) {
            let local = DateTime::from_timestamp(unix, 0).unwrap().with_timezone(&Local);
            let expected = local.format("%d/%b/%Y:%H:%M:%S.007").to_string();
            assert_eq!(date(&mut time, unix as u64 * 1000 + 7), expected);
            let mut stamp = Vec::new();
            time.write_stamp(unix as u64 * 1000, &mut stamp);
            assert_eq!(String::from_utf8(stamp).unwrap(), local.format("%b %e %H:%M:%S").to_string());
        }
    }

    #[test]
    fn seconds_that_share_a_slot_do_not_mix() {
        let mut time = LocalTime::default();
        let (early, late) = (1_700_000_000_999, 1_700_000_000_999 + 64_000);
        let first = date(&mut time, early);
        assert_ne!(date(&mut time, late), first);
        assert_eq!(date(&mut time, early), first);
        assert!(first.ends_with(".999"));
    }

    #[test]
    fn renders_the_start_of_time_and_its_end() {
        let mut time = LocalTime::default();
        assert_eq!(date(&mut time, 0).len(), 24);
        assert_eq!(date(&mut time, u64::MAX).len(), 24);
    }
}
