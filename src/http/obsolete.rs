//! Obsolete line forms in a response head, rewritten: folded fields and lines that end in a bare LF.
//!
//! `proxy::respond` calls `rewrite` only when the strict parser has refused a head, and has it parse
//! the result: old servers still write such heads, and what is forwarded never holds these forms.
//! Never used for requests, where two servers may read them in two ways.

/// Rewrites the head lines at the start of `buffer` to `out`: each line ends in CRLF (a recipient may
/// take a lone LF for a line end, RFC 9112 section 2.2), and a fold becomes a space (a proxy has to
/// replace it, section 5.2). A last line that is still incomplete may be given again with more bytes.
///
/// Returns how many bytes of `buffer` the result stands for; `None` when there is nothing to rewrite.
pub fn rewrite(buffer: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    out.clear();
    let (mut at, mut lines, mut changed) = (0, 0, false);
    while at < buffer.len() {
        let rest = &buffer[at..];
        let end = memchr::memchr(b'\n', rest);
        // A fold continues a field; after the status line it would be read in two ways.
        let is_fold = lines >= 2 && matches!(rest[0], b' ' | b'\t');
        if end.is_none() && !is_fold {
            break;
        }
        let line = &rest[..end.unwrap_or(rest.len())];
        let text = if end.is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if is_fold {
            out.truncate(out.len() - 2);
        }
        out.extend_from_slice(text);
        at += line.len();
        changed |= is_fold;
        if end.is_some() {
            out.extend_from_slice(b"\r\n");
            changed |= text.len() == line.len();
            at += 1;
            lines += 1;
        }
        if text.is_empty() {
            break;
        }
    }
    changed.then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Option<(String, usize)> {
        let mut out = Vec::new();
        let len = rewrite(text.as_bytes(), &mut out)?;
        Some((String::from_utf8(out).expect("text in, text out"), len))
    }

    #[test]
    fn leaves_a_proper_head_alone() {
        assert_eq!(rewritten("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\nbody"), None);
        assert_eq!(rewritten(""), None);
    }

    #[test]
    fn ends_every_line_in_crlf_and_leaves_the_body() {
        let (text, len) = rewritten("HTTP/1.1 200 OK\nA: b\r\nC: d\n\nbody\n").expect("rewritten");
        assert_eq!(text, "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n");
        assert_eq!(len, "HTTP/1.1 200 OK\nA: b\r\nC: d\n\n".len());
    }

    #[test]
    fn makes_a_fold_a_blank() {
        let (text, _) =
            rewritten("HTTP/1.1 200 OK\r\nA: b\r\n \tc\r\n\td\r\nE: f\r\n\r\n").expect("rewritten");
        assert_eq!(text, "HTTP/1.1 200 OK\r\nA: b \tc\td\r\nE: f\r\n\r\n");
    }

    #[test]
    fn takes_an_incomplete_fold_for_the_end_of_its_field() {
        assert_eq!(rewritten("S\r\nA: b\r\n c"), Some(("S\r\nA: b c".into(), 11)));
        assert_eq!(rewritten("S\r\nA: b\r\n c\r"), Some(("S\r\nA: b c\r".into(), 12)));
    }

    #[test]
    fn never_folds_into_the_status_line() {
        assert_eq!(rewritten("HTTP/1.1 200 OK\r\n A: b\r\n\r\n"), None);
    }

    #[test]
    fn a_head_given_in_two_pieces_is_rewritten_as_if_whole() {
        let head = "HTTP/1.1 200 OK\nA: b\r\n c\nD: e\r\n\tf\r\n\r\n";
        let whole = rewritten(head).expect("rewritten").0;
        for split in 0..=head.len() {
            let mut buffer = head.as_bytes()[..split].to_vec();
            let mut out = Vec::new();
            if let Some(len) = rewrite(&buffer, &mut out) {
                buffer.splice(..len, out.iter().copied());
            }
            buffer.extend_from_slice(&head.as_bytes()[split..]);
            if let Some(len) = rewrite(&buffer, &mut out) {
                buffer.splice(..len, out.iter().copied());
            }
            assert_eq!(String::from_utf8_lossy(&buffer), whole, "split at {split}");
        }
    }
}
