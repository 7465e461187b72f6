//! Every answer the origin can give, rendered once.

/// What answers look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerShape {
    /// Status, 200 to 599.
    pub status: u16,
    /// Bytes of the body.
    pub size: usize,
    /// Bytes of a chunk; `None` sends the body by its length.
    pub chunk: Option<usize>,
    /// Who answers: the value of the `X-Origin` field and of the cookie.
    pub name: String,
    /// Name of the persistence cookie; `None` sets none.
    pub cookie: Option<String>,
}

impl Default for AnswerShape {
    fn default() -> Self {
        Self { status: 200, size: 64, chunk: None, name: "origin".into(), cookie: None }
    }
}

impl AnswerShape {
    /// Whether answers of this status have a body at all (RFC 9110 sections 15.3.5 and 15.4.5); one that
    /// came all the same would be taken for the beginning of the next answer.
    fn has_body(&self) -> bool {
        !matches!(self.status, 204 | 304)
    }
}

/// One answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Where the body begins.
    pub body_at: usize,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Answers {
    /// By whether the cookie is set, then by whether the connection is closed.
    rendered: [[Answer; 2]; 2],
    /// `name=value` of the persistence cookie.
    cookie: Option<Vec<u8>>,
}

impl Answers {
    /// Renders them.
    pub fn new(shape: &AnswerShape) -> Self {
        let render = |sets_cookie: bool, closes: bool| {
            let mut head = format!("HTTP/1.1 {} Answer\r\nX-Origin: {}\r\n", shape.status, shape.name);
            head.push_str("Content-Type: text/plain\r\n");
            match shape.chunk {
                _ if !shape.has_body() => {}
                Some(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
                None => head.push_str(&format!("Content-Length: {}\r\n", shape.size)),
            }
            if let (true, Some(cookie)) = (sets_cookie, &shape.cookie) {
                head.push_str(&format!("Set-Cookie: {cookie}={}; path=/\r\n", shape.name));
            }
            if closes {
                head.push_str("Connection: close\r\n");
            }
            head.push_str("\r\n");
            let mut bytes = head.into_bytes();
            let body_at = bytes.len();
            if shape.has_body() {
                write_body(shape, &mut bytes);
            }
            Answer { bytes, body_at }
        };
        let cookie = shape.cookie.as_ref().map(|cookie| format!("{cookie}={}", shape.name).into_bytes());
        let rendered = [false, true].map(|sets| [false, true].map(|closes| render(sets, closes)));
        Self { rendered, cookie }
    }

    /// Whether a request with these Cookie fields brings the origin's cookie, or there is none.
    #[inline]
    pub fn is_brought_by<'a>(&self, mut cookies: impl Iterator<Item = &'a [u8]>) -> bool {
        let Some(own) = &self.cookie else { return true };
        cookies.any(|field| field.split(|&byte| byte == b';').any(|pair| pair.trim_ascii() == own))
    }

    /// The answer that sets the cookie or not, and ends the connection or not.
    #[inline]
    pub fn get(&self, sets_cookie: bool, closes: bool) -> &Answer {
        &self.rendered[usize::from(sets_cookie)][usize::from(closes)]
    }
}

fn write_body(shape: &AnswerShape, bytes: &mut Vec<u8>) {
    const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog.\n";
    let body: Vec<u8> = TEXT.iter().copied().cycle().take(shape.size).collect();
    match shape.chunk {
        None => bytes.extend_from_slice(&body),
        Some(size) => {
            for chunk in body.chunks(size.max(1)) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_set_for_those_that_do_not_bring_it() {
        let shape = AnswerShape { cookie: Some("SRV".into()), name: "web1".into(), ..AnswerShape::default() };
        let answers = Answers::new(&shape);
        let sets = |cookies: &[&[u8]]| {
            let brings = answers.is_brought_by(cookies.iter().copied());
            String::from_utf8_lossy(&answers.get(!brings, false).bytes)
                .contains("Set-Cookie: SRV=web1; path=/\r\n")
        };
        assert!(sets(&[]) && sets(&[b"SRV=web2"]) && sets(&[b"a=b; XSRV=web1"]));
        assert!(!sets(&[b"SRV=web1"]) && !sets(&[b"a=b; SRV=web1 ;c=d"]) && !sets(&[b"a=b", b"SRV=web1"]));
    }

    #[test]
    fn an_answer_without_content_has_neither_body_nor_framing() {
        for (status, chunk) in [(204, None), (204, Some(8)), (304, None), (304, Some(8))] {
            let answers = Answers::new(&AnswerShape { status, chunk, ..AnswerShape::default() });
            let answer = answers.get(false, false);
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(!text.contains("Content-Length") && !text.contains("Transfer-Encoding"), "{text}");
            assert!(text.ends_with("\r\n\r\n") && answer.body_at == answer.bytes.len(), "{text}");
        }
    }

    #[test]
    fn chunks_hold_the_same_body() {
        let shape = AnswerShape { size: 100, chunk: Some(33), ..AnswerShape::default() };
        let answers = Answers::new(&shape);
        let answer = answers.get(false, true);
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!(text.contains("Connection: close\r\n") && text.contains("\r\n\r\n21\r\nThe quick"), "{text}");
        assert!(text.ends_with("\r\n0\r\n\r\n"), "{text}");
    }
}
