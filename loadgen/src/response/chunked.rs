//! The chunked transfer coding (RFC 9112 section 7.1), byte by byte where it is short and in pieces
//! where it is long.

/// Bytes of a chunk-size line with its extensions, and of all trailer fields together.
const LINE_MAX: u32 = 8 * 1024;

/// Where in the coding the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the digits; at least one has come or not.
    Size {
        any: bool,
    },
    /// In blanks behind the digits.
    Blank,
    /// Behind a semicolon, up to the line's end.
    Extension,
    /// The line's CR has come.
    SizeEnd,
    Data,
    /// The CR behind the data is due.
    DataEnd,
    /// The LF behind the data is due.
    DataEndLine,
    /// At the beginning of a trailer line.
    TrailerStart,
    TrailerLine,
    /// The CR of a trailer line has come.
    TrailerLineEnd,
    /// The CR of the empty line has come.
    LastLine,
    Over,
}

/// A body in this coding.
#[derive(Debug, Clone, Copy)]
pub struct Chunked {
    state: State,
    /// Size that is being read, then bytes left of the chunk.
    left: u64,
    /// Bytes of the line, or of the trailer.
    line: u32,
}

/// The coding is broken, in words.
pub type Broken = &'static str;

impl Default for Chunked {
    /// Before the first chunk.
    fn default() -> Self {
        Self { state: State::Size { any: false }, left: 0, line: 0 }
    }
}

impl Chunked {
    /// Whether the whole body has come.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Takes bytes and hands on what is data; returns how many bytes belonged to the body, which are
    /// all of them unless it is over.
    ///
    /// # Errors
    /// What is broken.
    pub fn feed(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> Result<usize, Broken> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Over {
            if self.state == State::Data {
                let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - at);
                data(&bytes[at..at + count]);
                at += count;
                self.left -= count as u64;
                if self.left == 0 {
                    self.state = State::DataEnd;
                }
            } else {
                self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    fn step(&mut self, byte: u8) -> Result<(), Broken> {
        self.line += 1;
        if self.line > LINE_MAX {
            return Err("a chunk-size line or a trailer is too long");
        }
        self.state = match (self.state, byte) {
            (State::Size { .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).unwrap_or(0);
                let grown = self.left.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
                self.left = grown.ok_or("a chunk size is beyond 64 bits")?;
                State::Size { any: true }
            }
            (State::Size { any: true } | State::Blank | State::Extension, b'\r') => State::SizeEnd,
            (State::Size { any: true } | State::Blank, b';') => State::Extension,
            (State::Size { any: true } | State::Blank, b' ' | b'\t') => State::Blank,
            (State::Blank, _) => return Err("a chunk size is followed by something else"),
            (State::Size { .. }, _) => return Err("a chunk size is not a hexadecimal number"),
            (State::Extension, b'\n') => return Err("a chunk-size line ends without CR"),
            (State::Extension, _) => State::Extension,
            (State::SizeEnd, b'\n') => self.after_size(),
            (State::SizeEnd, _) => return Err("a CR stands alone in a chunk-size line"),
            (State::DataEnd, b'\r') => State::DataEndLine,
            (State::DataEndLine, b'\n') => {
                self.line = 0;
                State::Size { any: false }
            }
            (State::DataEnd | State::DataEndLine, _) => return Err("a chunk is longer than its size says"),
            (State::TrailerStart, b'\r') => State::LastLine,
            (State::TrailerStart, b'\n') => return Err("the trailer ends without CR"),
            (State::TrailerLine, b'\r') => State::TrailerLineEnd,
            (State::TrailerLine, b'\n') => return Err("a trailer line ends without CR"),
            (State::TrailerLineEnd, b'\n') => State::TrailerStart,
            (State::TrailerLineEnd, _) => return Err("a CR stands alone in the trailer"),
            (State::TrailerStart | State::TrailerLine, _) => State::TrailerLine,
            (State::LastLine, b'\n') => State::Over,
            (State::LastLine, _) => return Err("a CR stands alone in the trailer"),
            (state @ (State::Data | State::Over), _) => state,
        };
        Ok(())
    }

    fn after_size(&mut self) -> State {
        self.line = 0;
        if self.left == 0 { State::TrailerStart } else { State::Data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), Broken> {
        let (mut chunked, mut data, mut taken) = (Chunked::default(), Vec::new(), 0);
        for bytes in body.chunks(piece) {
            taken += chunked.feed(bytes, |part| data.extend_from_slice(part))?;
            if chunked.is_over() {
                break;
            }
        }
        Ok((data, taken, chunked.is_over()))
    }

    #[test]
    fn reads_bodies_in_pieces_of_any_size() {
        let body = b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nA: b\r\n\r\nHTTP";
        for piece in 1..=body.len() {
            assert_eq!(read(body, piece), Ok((b"hello world".to_vec(), body.len() - 4, true)), "{piece}");
        }
        assert_eq!(read(b"0\r\n\r\n", 1), Ok((Vec::new(), 5, true)));
        assert_eq!(read(b"1 \t;x\r\na\r\n0  \r\n\r\n", 1), Ok((b"a".to_vec(), 17, true)));
        assert_eq!(read(b"3\r\nab", 9), Ok((b"ab".to_vec(), 5, false)));
    }

    #[test]
    fn refuses_what_is_not_the_coding() {
        let bad: [&[u8]; 12] = [
            b"x\r\n",
            b"\r\n",
            b"-1\r\n",
            b"1\nA",
            b"1\r\nAB\r\n",
            b"1\rX",
            b"11111111111111111\r\n",
            b"0\r\n\n",
            b"1 5\r\nx\r\n",
            b"1;x\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nA: b\rX",
        ];
        for body in bad {
            assert!(read(body, 1).is_err(), "{:?}", String::from_utf8_lossy(body));
        }
        assert!(read(&[b"1;".to_vec(), vec![b'x'; 9000]].concat(), 100).is_err());
        assert!(read(&[b"0\r\n".to_vec(), b"A: b\r\n".repeat(2000)].concat(), 100).is_err());
    }
}
