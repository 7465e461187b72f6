//! The five-character dates in a persistence cookie, as HAProxy writes them.
//!
//! A date is UNIX time in units of 4 seconds, a 30-bit unsigned number, most significant six bits
//! first, in the ordinary base64 alphabet without padding. Used by `balance::sticky`; no clock here.
//! The 30 bits are exhausted in the year 2106. All arithmetic is 64-bit, so that nothing happens in 2038.

/// Bytes of a date.
pub const LENGTH: usize = 5;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `now_unix_s` in cookie form, rounded up to the next multiple of 4 seconds, so that a cookie
/// issued in this second is never taken to be older than it is.
pub fn encode(now_unix_s: u64) -> [u8; LENGTH] {
    let units = now_unix_s.saturating_add(3) >> 2;
    [24, 18, 12, 6, 0].map(|shift| ALPHABET[(units >> shift) as usize & 63])
}

/// Seconds since 1970 of the first five bytes. `None` when there are fewer, when one is outside the
/// alphabet, and for the date zero: each means "no date".
pub fn decode(text: &[u8]) -> Option<u64> {
    let digits = text.first_chunk::<LENGTH>()?;
    let mut units = 0u64;
    for byte in digits {
        units = units << 6 | u64::from(digit(*byte)?);
    }
    (units != 0).then_some(units << 2)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_encode_and_decode() {
        let table: [(u64, &[u8; 5], u64); 12] = [
            (4, b"AAAAB", 4),
            (1_688_443_312, b"ZKOZs", 1_688_443_312),
            (1_688_443_313, b"ZKOZt", 1_688_443_316),
            (1_688_443_316, b"ZKOZt", 1_688_443_316),
            (1_688_443_317, b"ZKOZu", 1_688_443_320),
            (1_688_445_112, b"ZKOgu", 1_688_445_112),
            (1_688_445_117, b"ZKOgw", 1_688_445_120),
            (1_688_472_112, b"ZKQKM", 1_688_472_112),
            (1_709_208_000, b"ZeBxw", 1_709_208_000),
            (1_787_328_100, b"aoh2Z", 1_787_328_100),
            (2_147_483_644, b"f////", 2_147_483_644),
            (2_147_483_648, b"gAAAA", 2_147_483_648),
        ];
        for (now, text, decoded) in table {
            assert_eq!(&encode(now), text, "{now}");
            assert_eq!(decode(text), Some(decoded), "{now}");
        }
    }

    #[test]
    fn what_is_no_date_is_absent() {
        for text in [b"".as_slice(), b"ZKOZ", b"####!", b"ZKOZ=", b"AAAAA", b"ZK Zs", b"ZK-_s", b"ZKO\0s"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        assert_eq!(decode(b"ZKOZs and more"), Some(1_688_443_312));
    }

    #[test]
    fn a_decoded_date_is_at_most_three_seconds_ahead() {
        for now in (1..4000).chain(1_787_328_000..1_787_328_100) {
            let ahead = decode(&encode(now)).map(|date| date - now);
            assert!(ahead.is_some_and(|seconds| seconds <= 3), "{now}");
        }
        assert_eq!(encode(u64::MAX).len(), LENGTH);
    }
}
