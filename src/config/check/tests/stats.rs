//! Users and passwords, the page's path, certificates, and warnings.

use super::*;

#[test]
fn a_user_has_exactly_one_password() {
    let digest = "ab".repeat(32);
    let cases = [
        ("name = \"u\"".to_owned(), "this user has no password"),
        (
            format!("name = \"u\", password = \"p\", password_sha256 = \"{digest}\""),
            "this user has more than one password",
        ),
        ("name = \"u\", password = \"\"".into(), "the password is empty"),
        ("name = \"u\", password_sha256 = \"ab\"".into(), "`password_sha256` is not a SHA-256 digest"),
        (
            format!("name = \"u\", password_sha256 = \"{}\"", "xy".repeat(32)),
            "`password_sha256` is not a SHA-256 digest",
        ),
        ("name = \"a:b\", password = \"p\"".into(), "the user name `a:b` holds a `:`"),
        ("name = \"\", password = \"p\"".into(), "`` is not a user name"),
        ("password = \"p\"".into(), "`users` has no `name`"),
        (
            "name = \"u\", password_file = \"missing\"".into(),
            "/nonexistent/missing cannot be read: No such file or directory (os error 2)",
        ),
        (
            "name = \"u\", password = \"p\" }, { name = \"u\", password = \"q\"".into(),
            "a user named `u` stands above already",
        ),
    ];
    for (user, expected) in cases {
        each_gives_one_error(&[("stats", &format!("users = [{{ {user} }}]"), expected)]);
    }
}

#[test]
fn every_way_to_write_a_password_gives_the_same_digest() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "abc\r\n").unwrap();
    // The example of FIPS 180-4, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let users = format!(
        "users = [{{ name = \"a\", password = \"abc\" }}, \
         {{ name = \"b\", password_sha256 = \"{digest}\" }}, \
         {{ name = \"c\", password_file = \"secret\" }}]"
    );
    let config = parse(&file("stats", &users), "t.toml", folder.path()).unwrap();
    let users = config.stats.unwrap().users;
    assert_eq!(users.len(), 3);
    assert_eq!(users[0].password_sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert!(users.iter().all(|user| user.password_sha256 == users[0].password_sha256));
}

#[test]
fn checks_the_path_of_the_statistics_page() {
    each_gives_one_error(&[
        ("stats", "path = \"stats\"", "the path of the page must begin with `/`"),
        ("stats", "path = \"/a;csv\"", "\"/a;csv\" is not the path of a page"),
        ("stats", "path = \"/a b\"", "\"/a b\" is not the path of a page"),
    ]);
    each_is_accepted(&[("stats", "path = \"/\""), ("stats", "path = \"/haproxy/stats\"")]);
}

#[test]
fn warns_of_what_has_no_effect_or_is_open() {
    let warnings = |place, change| {
        let config = check(place, change).unwrap();
        messages(&config.warnings).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let open = [
        "the statistics page is open to everybody",
        "the statistics page is served without TLS: pages and passwords can be read on the way",
    ];
    assert_eq!(warnings("replace [\"127.0.0.1:8222\"]", "[\"0.0.0.0:8222\"]"), open);
    let domain = "browsers refuse a cookie for the domain \"localhost\": it has no dot";
    assert_eq!(warnings("cookie", "domain = \"localhost\""), [domain]);
    let listener = "the time-out `server` has no effect in a listener";
    assert_eq!(warnings("listener", "timeouts = { server = \"1s\", client = \"1s\" }"), [listener]);
    let backend = "the time-out `keep_alive` has no effect in a backend";
    assert_eq!(warnings("backend", "timeouts = { server = \"1s\", keep_alive = \"1s\" }"), [backend]);
    let text = BASE.replace("cookie = \"w01\"", "").replace("cookie = \"w02\"", "");
    let config = parse(&text, "t.toml", Path::new("")).unwrap();
    let nobody = "no server of this backend has a cookie value, so nobody is kept on a server";
    assert_eq!(messages(&config.warnings), [nobody]);
    let text = BASE.replace("[backend.cookie]\nname = \"id\"", "");
    let config = parse(&text, "t.toml", Path::new("")).unwrap();
    let unused = "this cookie value has no effect: its backend has no [backend.cookie]";
    assert_eq!(messages(&config.warnings), [unused]);
}

#[test]
fn reports_certificates_at_their_entry() {
    let report = check("listener", "tls = { certificates = [\"a.pem\", \"b.pem\"], min_version = \"1.3\" }")
        .unwrap_err();
    assert_eq!(
        messages(&report.errors),
        ["/nonexistent/a.pem does not exist", "/nonexistent/b.pem does not exist"]
    );
    each_gives_one_error(&[
        ("listener", "tls = {}", "TLS needs a certificate"),
        ("listener", "tls = { certificates = [] }", "TLS needs a certificate"),
        ("listener", "tls = { certificates = [\"/dev/null\"] }", "/dev/null is not a file"),
    ]);
}

#[test]
fn reports_a_key_that_belongs_to_another_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let issue = || rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    let path = folder.path().join("site.pem");
    std::fs::write(&path, issue().cert.pem() + &issue().signing_key.serialize_pem()).unwrap();
    let text = file("listener", "tls = { certificates = [\"site.pem\"] }");
    let report = parse(&text, "t.toml", folder.path()).unwrap_err();
    let expected = format!("{} holds a private key that does not belong to its certificate", path.display());
    assert_eq!(messages(&report.errors), [expected]);
    assert!(!report.to_string().contains("PRIVATE KEY"));
}
