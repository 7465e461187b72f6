//! Separates the code of a Rust file from its comments, strings and tests.
//!
//! Not a parser: a scanner that knows just enough (nested comments, raw strings, characters against
//! lifetimes) for a search in the rest to mean what it says.

/// Where the scanner is.
enum State {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// The file with every comment and the inside of every string blanked out, line for line.
pub fn code_lines(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut state = State::Code;
    let mut at = 0;
    while at < bytes.len() {
        let (next, length) = step(&state, bytes, at);
        let keep = matches!((&state, &next), (State::Code, State::Code));
        for &byte in &bytes[at..at + length] {
            code.push(if keep || byte == b'\n' { byte } else { b' ' });
        }
        state = next;
        at += length;
    }
    String::from_utf8_lossy(&code).lines().map(str::to_owned).collect()
}

/// The next state and how many bytes belong to the step.
fn step(state: &State, bytes: &[u8], at: usize) -> (State, usize) {
    let rest = &bytes[at..];
    match *state {
        State::Code => step_code(bytes, at),
        State::LineComment if rest[0] == b'\n' => (State::Code, 1),
        State::LineComment => (State::LineComment, 1),
        State::BlockComment(depth) if rest.starts_with(b"/*") => (State::BlockComment(depth + 1), 2),
        State::BlockComment(1) if rest.starts_with(b"*/") => (State::Code, 2),
        State::BlockComment(depth) if rest.starts_with(b"*/") => (State::BlockComment(depth - 1), 2),
        State::BlockComment(depth) => (State::BlockComment(depth), 1),
        State::Text if rest[0] == b'\\' => (State::Text, 2.min(rest.len())),
        State::Text if rest[0] == b'"' => (State::Code, 1),
        State::Text => (State::Text, 1),
        State::RawText(hashes) => match rest.strip_prefix(b"\"") {
            Some(after) if after.iter().take_while(|&&byte| byte == b'#').count() >= hashes => {
                (State::Code, 1 + hashes)
            }
            _ => (State::RawText(hashes), 1),
        },
    }
}

fn step_code(bytes: &[u8], at: usize) -> (State, usize) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return (State::LineComment, 2);
    }
    if rest.starts_with(b"/*") {
        return (State::BlockComment(1), 2);
    }
    if rest[0] == b'"' {
        return (State::Text, 1);
    }
    if rest[0] == b'\'' {
        return (State::Code, character_length(rest));
    }
    let inside_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest[0] == b'r' && (!inside_word || bytes[at - 1] == b'b') {
        let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            return (State::RawText(hashes), 2 + hashes);
        }
    }
    (State::Code, 1)
}

/// Length of a character literal, or 1 for the tick of a lifetime.
fn character_length(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|&byte| byte == b'\'');
        return end.map_or(1, |end| end + 4);
    }
    // A character may be several bytes long; a lifetime has no second tick near.
    (2..=5).find(|&place| rest.get(place) == Some(&b'\'')).map_or(1, |place| match place {
        2 => 3,
        place if rest[1] >= 0x80 => place + 1,
        _ => 1,
    })
}

/// Number of the first line that belongs to the tests at a file's end, or the number of lines.
pub fn first_test_line(code: &[String]) -> usize {
    code.iter().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(code.len())
}
