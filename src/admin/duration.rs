//! Durations in the few letters that HAProxy's page gives them.
//!
//! Called by `page`.

use std::time::Duration;

/// At most two neighbouring units, those of zero left out: `0s` `45s` `2m5s` `1h` `1h3m` `3d4h`.
pub(super) fn short(seconds: u64) -> String {
    const UNITS: [(u64, u64, char, char); 3] =
        [(86_400, 3_600, 'd', 'h'), (3_600, 60, 'h', 'm'), (60, 1, 'm', 's')];
    for (large, small, large_name, small_name) in UNITS {
        if seconds < large {
            continue;
        }
        let rest = seconds % large / small;
        let first = format!("{}{large_name}", seconds / large);
        return if rest == 0 { first } else { format!("{first}{rest}{small_name}") };
    }
    format!("{seconds}s")
}

/// The uptime: `1d 2h03m04s`.
pub(super) fn long(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_at_most_two_neighbouring_units() {
        let cases = [
            (0, "0s"),
            (45, "45s"),
            (60, "1m"),
            (125, "2m5s"),
            (3_600, "1h"),
            (3_605, "1h"),
            (3_780, "1h3m"),
            (86_400, "1d"),
            (86_400 + 59, "1d"),
            (3 * 86_400 + 4 * 3_600 + 59, "3d4h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(short(seconds), text);
        }
    }

    #[test]
    fn shows_the_uptime_in_full() {
        assert_eq!(long(Duration::from_secs(4)), "0d 0h00m04s");
        assert_eq!(long(Duration::from_secs(93_784)), "1d 2h03m04s");
    }
}
