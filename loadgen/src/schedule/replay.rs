//! Times of requests from a file, so that what was once seen can be sent again: seconds from the start of
//! the run, one per line, ascending. Read by the command line; a `Shape` holds the times.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use crate::limits::{REPLAY_BYTES_MAX, REPLAY_TIMES_MAX};

/// Longest line: a number and a remark.
const LINE_BYTES_MAX: usize = 200;

/// A year: sums of times stay far from the end of the numbers.
const SECONDS_MAX: u64 = 31_536_000;

/// Planned times in nanoseconds, ascending, at least one.
pub type Times = Arc<[u64]>;

/// Reads the times of a file.
///
/// # Errors
/// In words, with the line's number: no such file, not a time, an earlier time than the one before, too
/// many, none.
pub fn read_times(path: &Path) -> Result<Times, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let bounded = BufReader::new(file.take(REPLAY_BYTES_MAX + 1));
    parse_times(bounded).map_err(|why| format!("{}: {why}", path.display()))
}

/// Reads times: decimal seconds, one per line; empty lines and those that begin with `#` are left out.
fn parse_times(mut text: impl BufRead) -> Result<Times, String> {
    let (mut times, mut line, mut number, mut bytes) = (Vec::new(), Vec::new(), 0u64, 0u64);
    loop {
        line.clear();
        let read = text.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
        let count = read.map_err(|error| format!("line {}: {error}", number + 1))?;
        if count == 0 {
            break;
        }
        number += 1;
        bytes += count as u64;
        if line.len() > LINE_BYTES_MAX || bytes > REPLAY_BYTES_MAX {
            return Err(format!(
                "line {number}: too long, or the file is larger than {REPLAY_BYTES_MAX} bytes"
            ));
        }
        let content = line.trim_ascii();
        if content.is_empty() || content.starts_with(b"#") {
            continue;
        }
        let time_ns = time_ns(content).ok_or_else(|| {
            let shown = String::from_utf8_lossy(content).into_owned();
            format!("line {number}: {shown:?} is no time: write seconds, such as 12.345678")
        })?;
        if times.last().is_some_and(|last| *last > time_ns) {
            return Err(format!("line {number}: earlier than the time before it; sort the file (sort -g)"));
        }
        if times.len() == REPLAY_TIMES_MAX {
            return Err(format!("line {number}: more than {REPLAY_TIMES_MAX} times"));
        }
        times.push(time_ns);
    }
    if times.is_empty() {
        return Err("there is no time in it".to_owned());
    }
    Ok(times.into())
}

/// Decimal seconds to the nanosecond; what lies beyond it is cut off.
fn time_ns(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let seconds: u64 = whole.parse().ok().filter(|seconds| *seconds < SECONDS_MAX)?;
    let nanos: u64 = format!("{fraction:0<9}")[..9].parse().ok()?;
    Some(seconds * 1_000_000_000 + nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<u64>, String> {
        parse_times(text.as_bytes()).map(|times| times.to_vec())
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        let text = "# seen on a Monday\n0\n0.000000001\r\n\n 1.5 \n1.5\n3.1234567899";
        assert_eq!(parse(text), Ok(vec![0, 1, 1_500_000_000, 1_500_000_000, 3_123_456_789]));
    }

    #[test]
    fn what_is_no_ascending_time_is_refused_with_its_line() {
        for (text, words) in [
            ("1\n\n0.5\n", "line 3: earlier"),
            ("1\n-2\n", "line 2: \"-2\""),
            ("1e3", "line 1"),
            ("nan", "line 1"),
            (".5", "line 1"),
            ("1.2.3", "line 1"),
            ("99999999999999999999", "line 1"),
            ("31536000", "line 1"),
            ("", "no time"),
            ("# nothing\n", "no time"),
        ] {
            let refused = parse(text);
            assert!(refused.as_ref().is_err_and(|why| why.contains(words)), "{text:?}: {refused:?}");
        }
        let long = format!("1\n{}\n", "0".repeat(300));
        assert!(parse(&long).is_err_and(|why| why.contains("line 2: too long")));
        assert!(read_times(Path::new("/no/such/file")).is_err_and(|why| why.starts_with("/no/such/file: ")));
    }
}
