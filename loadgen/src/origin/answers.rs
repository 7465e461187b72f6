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

/// How an answer is sent, as its request wants it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// Whether the persistence cookie is set.
    pub sets_cookie: bool,
    /// Whether it is the last one of its connection.
    pub closes: bool,
    /// Whether its reader speaks HTTP/1.0: it knows no chunks, and has to be told that the connection stays
    /// (RFC 9112 sections 6.1 and 9.3).
    pub is_one_zero: bool,
}

impl Manner {
    const ALL: [Self; 8] = {
        let mut all = [Self { sets_cookie: false, closes: false, is_one_zero: false }; 8];
        let mut index = 0;
        while index < all.len() {
            let (sets_cookie, closes, is_one_zero) = (index & 4 != 0, index & 2 != 0, index & 1 != 0);
            all[index] = Self { sets_cookie, closes, is_one_zero };
            index += 1;
        }
        all
    };

    #[inline]
    fn index(self) -> usize {
        usize::from(self.sets_cookie) << 2 | usize::from(self.closes) << 1 | usize::from(self.is_one_zero)
    }
}

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Where the body begins.
    pub body_at: usize,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Those that differ: a body is held in memory three times, and up to eight times with cookies and chunks.
    rendered: Vec<Answer>,
    /// Which of them, by the index of a manner.
    which: [usize; 8],
    /// `name=value` of the persistence cookie.
    cookie: Option<Vec<u8>>,
    name: String,
}

impl Answers {
    /// Renders them.
    pub fn new(shape: &AnswerShape) -> Self {
        let (mut rendered, mut which) = (Vec::new(), [0; 8]);
        for manner in Manner::ALL {
            let answer = render(shape, manner);
            which[manner.index()] = rendered.iter().position(|known| *known == answer).unwrap_or_else(|| {
                rendered.push(answer);
                rendered.len() - 1
            });
        }
        let cookie = shape.cookie.as_ref().map(|cookie| format!("{cookie}={}", shape.name).into_bytes());
        Self { rendered, which, cookie, name: shape.name.clone() }
    }

    /// Whether a request with these Cookie fields brings the origin's cookie, or there is none.
    #[inline]
    pub fn is_brought_by<'a>(&self, mut cookies: impl Iterator<Item = &'a [u8]>) -> bool {
        let Some(own) = &self.cookie else { return true };
        cookies.any(|field| field.split(|&byte| byte == b';').any(|pair| pair.trim_ascii() == own))
    }

    /// The answer in this manner.
    #[inline]
    pub fn get(&self, manner: Manner) -> &Answer {
        &self.rendered[self.which[manner.index()]]
    }

    /// The last word to a client whose request is none, with the reason. It has no body, so that it is right for
    /// HEAD, too.
    pub fn refusal(&self, reason: &str) -> Vec<u8> {
        let (status, name) = ("HTTP/1.1 400 Bad Request\r\n", &self.name);
        let framing = "Content-Length: 0\r\nConnection: close\r\n\r\n";
        format!("{status}X-Origin: {name}\r\nX-Refused: {reason}\r\n{framing}").into_bytes()
    }
}

fn render(shape: &AnswerShape, manner: Manner) -> Answer {
    let chunk = shape.chunk.filter(|_| !manner.is_one_zero);
    let mut head = format!("HTTP/1.1 {} Answer\r\nX-Origin: {}\r\n", shape.status, shape.name);
    head.push_str("Content-Type: text/plain\r\n");
    match chunk {
        _ if !shape.has_body() => {}
        Some(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
        None => head.push_str(&format!("Content-Length: {}\r\n", shape.size)),
    }
    if let (true, Some(cookie)) = (manner.sets_cookie, &shape.cookie) {
        head.push_str(&format!("Set-Cookie: {cookie}={}; path=/\r\n", shape.name));
    }
    if manner.closes {
        head.push_str("Connection: close\r\n");
    } else if manner.is_one_zero {
        head.push_str("Connection: keep-alive\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    let body_at = bytes.len();
    if shape.has_body() {
        write_body(shape.size, chunk, &mut bytes);
    }
    Answer { bytes, body_at }
}

fn write_body(size: usize, chunk: Option<usize>, bytes: &mut Vec<u8>) {
    const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog.\n";
    let body: Vec<u8> = TEXT.iter().copied().cycle().take(size).collect();
    match chunk {
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
            String::from_utf8_lossy(&answers.get(Manner { sets_cookie: !brings, ..Manner::default() }).bytes)
                .contains("Set-Cookie: SRV=web1; path=/\r\n")
        };
        assert!(sets(&[]) && sets(&[b"SRV=web2"]) && sets(&[b"a=b; XSRV=web1"]));
        assert!(!sets(&[b"SRV=web1"]) && !sets(&[b"a=b; SRV=web1 ;c=d"]) && !sets(&[b"a=b", b"SRV=web1"]));
    }

    #[test]
    fn an_answer_without_content_has_neither_body_nor_framing() {
        for (status, chunk) in [(204, None), (204, Some(8)), (304, None), (304, Some(8))] {
            let answers = Answers::new(&AnswerShape { status, chunk, ..AnswerShape::default() });
            let answer = answers.get(Manner::default());
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(!text.contains("Content-Length") && !text.contains("Transfer-Encoding"), "{text}");
            assert!(text.ends_with("\r\n\r\n") && answer.body_at == answer.bytes.len(), "{text}");
        }
    }

    #[test]
    fn chunks_hold_the_same_body() {
        let shape = AnswerShape { size: 100, chunk: Some(33), ..AnswerShape::default() };
        let answers = Answers::new(&shape);
        let answer = answers.get(Manner { closes: true, ..Manner::default() });
        let text = String::from_utf8_lossy(&answer.bytes);
        assert!(text.contains("Connection: close\r\n") && text.contains("\r\n\r\n21\r\nThe quick"), "{text}");
        assert!(text.ends_with("\r\n0\r\n\r\n"), "{text}");
    }

    #[test]
    fn a_client_of_http_1_0_is_told_that_the_connection_stays_and_gets_no_chunks() {
        let answers = Answers::new(&AnswerShape { size: 100, chunk: Some(33), ..AnswerShape::default() });
        let text = |closes| {
            let manner = Manner { is_one_zero: true, closes, ..Manner::default() };
            String::from_utf8_lossy(&answers.get(manner).bytes).into_owned()
        };
        assert!(text(false).contains("Content-Length: 100\r\nConnection: keep-alive\r\n\r\nThe quick"));
        assert!(text(true).contains("Content-Length: 100\r\nConnection: close\r\n\r\nThe quick"));
        assert!(!text(false).contains("chunked") && !text(true).contains("chunked"));
    }

    #[test]
    fn what_does_not_differ_is_held_once() {
        assert_eq!(Answers::new(&AnswerShape::default()).rendered.len(), 3);
        let shape = AnswerShape { cookie: Some("SRV".into()), chunk: Some(9), ..AnswerShape::default() };
        assert_eq!(Answers::new(&shape).rendered.len(), 8);
    }
}
