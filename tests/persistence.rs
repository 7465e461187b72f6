//! The persistence cores together, as the data path joins them: the `Cookie` line is scanned and
//! stripped, each value is examined, the response gets its cookie. Letters are those of the log.
#![allow(clippy::unwrap_used)]

use torii::balance::sticky::{self, Answer, ClientCookie, CookieRules, ServerCookie};
use torii::http::cacheable::looks_cacheable;
use torii::http::cookie::{self, FieldEdit};

/// 4 July 2023, 04:01:52 UTC.
const NOW_UNIX_S: u64 = 1_688_443_312;

fn rules() -> CookieRules {
    CookieRules {
        name: b"lbsessionid".as_slice().into(),
        indirect: true,
        nocache: true,
        preserve: true,
        postonly: false,
        maxidle_s: Some(1800),
        maxlife_s: Some(28_800),
        attributes: sticky::attributes(&[], true, true, &[]),
    }
}

/// What the server gets for a `Cookie` line, and the request's outcome; w01 and w02 are up.
fn request(line: &str) -> (Option<String>, ClientCookie) {
    let rules = rules();
    let mut client = ClientCookie::new();
    let mut out = Vec::new();
    let ids: [Option<&[u8]>; 2] = [Some(b"w01"), Some(b"w02")];
    let edit = cookie::scan(line.as_bytes(), &rules.name, rules.indirect, &mut out, |value| {
        client.examine(&rules, value, NOW_UNIX_S, |id| {
            sticky::find_server(id, ids.into_iter().map(|server| (server, true)))
        });
    });
    let forwarded = match edit {
        FieldEdit::Keep => Some(line.to_string()),
        FieldEdit::Remove => None,
        FieldEdit::Replace => Some(String::from_utf8(out).unwrap()),
    };
    (forwarded, client)
}

#[test]
fn a_line_is_stripped_and_judged_in_one_pass() {
    let table: &[(&str, Option<&str>, u8, Option<usize>)] = &[
        ("lbsessionid=w01", None, b'V', Some(0)),
        ("a=1;  lbsessionid=w02|ZKOZs|ZKOZs  ;  b=2", Some("a=1; b=2"), b'V', Some(1)),
        ("lbsessionid=w01; lbsessionid=w02; a=1", Some("a=1"), b'V', Some(0)),
        ("lbsessionid=w99; a=1; lbsessionid=w02", Some("a=1"), b'V', Some(1)),
        ("lbsessionid=\"w01\"; a=1", Some("a=1"), b'I', None),
        ("lbsessionid=w01|AAAAB; a=1", Some("a=1"), b'E', None),
        ("lbsessionid=w01|ZKOZs|AAAAB; a=1", Some("a=1"), b'O', None),
        ("lbsessionid=; a=1", Some("a=1"), b'I', None),
        ("lbsessionid; a=1", Some("lbsessionid; a=1"), b'N', None),
        ("LBSESSIONID=w01; a=1", Some("LBSESSIONID=w01; a=1"), b'N', None),
        (";lbsessionid=w01\u{0};a=1", Some("a=1"), b'I', None),
    ];
    for (line, forwarded, letter, server) in table {
        let (got, client) = request(line);
        assert_eq!(got.as_deref(), *forwarded, "{line}");
        assert_eq!((client.letter(), client.server()), (*letter, *server), "{line}");
    }
}

#[test]
fn cache_control_depends_on_method_and_status() {
    let etag: [(&[u8], &[u8]); 1] = [(b"etag", b"\"1\"")];
    let table: &[(&str, u16, bool)] =
        &[("GET", 200, true), ("POST", 200, false), ("GET", 302, false), ("HEAD", 404, true)];
    for (method, status, private) in table {
        let (_, client) = request("a=1");
        let answer = Answer { server_id: Some(b"w01"), is_post: *method == "POST", now_unix_s: NOW_UNIX_S };
        let mut out = Vec::new();
        let cacheable = || looks_cacheable(method.as_bytes(), *status, etag.into_iter());
        let letter = ServerCookie::new().finish(&rules(), &client, &answer, cacheable, &mut out);
        assert_eq!((client.letter(), letter), (b'N', b'I'));
        let mut expected =
            "set-cookie: lbsessionid=w01|ZKOZs|ZKOZs; path=/; HttpOnly; Secure\r\n".to_string();
        if *private {
            expected += "cache-control: private\r\n";
        }
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{method} {status}");
    }
}
