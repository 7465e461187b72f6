//! Networks, whom a listener believes, and what servers are told.

use std::net::IpAddr;

use super::*;
use crate::proxy_protocol::Version;

#[test]
fn networks_are_checked_where_they_stand() {
    each_gives_one_error(&[
        ("listener", "deny = \"10.0.0.0/8\"", "`deny` must be a list of strings, not a string"),
        ("listener", "deny = [\"10.0.0.0/33\"]", "\"10.0.0.0/33\" has a prefix longer than its address"),
        ("listener", "deny = [\"example.com\"]", "\"example.com\" is neither an address nor a network"),
        (
            "listener",
            "allow = [\"10.0.0.0/8\", \"10.0.0.1:80\"]",
            "\"10.0.0.1:80\" is neither an address nor a network",
        ),
        ("listener", "allow = []", "`allow` holds no network, so nobody could connect"),
        ("listener", "trusted_proxies = [\"\"]", "\"\" is neither an address nor a network"),
        (
            "backend",
            "forwarded_for = true\nforwarded_for_except = [\"x\"]",
            "\"x\" is neither an address nor a network",
        ),
        (
            "listener",
            "deny = [\"file:none.txt\"]",
            "/nonexistent/none.txt cannot be read: No such file or directory (os error 2)",
        ),
    ]);
    each_is_accepted(&[
        ("listener", "deny = []"),
        ("listener", "deny = [\"10.0.0.0/8\", \"2001:db8::/32\", \"192.0.2.7\"]\nallow = [\"0.0.0.0/0\"]"),
        ("listener", "trusted_proxies = []"),
    ]);
}

#[test]
fn bits_beyond_a_prefix_give_a_warning() {
    let config = check("listener", "deny = [\"10.1.2.3/8\"]").unwrap();
    assert_eq!(messages(&config.warnings), ["\"10.1.2.3/8\" has bits beyond its prefix"]);
    assert!(config.warnings[0].contains("\"10.0.0.0/8\""));
    let access = config.listeners[0].access.as_ref().unwrap();
    assert!(!access.permits("10.200.0.1".parse().unwrap()));
}

/// A listener with a file of networks.
fn check_file(key: &str, content: &[u8]) -> Result<Config, Report> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("networks.txt"), content).unwrap();
    let text = file("listener", &format!("{key} = [\"file:networks.txt\", \"192.0.2.1\"]"));
    parse(&text, "t.toml", folder.path())
}

#[test]
fn a_file_of_networks_is_read_beside_the_configuration() {
    let content = b"# a comment\n10.0.0.0/8 # behind one\r\n\n  2001:db8::/32\t; SBL1\n192.0.2.7\n";
    let config = check_file("deny", content).unwrap();
    assert!(config.warnings.is_empty());
    let access = config.listeners[0].access.as_ref().unwrap();
    for denied in ["10.9.9.9", "2001:db8::1", "192.0.2.7", "192.0.2.1"] {
        assert!(!access.permits(denied.parse().unwrap()), "{denied}");
    }
    assert!(access.permits("192.0.2.8".parse().unwrap()));
    assert!(check_file("deny", b"").is_ok(), "a list of nobody may be empty");
}

#[test]
fn faults_of_a_file_are_told_with_its_line() {
    let report = check_file("deny", b"10.0.0.0/8\n10.0.0.0/40\n# x\nnonsense\n").unwrap_err();
    assert_eq!(report.errors.len(), 2);
    assert!(report.errors[0].contains("networks.txt, line 2: \"10.0.0.0/40\" has a prefix"), "{report}");
    assert!(report.errors[1].contains("networks.txt, line 4: \"nonsense\" is neither"), "{report}");
    assert!(report.errors[0].contains("^^^"), "{report}");
    let many = check_file("deny", "x\n".repeat(1000).as_bytes()).unwrap_err();
    assert!(many.errors.len() <= crate::limits::NETWORK_FILE_FAULTS);
    let report = check_file("deny", b"\xff\xfe").unwrap_err();
    assert!(report.errors[0].contains("is not UTF-8 text"), "{report}");
    let large = vec![b'#'; crate::limits::NETWORK_FILE_SIZE + 1];
    assert!(check_file("deny", &large).unwrap_err().errors[0].contains("is larger than"));
}

#[test]
fn a_hundred_thousand_networks_are_read_and_found() {
    let mut content = String::new();
    for index in 0..100_000u32 {
        content.push_str(&format!("10.{}.{}.{}/31\n", index >> 15, index >> 7 & 255, (index << 1) & 255));
    }
    let config = check_file("deny", content.as_bytes()).unwrap();
    let access = config.listeners[0].access.as_ref().unwrap();
    let denied = |text: &str| !access.permits(text.parse::<IpAddr>().unwrap());
    assert!(denied("10.0.0.0") && denied("10.3.13.63") && !denied("10.3.13.64") && !denied("11.0.0.0"));
}

#[test]
fn who_is_believed_has_to_be_said() {
    each_gives_one_error(&[
        (
            "listener",
            "client_address_header = \"True-Client-IP\"",
            "`client_address_header` without `trusted_proxies` would believe every client",
        ),
        (
            "listener",
            "trusted_proxies = [\"10.0.0.0/8\"]\nclient_address_header = \"X-Forwarded-For\"",
            "\"X-Forwarded-For\" is a list of addresses, not one address",
        ),
        (
            "listener",
            "trusted_proxies = [\"10.0.0.0/8\"]\nclient_address_header = \"Host\"",
            "`Host` is not a field that holds an address",
        ),
        (
            "listener",
            "trusted_proxies = [\"10.0.0.0/8\"]\nclient_address_header = \"a b\"",
            "`a b` is not a field that holds an address",
        ),
        (
            "listener",
            "trusted_proxies = []\naccept_proxy = true",
            "nobody is trusted to send the PROXY protocol header that is required",
        ),
        ("backend", "send_proxy = \"v3\"", "`send_proxy` cannot be \"v3\""),
        ("server", "send_proxy = true", "`send_proxy` must be a string, not true or false"),
    ]);
    each_is_accepted(&[
        ("listener", "trusted_proxies = [\"10.0.0.0/8\"]\naccept_proxy = true"),
        ("listener", "trusted_proxies = [\"10.0.0.0/8\"]\nclient_address_header = \"True-Client-IP\""),
        ("listener", "accept_proxy = false"),
    ]);
    let warnings = |place, change| check(place, change).unwrap().warnings;
    assert_eq!(
        messages(&warnings("listener", "accept_proxy = true")),
        ["whoever reaches this listener can claim any address by PROXY protocol"]
    );
    assert_eq!(
        messages(&warnings("backend", "forwarded_for_except = [\"10.0.0.0/8\"]")),
        ["`forwarded_for_except` has no effect alone"]
    );
}

#[test]
fn a_server_follows_its_backend_unless_it_says_otherwise() {
    let versions = |text: &str| {
        let config = parse(text, "t.toml", Path::new("")).unwrap();
        let servers = config.backends[0].servers.iter();
        servers.map(|server| server.send_proxy).collect::<Vec<_>>()
    };
    assert_eq!(versions(BASE), [None, None]);
    let both = file("backend", "send_proxy = \"v2\"");
    assert_eq!(versions(&both), [Some(Version::V2); 2]);
    assert_eq!(versions(&both.replace("#server", "send_proxy = \"off\"")), [None, Some(Version::V2)]);
    assert_eq!(versions(&file("server", "send_proxy = \"v1\"")), [Some(Version::V1), None]);
}

#[test]
fn fields_for_servers_are_off_unless_asked_for() {
    let forwarding = |change| check("backend", change).unwrap().backends[0].forwarding.clone();
    assert_eq!(forwarding(""), None);
    assert_eq!(forwarding("forwarded_proto = false"), None);
    let all = forwarding(
        "forwarded_for = true\nforwarded_proto = true\nforwarded_port = true\nforwarded = true\n\
         forwarded_for_except = [\"127.0.0.0/8\"]",
    )
    .unwrap();
    assert!(all.address && all.proto && all.port && all.forwarded && !all.except.is_empty());
}
