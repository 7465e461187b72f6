//! Cookie lines, server cookie values and check requests.

use super::*;
use crate::balance::Balance;
use crate::config::model::CheckKind;

#[test]
fn follows_the_grammar_of_the_cookie_line() {
    each_gives_one_error(&[
        ("replace \"id\"", "\"\"", "`` is not a cookie name"),
        ("replace \"id\"", "\"my id\"", "`my id` is not a cookie name"),
        ("replace \"id\"", "\"a=b\"", "`a=b` is not a cookie name"),
        ("replace \"id\"", "\"$Version\"", "`$Version` would never be found: `$` begins an attribute"),
        ("replace name = \"id\"", "", "[backend.cookie] has no `name`"),
        ("cookie", "maxidle = \"500ms\"", "`maxidle` is out of range"),
        ("cookie", "maxidle = \"0s\"", "`maxidle` is out of range"),
        ("cookie", "maxlife = \"1500ms\"", "a cookie's age counts whole seconds"),
        ("cookie", "maxlife = \"2147483648s\"", "`maxlife` is out of range"),
        ("cookie", "domain = \"a b.example\"", "\"a b.example\" is not a domain"),
        ("cookie", "domain = [\".example.com\", \"x;y.z\"]", "\"x;y.z\" is not a domain"),
        (
            "cookie",
            "attr = \"SameSite=Lax; Priority=High\"",
            "\"SameSite=Lax; Priority=High\" is not one cookie attribute",
        ),
        (
            "cookie",
            "attr = [\"a\\r\\nSet-Cookie: b\"]",
            "\"a\\r\\nSet-Cookie: b\" is not one cookie attribute",
        ),
    ]);
    each_is_accepted(&[
        ("cookie", "maxidle = \"1s\"\nmaxlife = \"2147483647s\""),
        (
            "cookie",
            "domain = [\".example.com\", \"www.example.org\"]\nattr = [\"SameSite=Lax\", \"Priority=High\"]",
        ),
        ("cookie", "preserve = true"),
        ("cookie", "indirect = true\npreserve = true\nnocache = true\npostonly = true"),
    ]);
}

#[test]
fn refuses_the_combinations_that_haproxy_refuses() {
    let errors = |change| {
        let report = check("cookie", change).unwrap_err();
        messages(&report.errors).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let rewrite = "the cookie `mode = \"rewrite\"` is not supported yet";
    let prefix = "the cookie `mode = \"prefix\"` is not supported yet";
    let indirect = "`indirect` cannot be combined with `mode = \"rewrite\"`";
    let preserve = "`preserve` needs `mode = \"insert\"` or `indirect = true`";
    assert_eq!(errors("mode = \"rewrite\"\nindirect = true"), [rewrite, indirect]);
    assert_eq!(errors("mode = \"rewrite\"\nindirect = false"), [rewrite]);
    assert_eq!(errors("mode = \"rewrite\"\npreserve = true"), [rewrite, preserve]);
    assert_eq!(errors("mode = \"prefix\"\npreserve = true"), [prefix, preserve]);
    assert_eq!(errors("mode = \"prefix\"\npreserve = true\nindirect = true"), [prefix]);
}

#[test]
fn refuses_cookie_values_that_could_not_be_read_back() {
    let value = "replace \"w02\"";
    each_gives_one_error(&[
        (value, "\"\"", "\"\" is not a cookie value"),
        (value, "\"w|2\"", "\"w|2\" is not a cookie value"),
        (value, "\"w;2\"", "\"w;2\" is not a cookie value"),
        (value, "\"w 2\"", "\"w 2\" is not a cookie value"),
        (value, "\"w\\n2\"", "\"w\\n2\" is not a cookie value"),
        (value, "\"w01\"", "another server of this backend has the cookie value `w01`"),
    ]);
}

#[test]
fn shared_cookie_values_are_accepted_when_they_are_meant() {
    let text = file("replace \"w02\"", "\"w01\"").replace("#backend", "shared_cookie_values = true");
    let config = parse(&text, "t.toml", Path::new("")).unwrap();
    assert!(config.warnings.is_empty());
}

#[test]
fn follows_the_grammar_of_httpchk() {
    each_gives_one_error(&[
        ("check", "http = \"/x\"", "the check request \"/x\" has no method"),
        ("check", "http = \"GET\"", "the target \"\" does not begin with `/`"),
        ("check", "http = \"\"", "\"\" is not a method"),
        ("check", "http = \"GET http://a/\"", "the target \"http://a/\" does not begin with `/`"),
        ("check", "http = \"GET / HTTP/2\"", "\"HTTP/2\" is neither HTTP/1.0 nor HTTP/1.1"),
        ("check", "http = \"GET / HTTP/1.1\"", "a check with HTTP/1.1 needs a host"),
        (
            "check",
            "http = \"GET / HTTP/1.1 a b\"",
            "the check request has more than four words or a control character",
        ),
        (
            "check",
            "http = \"GET / HTTP/1.1\\r\\nHost: a\"",
            "the check request has more than four words or a control character",
        ),
        ("check", "http = \"GET / HTTP/1.1 a\"\nhost = \"b\"", "the host stands in `http` already"),
        ("check", "http = \"GET /\"\nhost = \"a b\"", "\"a b\" is not a host"),
        ("check", "host = \"a\"", "`host` has no effect on a TCP check"),
        ("check", "interval = \"1ms\"", "`interval` is out of range"),
        ("check", "rise = 0", "`rise` is out of range"),
        ("check", "fall = 1001", "`fall` is out of range"),
    ]);
    let kind = |change| check("check", change).unwrap().backends[0].check.clone().unwrap().kind;
    assert_eq!(kind(""), CheckKind::Tcp);
    let http = |target: &str, version: &str, host: Option<&str>| CheckKind::Http {
        method: "GET".into(),
        target: target.into(),
        version: version.into(),
        host: host.map(str::to_owned),
    };
    assert_eq!(kind("http = \"GET /a?b=c\""), http("/a?b=c", "HTTP/1.0", None));
    assert_eq!(
        kind("http = \"GET  / HTTP/1.1 www.example.com:80\""),
        http("/", "HTTP/1.1", Some("www.example.com:80"))
    );
    assert_eq!(kind("http = \"GET / HTTP/1.1\"\nhost = \"a\""), http("/", "HTTP/1.1", Some("a")));
    assert_eq!(kind("http = \"GET /\"\nhost = \"a\""), http("/", "HTTP/1.0", Some("a")));
}

#[test]
fn reads_every_algorithm_that_is_built() {
    let balance = |text: &str| check("backend", text).unwrap().backends[0].balance;
    assert_eq!(balance(""), Balance::RoundRobin);
    assert_eq!(balance("balance = \"roundrobin\""), Balance::RoundRobin);
    assert_eq!(balance("balance = \"leastconn\""), Balance::LeastConn);
    assert_eq!(balance("balance = \"random\""), Balance::Random);
    assert_eq!(balance("balance = \"source\""), Balance::Source);
}

#[test]
fn refuses_a_source_map_that_would_take_long_to_make() {
    let with_servers = |count: usize, weight: &dyn Fn(usize) -> usize| {
        let mut text = "[[listener]]\nname = \"front\"\nbind = [\"127.0.0.1:80\"]\nbackend = \"web\"\n\
            [[backend]]\nname = \"web\"\nbalance = \"source\"\n"
            .to_owned();
        for number in 0..count {
            let weight = weight(number);
            text += &format!(
                "[[backend.server]]\nname = \"s{number}\"\naddress = \"192.0.2.9:80\"\nweight = {weight}\n"
            );
        }
        text
    };
    let parsed = |text: &str| parse(text, "t.toml", Path::new("/nonexistent"));
    assert!(parsed(&with_servers(4000, &|_| 256)).is_ok(), "equal weights, however many");
    assert!(parsed(&with_servers(200, &|number| 1 + number)).is_ok());
    let report = parsed(&with_servers(500, &|number| 1 + number % 256)).unwrap_err();
    assert_eq!(
        messages(&report.errors),
        ["`balance = \"source\"` needs too large a map for these servers and weights"]
    );
}

#[test]
fn a_required_backend_has_a_check() {
    assert!(!check("backend", "").unwrap().backends[0].required);
    let config = check("backend", "required = true").unwrap();
    assert!(config.backends[0].required && config.warnings.is_empty());
    let text = file("backend", "required = true").replace("[backend.check]\n", "");
    let config = parse(&text, "t.toml", Path::new("")).unwrap();
    let expected = "`required` has no effect here: servers without a check are always taken to be up";
    assert_eq!(messages(&config.warnings), [expected]);
    assert!(config.warnings[0].contains("required = true\n   |            ^^^^"), "{}", config.warnings[0]);
}
