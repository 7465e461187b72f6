//! Persistence: HAProxy's vectors of cookies, dates and letters.

#![allow(clippy::unwrap_used)]
use super::*;

/// 4 July 2023, 04:01:52 UTC.
const T0: u64 = 1_688_443_312;

/// The cookie line `insert nocache indirect preserve httponly secure maxidle 30m maxlife 8h`.
fn rules() -> CookieRules {
    CookieRules {
        name: b"lbsessionid".as_slice().into(),
        indirect: true,
        nocache: true,
        preserve: true,
        postonly: false,
        maxidle_s: Some(1800),
        maxlife_s: Some(28_800),
        attributes: attributes(&[], true, true, &[]),
    }
}

fn undated() -> CookieRules {
    CookieRules { maxidle_s: None, maxlife_s: None, ..rules() }
}

/// w01 is up, w02 is down, w03 is up, in this order.
fn lookup(id: &[u8]) -> Lookup {
    let servers: [(Option<&[u8]>, bool); 3] =
        [(Some(b"w01"), true), (Some(b"w02"), false), (Some(b"w03"), true)];
    find_server(id, servers.into_iter())
}

fn client(rules: &CookieRules, now: u64, values: &[&str]) -> ClientCookie {
    let mut client = ClientCookie::new();
    for value in values {
        client.examine(rules, value.as_bytes(), now, lookup);
    }
    client
}

/// Both letters and the appended lines of a GET answered by the asked server, or else by w01.
fn exchange(rules: &CookieRules, now: u64, values: &[&str], cacheable: bool) -> (String, String) {
    let client = client(rules, now, values);
    let id = if client.server() == Some(2) { b"w03" } else { b"w01" };
    let answer = Answer { server_id: Some(id), is_post: false, now_unix_s: now };
    let mut out = Vec::new();
    let letter = ServerCookie::new().finish(rules, &client, &answer, || cacheable, &mut out);
    (String::from_utf8(vec![client.letter(), letter]).unwrap(), String::from_utf8(out).unwrap())
}

fn line(value: &str) -> String {
    format!("set-cookie: lbsessionid={value}; path=/; HttpOnly; Secure\r\n")
}

#[test]
fn worked_vectors_hold_to_the_byte() {
    let table: &[(u64, &[&str], &str, Option<&str>)] = &[
        (T0, &[], "NI", Some("w01|ZKOZs|ZKOZs")),
        (T0, &["w01|ZKOZs|ZKOZs"], "VN", None),
        (T0 + 1, &["w01|ZKOZs|ZKOZs"], "VU", Some("w01|ZKOZt|ZKOZs")),
        (T0 + 3, &["w01|ZKOZt|ZKOZs"], "VN", None),
        (T0 + 5, &["w01|ZKOZt|ZKOZs"], "VU", Some("w01|ZKOZu|ZKOZs")),
        (T0 + 1800, &["w01|ZKOZs|ZKOZs"], "VU", Some("w01|ZKOgu|ZKOZs")),
        (T0 + 1801, &["w01|ZKOZs|ZKOZs"], "EI", Some("w01|ZKOgv|ZKOgv")),
        (T0 + 28_800, &["w01|ZKQKM|ZKOZs"], "VN", None),
        (T0 + 28_800, &["w01|ZKQKL|ZKOZs"], "VU", Some("w01|ZKQKM|ZKOZs")),
        (T0 + 28_801, &["w01|ZKQKM|ZKOZs"], "OI", Some("w01|ZKQKN|ZKQKN")),
        (T0 - 86_400, &["w01|ZKOZs|ZKOZs"], "VN", None),
        (T0 - 86_401, &["w01|ZKOZs|ZKOZs"], "OI", Some("w01|ZKJIM|ZKJIM")),
        (T0, &["w01"], "VU", Some("w01|ZKOZs|ZKOZs")),
        (T0, &["w01|####!"], "VU", Some("w01|ZKOZs|ZKOZs")),
        (T0, &["w99|ZKOZs|ZKOZs"], "II", Some("w01|ZKOZs|ZKOZs")),
        (T0, &["w02|ZKOZs|ZKOZs"], "DI", Some("w01|ZKOZs|ZKOZs")),
        // A drained server is up: the data path reports it as usable.
        (T0, &["w03|ZKOZs|ZKOZs"], "VN", None),
    ];
    for (now, values, letters, inserted) in table {
        let expected = inserted.map(|value| line(value) + "cache-control: private\r\n").unwrap_or_default();
        assert_eq!(
            exchange(&rules(), *now, values, true),
            ((*letters).to_string(), expected),
            "{now} {values:?}"
        );
    }
}

#[test]
fn cache_control_is_added_only_to_a_cookie_under_nocache_that_looks_cacheable() {
    assert_eq!(exchange(&rules(), T0, &[], false).1, line("w01|ZKOZs|ZKOZs"));
    let rules = CookieRules { nocache: false, ..rules() };
    assert_eq!(exchange(&rules, T0, &[], true).1, line("w01|ZKOZs|ZKOZs"));
    let mut out = Vec::new();
    let valid = client(&rules, T0, &["w01|ZKOZs|ZKOZs"]);
    let answer = Answer { server_id: Some(b"w01"), is_post: false, now_unix_s: T0 };
    ServerCookie::new().finish(&rules, &valid, &answer, || unreachable!("no cookie was added"), &mut out);
}

#[test]
fn dates_follow_the_configured_limits() {
    let idle = CookieRules { maxlife_s: None, ..rules() };
    let life = CookieRules { maxidle_s: None, ..rules() };
    let table: &[(&CookieRules, &str, &str, Option<&str>)] = &[
        (&idle, "", "NI", Some("w01|ZKOZs")),
        (&life, "", "NI", Some("w01|ZKOZs|ZKOZs")),
        (&undated(), "", "NI", Some("w01")),
        (&idle, "w01|ZKOZs", "VN", None),
        // maxlife is gone: FIRST is taken out.
        (&idle, "w01|ZKOZs|ZKOZs", "VU", Some("w01|ZKOZs")),
        (&life, "w01|ZKOZs|ZKOZs", "VN", None),
        (&life, "w01|ZKOZs", "VU", Some("w01|ZKOZs|ZKOZs")),
        // Both are gone: dated cookies become dateless ones when their date passes.
        (&undated(), "w01|ZKOZr", "VU", Some("w01")),
        (&undated(), "w01|ZKOZs|ZKOZs", "VU", Some("w01")),
        (&undated(), "w01", "VN", None),
        // Without limits no date is too old.
        (&undated(), "w01|AAAAB|AAAAB", "VU", Some("w01")),
    ];
    for (rules, value, letters, inserted) in table {
        let values: &[&str] = if value.is_empty() { &[] } else { &[value] };
        let expected = inserted.map(line).unwrap_or_default();
        assert_eq!(exchange(rules, T0, values, false), ((*letters).to_string(), expected), "{value:?}");
    }
}

#[test]
fn odd_values_never_name_a_server_they_do_not_spell() {
    let table: &[(&[u8], u8)] = &[
        (b"", b'I'),
        (b"|ZKOZs|ZKOZs", b'I'),
        (b"\"w01\"", b'I'),
        (b"w01 ", b'I'),
        (b"W01", b'I'),
        (b"w01\0", b'I'),
        (b"w01~app", b'I'),
        (b"w01|", b'V'),
        (b"w01||", b'V'),
        (b"w01|ZKOZ", b'V'),
        (b"w01||||||||||", b'V'),
        (b"w01|ZKOZs-and-more|ZKOZs-and-more", b'V'),
        (b"w01|=====|=====", b'V'),
        (b"w01|AAAAA|AAAAA", b'V'),
        (b"w01|\xff\xff\xff\xff\xff", b'V'),
        // The first five bytes after a bar are read, even over the next bar: 'a|ZKO' is no date.
        (b"w01|a|ZKOZs", b'V'),
    ];
    for (value, letter) in table {
        let mut client = ClientCookie::new();
        client.examine(&rules(), value, T0, lookup);
        assert_eq!(client.letter(), *letter, "{value:?}");
        assert_eq!(client.server().is_some(), *letter == b'V', "{value:?}");
    }
    let mut long = ClientCookie::new();
    long.examine(&rules(), &[b'|'; 8192], T0, lookup);
    assert_eq!(long.letter(), b'I');
}

#[test]
fn the_first_outcome_sticks_unless_a_usable_server_follows() {
    let table: &[(&[&str], u8, Option<usize>)] = &[
        (&["w01", "w03"], b'V', Some(0)),
        (&["w01", "w99"], b'V', Some(0)),
        (&["w99", "w02"], b'I', None),
        (&["w02", "w99"], b'D', None),
        (&["w99", "w03"], b'V', Some(2)),
        (&["w02", "w03"], b'V', Some(2)),
        (&["w01|AAAAB", "w03"], b'V', Some(2)),
        (&["w01|AAAAB", "w99"], b'E', None),
        (&["w01|ZKOZs|AAAAB", "w02"], b'O', None),
        (&["", "w01"], b'V', Some(0)),
    ];
    for (values, letter, server) in table {
        let client = client(&rules(), T0, values);
        assert_eq!((client.letter(), client.server()), (*letter, *server), "{values:?}");
    }
}

#[test]
fn a_request_that_already_has_a_server_leaves_its_cookie_unused() {
    let mut client = ClientCookie::new();
    client.examine(&rules(), b"w01", T0, |_| Lookup::Unused);
    assert_eq!((client.letter(), client.server()), (b'U', None));
}

#[test]
fn servers_that_share_an_id_are_tried_in_the_order_of_the_file() {
    let servers = |first, second| {
        let list: [(Option<&[u8]>, bool); 4] =
            [(None, true), (Some(b"a"), first), (Some(b"a"), second), (Some(b""), true)];
        find_server(b"a", list.into_iter())
    };
    assert_eq!(servers(true, true), Lookup::Usable(1));
    assert_eq!(servers(false, true), Lookup::Usable(2));
    assert_eq!(servers(false, false), Lookup::Down);
    assert_eq!(find_server(b"x", std::iter::empty()), Lookup::Unknown);
}

#[test]
fn a_redispatched_client_is_logged_as_down_and_gets_the_new_server() {
    let rules = rules();
    let mut client = client(&rules, T0, &["w01|ZKOZs|ZKOZr"]);
    client.redispatch();
    let answer = Answer { server_id: Some(b"w03"), is_post: false, now_unix_s: T0 };
    let mut out = Vec::new();
    let letter = ServerCookie::new().finish(&rules, &client, &answer, || false, &mut out);
    assert_eq!((client.letter(), letter), (b'D', b'I'));
    assert_eq!(out, line("w03|ZKOZs|ZKOZr").as_bytes());
    let mut without = ClientCookie::new();
    without.redispatch();
    assert_eq!(without.letter(), b'N');
}

#[test]
fn a_server_without_an_id_deletes_the_cookie() {
    let rules = CookieRules { attributes: attributes(&[], false, true, &[]), ..rules() };
    let answer = Answer { server_id: None, is_post: false, now_unix_s: T0 };
    let mut out = Vec::new();
    let letter = ServerCookie::new().finish(&rules, &ClientCookie::new(), &answer, || true, &mut out);
    assert_eq!(letter, b'I');
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "set-cookie: lbsessionid=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/; Secure\r\n\
         cache-control: private\r\n"
    );
}

#[test]
fn a_preserved_cookie_passes_and_nothing_is_inserted() {
    for values in [&[][..], &["w01"][..]] {
        let mut server = ServerCookie::new();
        assert_eq!(server.examine(&rules(), b"lbsessionid"), SetCookieEdit::Keep);
        assert_eq!(server.examine(&rules(), b"other"), SetCookieEdit::Keep);
        let answer = Answer { server_id: Some(b"w01"), is_post: false, now_unix_s: T0 };
        let mut out = Vec::new();
        let client = client(&rules(), T0, values);
        assert_eq!(server.finish(&rules(), &client, &answer, || true, &mut out), b'P');
        assert!(out.is_empty());
    }
}

#[test]
fn without_preserve_the_servers_own_cookie_is_deleted() {
    let rules = CookieRules { preserve: false, ..rules() };
    let answer = Answer { server_id: Some(b"w01"), is_post: false, now_unix_s: T0 };
    for (values, expected) in [(&["w01|ZKOZs|ZKOZs"][..], b'D'), (&["w01"][..], b'U'), (&[][..], b'I')] {
        let mut server = ServerCookie::new();
        assert_eq!(server.examine(&rules, b"LBSESSIONID"), SetCookieEdit::Keep);
        assert_eq!(server.examine(&rules, b"lbsessionid"), SetCookieEdit::Remove);
        let mut out = Vec::new();
        let client = client(&rules, T0, values);
        assert_eq!(server.finish(&rules, &client, &answer, || false, &mut out), expected);
    }
}

#[test]
fn postonly_inserts_in_answers_to_post_alone() {
    let rules = CookieRules { postonly: true, ..rules() };
    for (is_post, letter) in [(false, b'N'), (true, b'I')] {
        let answer = Answer { server_id: Some(b"w01"), is_post, now_unix_s: T0 };
        let mut out = Vec::new();
        assert_eq!(
            ServerCookie::new().finish(&rules, &ClientCookie::new(), &answer, || false, &mut out),
            letter
        );
        assert_eq!(out.is_empty(), !is_post);
    }
}

#[test]
fn attributes_stand_in_haproxys_order() {
    let domain = [".example.com".to_string(), ".example.org".to_string()];
    let attr = ["SameSite=Lax".to_string(), "Priority=High".to_string()];
    assert_eq!(
        &*attributes(&domain, true, true, &attr),
        b"; path=/; domain=.example.com; domain=.example.org; HttpOnly; Secure; SameSite=Lax; Priority=High"
    );
    assert_eq!(&*attributes(&[], false, false, &[]), b"; path=/");
}

#[test]
fn dates_past_2038_refresh_no_more_often_than_before() {
    let now = 2_147_483_648 + 1000;
    let text = String::from_utf8(cookie_date::encode(now).to_vec()).unwrap();
    assert_eq!(exchange(&rules(), now, &[&format!("w01|{text}|{text}")], false).0, "VN");
}
