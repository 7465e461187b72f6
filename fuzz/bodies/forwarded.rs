//! What every head that we forward has to be, whatever it was made from.

use torii::http::framing::Body;
use torii::http::header_rules::HeaderRules;

/// Rules that remove a field and set another.
pub fn rules() -> HeaderRules {
    HeaderRules::new(&["X-A".into()], &[("X-Set".into(), "a b".into())], &[])
}

/// Lines end in CRLF and hold no other control byte than HTAB, and only the last one is empty.
pub fn check_lines(head: &[u8]) {
    let lines = head.strip_suffix(b"\r\n\r\n").expect("a head ends in an empty line");
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty(), "an empty line inside a head");
        let bad = line.iter().find(|byte| **byte < b' ' && **byte != b'\t' || **byte == 0x7f);
        assert!(bad.is_none(), "control byte {bad:?}");
    }
    let pairs = head.windows(2).filter(|pair| *pair == b"\r\n").count();
    assert_eq!(pairs, head.iter().filter(|byte| **byte == b'\n').count(), "a bare line feed");
    assert_eq!(pairs, head.iter().filter(|byte| **byte == b'\r').count(), "a bare carriage return");
}

/// The fields say the one decision about framing, once, in canonical form. `bodyless`: a response that
/// never has a body may still tell the length that it would have.
pub fn check_framing(headers: &[httparse::Header<'_>], body: Body, bodyless: bool) {
    let values = |name: &str| -> Vec<&[u8]> {
        headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
            .collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    match body {
        _ if bodyless => assert!(lengths.is_empty() || codings.is_empty(), "two framings"),
        Body::None => {
            assert!(
                codings.is_empty() && (lengths.is_empty() || lengths == [b"0"]),
                "{lengths:?} {codings:?}"
            );
        }
        Body::Length(length) => {
            assert!(codings.is_empty(), "{codings:?}");
            assert_eq!(lengths, [length.to_string().as_bytes()]);
        }
        Body::Chunked => {
            assert!(lengths.is_empty(), "{lengths:?}");
            assert_eq!(codings, [b"chunked"]);
        }
        Body::UntilClose => assert!(lengths.is_empty() && codings.is_empty(), "{lengths:?} {codings:?}"),
    }
}
