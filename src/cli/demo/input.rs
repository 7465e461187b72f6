//! Lines from standard input, read on a thread of its own: a read of a terminal cannot be given up.
//!
//! The thread ends with its input or with the process; nobody waits for it.

use std::io::{self, BufRead, Read};

use tokio::sync::mpsc::{Receiver, channel};

use crate::limits;

/// Lines that may wait; the reader then stops reading.
const WAITING: usize = 16;

/// Starts reading. The channel closes at the end of the input.
///
/// # Errors
/// No thread could be made.
pub(super) fn lines() -> io::Result<Receiver<String>> {
    let (sender, receiver) = channel(WAITING);
    std::thread::Builder::new().name("torii-demo-input".into()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(line)) = read_line(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// One line without its end, cut at `limits::DEMO_COMMAND_SIZE`; `None` at the end of the input.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.take(limits::DEMO_COMMAND_SIZE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn takes_lines_apart_and_ends_with_the_input() {
        let mut input = &b"stop 1\r\n\n2"[..];
        let mut next = || read_line(&mut input).unwrap();
        assert_eq!([next(), next(), next()], [Some("stop 1".into()), Some("".into()), Some("2".into())]);
        assert_eq!(next(), None);
    }

    #[test]
    fn keeps_no_more_of_a_line_than_a_command_needs() {
        let text = [vec![b'x'; 100_000], b"\n1\n".to_vec()].concat();
        let mut input = &text[..];
        assert_eq!(read_line(&mut input).unwrap().unwrap().len() as u64, limits::DEMO_COMMAND_SIZE);
        assert_eq!(read_line(&mut input).unwrap().unwrap(), "1");
    }
}
