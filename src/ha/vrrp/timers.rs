//! The two times of VRRP that follow from priority and interval, to the microsecond.
//!
//! RFC 3768 and RFC 9568, section 6.1 both. Version 3 says hundredths of a second, but with adverts each
//! 10 ms that would make every skew zero, so this computes in microseconds, as keepalived does.

use std::time::Duration;

use super::Version;

/// How long a standby of this priority waits longer than one of priority 256 would: the better it is, the
/// shorter. Version 2: up to one second, whatever the interval; version 3: up to one interval of the active node.
pub fn skew_time(version: Version, priority: u8, master_interval: Duration) -> Duration {
    let unit = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => master_interval,
    };
    let microseconds = u64::try_from(unit.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(microseconds.saturating_mul(256 - u64::from(priority)) / 256)
}

/// How long the active node may be silent before a standby of this priority takes over.
pub fn master_down_interval(
    version: Version,
    priority: u8,
    master_interval: Duration,
    down_adverts: u32,
) -> Duration {
    master_interval.saturating_mul(down_adverts).saturating_add(skew_time(version, priority, master_interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_and_down_interval_are_those_of_keepalived() {
        let rows = [
            (99, 613_281, 3_613_281, 361_328, 36_132),
            (100, 609_375, 3_609_375, 360_937, 36_093),
            (101, 605_468, 3_605_468, 360_546, 36_054),
            (102, 601_562, 3_601_562, 360_156, 36_015),
            (200, 218_750, 3_218_750, 321_875, 32_187),
            (254, 7_812, 3_007_812, 300_781, 30_078),
        ];
        for (priority, skew, whole_seconds, tenth, hundredth) in rows {
            let down = |version, milliseconds| {
                master_down_interval(version, priority, Duration::from_millis(milliseconds), 3).as_micros()
            };
            assert_eq!(skew_time(Version::V2, priority, Duration::from_secs(9)).as_micros(), skew);
            assert_eq!(down(Version::V2, 1000), whole_seconds, "{priority}");
            assert_eq!(down(Version::V3, 100), tenth, "{priority}");
            assert_eq!(down(Version::V3, 10), hundredth, "{priority}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for priority in [0, 1, 255] {
            for interval in [Duration::ZERO, Duration::from_micros(1), Duration::MAX] {
                let down = master_down_interval(Version::V3, priority, interval, u32::MAX);
                assert!(down >= skew_time(Version::V3, priority, interval));
            }
        }
    }
}
