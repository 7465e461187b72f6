//! Cookie lines: HAProxy's strip vectors and hostile values.

#![allow(clippy::unwrap_used)]
use super::*;

const NAME: &[u8] = b"lbsessionid";

/// The line after the scan (`None`: removed) and the values that were found.
fn run(line: &[u8], strip: bool) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
    let mut out = b"left from the line before".to_vec();
    let mut values = Vec::new();
    let edit = scan(line, NAME, strip, &mut out, |value| values.push(value.to_vec()));
    let after = match edit {
        FieldEdit::Keep => Some(line.to_vec()),
        FieldEdit::Remove => None,
        FieldEdit::Replace => Some(out),
    };
    (after, values)
}

#[test]
fn strips_as_haproxy_does() {
    let table: &[(&str, Option<&str>, &[&str])] = &[
        ("lbsessionid=w01", None, &["w01"]),
        ("a=1; lbsessionid=w01", Some("a=1"), &["w01"]),
        ("a=1 ; lbsessionid=w01", Some("a=1 "), &["w01"]),
        ("lbsessionid=w01; a=1", Some("a=1"), &["w01"]),
        ("a=1; lbsessionid=w01; b=2", Some("a=1; b=2"), &["w01"]),
        ("a=1;lbsessionid=w01;b=2", Some("a=1; b=2"), &["w01"]),
        ("a=1;  lbsessionid=w01|ZKOZs|ZKOZs  ;  b=2", Some("a=1; b=2"), &["w01|ZKOZs|ZKOZs"]),
        ("a=1, lbsessionid=w01, b=2", Some("a=1, b=2"), &["w01"]),
        ("a=\"x;y\"; lbsessionid=w01; b=2", Some("a=\"x;y\"; b=2"), &["w01"]),
        ("lbsessionid = w01 ; a = 1", Some("a=1"), &["w01"]),
        ("lbsessionid=w01; lbsessionid=w02; a=1", Some("a=1"), &["w01", "w02"]),
        ("lbsessionid=w01; a=1; lbsessionid=w02", Some("a=1"), &["w01", "w02"]),
        ("$Version=1; lbsessionid=w01; $Path=/; a=1", Some("$Version=1; a=1"), &["w01"]),
        ("$Version=1; lbsessionid=w01; $Path=/", None, &["w01"]),
        ("lbsessionid=; a=1", Some("a=1"), &[""]),
        ("lbsessionid; a=1", Some("lbsessionid; a=1"), &[]),
        ("a; lbsessionid=w01", Some("a"), &["w01"]),
        ("lbsessionid=w01;", None, &["w01"]),
        ("LBSESSIONID=w01; a=1", Some("LBSESSIONID=w01; a=1"), &[]),
        ("xlbsessionid=w01; a=1", Some("xlbsessionid=w01; a=1"), &[]),
    ];
    for (line, after, values) in table {
        let (got, found) = run(line.as_bytes(), true);
        assert_eq!(got.as_deref(), after.map(str::as_bytes), "line {line:?}");
        assert_eq!(found, values.iter().map(|v| v.as_bytes().to_vec()).collect::<Vec<_>>(), "line {line:?}");
    }
}

#[test]
fn survives_separators_and_quotes_in_odd_places() {
    let table: &[(&str, Option<&str>, usize)] = &[
        (";lbsessionid=w01", None, 1),
        (",lbsessionid=w01; a=1", Some("a=1"), 1),
        (";;;lbsessionid=w01;;a=1", Some(";;; ;a=1"), 1),
        (";", Some(";"), 0),
        ("; ; ,lbsessionid", Some("; ; ,lbsessionid"), 0),
        ("a=1; lbsessionid=w01;", Some("a=1; "), 1),
        ("a=\"lbsessionid=w01", Some("a=\"lbsessionid=w01"), 0),
        ("a=\"x\\\"; lbsessionid=w02\"; lbsessionid=w01", Some("a=\"x\\\"; lbsessionid=w02\""), 1),
        ("lbsessionid==; a=1", Some("a=1"), 1),
        ("=lbsessionid; lbsessionid=w01", Some("=lbsessionid"), 1),
        ("$lbsessionid=w01", Some("$lbsessionid=w01"), 0),
        ("a=1; $Path=/; lbsessionid=w01; $Path=/; $Port", Some("a=1; $Path=/"), 1),
        ("lbsessionid=\"w01;w02\"", None, 1),
        ("lbsessionid=w\u{0}1; a=1", Some("a=1"), 1),
    ];
    for (line, after, count) in table {
        let (got, found) = run(line.as_bytes(), true);
        assert_eq!(got.as_deref(), after.map(str::as_bytes), "line {line:?}");
        assert_eq!(found.len(), *count, "line {line:?}");
    }
}

#[test]
fn a_line_that_is_kept_is_not_copied() {
    let mut out = Vec::new();
    assert_eq!(scan(b"a = 1; b=2", NAME, true, &mut out, |_| ()), FieldEdit::Keep);
    assert_eq!(out.capacity(), 0);
    assert_eq!(scan(b"a=1", b"", true, &mut out, |_| unreachable!()), FieldEdit::Keep);
}

#[test]
fn without_strip_only_blanks_beside_equal_signs_go() {
    assert_eq!(
        run(b"a=1; lbsessionid=w01", false),
        (Some(b"a=1; lbsessionid=w01".to_vec()), vec![b"w01".to_vec()])
    );
    let (after, found) = run(b"a = 1 ; lbsessionid\t= w01 ; b", false);
    assert_eq!(after.unwrap(), b"a=1 ; lbsessionid=w01 ; b");
    assert_eq!(found, [b"w01"]);
}

#[test]
fn long_and_repeated_cookies_end() {
    let many = b"lbsessionid=w99;".repeat(50);
    assert_eq!(run(&many, true).1.len(), 50);
    let long = [b"lbsessionid=".as_slice(), &[b'x'; 8192]].concat();
    assert_eq!(run(&long, true), (None, vec![vec![b'x'; 8192]]));
    let separators = [b";,".repeat(8000).as_slice(), b"lbsessionid=w01"].concat();
    assert_eq!(run(&separators, true).1, [b"w01"]);
}

#[test]
fn every_short_line_over_a_hostile_alphabet_ends_and_never_leaks_the_cookie() {
    // All lines of up to seven bytes: 7^7 / 6 of them, each with the one-letter name "n".
    let alphabet = b"n=;, \"$";
    let mut out = Vec::new();
    for length in 0..=7u32 {
        for number in 0..7u32.pow(length) {
            let mut rest = number as usize;
            let line: Vec<u8> = (0..length)
                .map(|_| {
                    let byte = alphabet[rest % 7];
                    rest /= 7;
                    byte
                })
                .collect();
            let line = line.trim_ascii();
            let mut count = 0;
            if scan(line, b"n", true, &mut out, |_| count += 1) == FieldEdit::Replace {
                let stripped = out.clone();
                let mut again = 0;
                scan(&stripped, b"n", true, &mut out, |_| again += 1);
                assert!(again == 0, "{line:?} became {stripped:?}");
                assert!(stripped.len() <= line.len());
            } else {
                assert!(count == 0 || line.contains(&b'='));
            }
        }
    }
}

#[test]
fn reads_the_name_of_a_set_cookie_line() {
    let table: &[(&[u8], Option<&[u8]>)] = &[
        (b"lbsessionid=x; Max-Age=0", Some(b"lbsessionid")),
        (b" a = b", Some(b"a")),
        (b"a=b,c=d", Some(b"a")),
        (b"=x", Some(b"")),
        (b"a", None),
        (b"Secure; lbsessionid=x", None),
        (b"", None),
    ];
    for (line, name) in table {
        assert_eq!(set_cookie_name(line), *name);
    }
}
