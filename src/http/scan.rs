//! Finding the first byte that may not stand where it stands: the inner loops of the parser.
//!
//! Sixteen bytes at a time with SSE2 on x86-64 (always present there), one at a time elsewhere and
//! at the end of a buffer. Called by `head`, `request` and `response`; knows nothing of HTTP beyond
//! its character classes (RFC 9110 section 5.6.2, RFC 9112 section 3).

/// Length of the longest prefix that may stand in a field value or reason phrase:
/// HTAB, SP, visible ASCII and obs-text. Ends at the first control byte or DEL.
#[inline]
pub fn value_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            _mm_andnot_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
            _mm_set1_epi8,
        };
        while at + 16 <= bytes.len() {
            // SAFETY: sixteen bytes from `at` are inside the slice, the load is unaligned, and SSE2
            // is part of the x86-64 baseline.
            let bad = unsafe {
                let chunk = _mm_loadu_si128(bytes.as_ptr().add(at).cast());
                let control = _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x1f)), chunk);
                let tab = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(0x09));
                let delete = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(0x7f));
                _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), delete))
            };
            if bad != 0 {
                return at + bad.trailing_zeros() as usize;
            }
            at += 16;
        }
    }
    at + bytes[at..].iter().take_while(|&&byte| is_value(byte)).count()
}

/// Length of the longest prefix of visible ASCII (0x21 to 0x7E): a request target.
#[inline]
pub fn visible_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
            _mm_set1_epi8,
        };
        while at + 16 <= bytes.len() {
            // SAFETY: as in `value_len`.
            let bad = unsafe {
                let chunk = _mm_loadu_si128(bytes.as_ptr().add(at).cast());
                let low = _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x20)), chunk);
                let high = _mm_cmpeq_epi8(_mm_max_epu8(chunk, _mm_set1_epi8(0x7f)), chunk);
                _mm_movemask_epi8(_mm_or_si128(low, high))
            };
            if bad != 0 {
                return at + bad.trailing_zeros() as usize;
            }
            at += 16;
        }
    }
    at + bytes[at..].iter().take_while(|&&byte| (0x21..0x7f).contains(&byte)).count()
}

/// Length of the longest prefix of token characters (RFC 9110 section 5.6.2): a method or field name.
#[inline]
pub fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| TOKEN[byte as usize]).count()
}

/// Whether every byte may stand in a token, and there is at least one.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_len(bytes) == bytes.len()
}

#[inline]
fn is_value(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f || byte == b'\t'
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte value at every offset of a buffer longer than two vector steps.
    fn each_byte_at_each_offset(length: fn(&[u8]) -> usize, allowed: fn(u8) -> bool) {
        for offset in 0..40 {
            for byte in 0..=255u8 {
                let mut bytes = [b'a'; 40];
                bytes[offset] = byte;
                let expected = if allowed(byte) { 40 } else { offset };
                assert_eq!(length(&bytes), expected, "byte {byte:#x} at {offset}");
            }
        }
    }

    #[test]
    fn a_value_ends_at_a_control_byte() {
        each_byte_at_each_offset(value_len, |byte| byte >= 0x20 && byte != 0x7f || byte == 9);
    }

    #[test]
    fn a_target_ends_at_anything_but_visible_ascii() {
        each_byte_at_each_offset(visible_len, |byte| byte > 0x20 && byte < 0x7f);
    }

    #[test]
    fn a_token_ends_at_a_separator() {
        each_byte_at_each_offset(token_len, |byte| {
            byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte)
        });
        assert!(!is_token(b""));
    }
}
