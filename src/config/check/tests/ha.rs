//! `[ha]` and `[[ha.node]]`: each mistake that would keep a pair from failing over, and its remedy.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::super::super::model::{Checksum, Ha, Takeover, Transport};
use super::*;

const PAIR: &str = r#"
[[listener]]
name = "front"
bind = ["198.51.100.3:80", "[2001:db8::3]:80"]
backend = "web"
[[backend]]
name = "web"
server = [{ name = "s", address = "192.0.2.11:80" }]
[ha]
interface = "eth0"
virtual_router_id = 10
addresses = ["198.51.100.3/32"]
#ha
[[ha.node]]
name = "a"
address = "198.51.100.1"
priority = 100
[[ha.node]]
name = "b"
address = "198.51.100.2"
priority = 99
#node
"#;

/// The pair with lines added below `[ha]` or its nodes, or, for `old -> new`, with a replacement.
fn pair(change: &str) -> String {
    if let Some((old, new)) = change.split_once(" -> ") {
        assert!(PAIR.contains(old), "{old}");
        return PAIR.replacen(old, new, 1);
    }
    match change.strip_prefix("[[ha.node]]") {
        Some(_) => PAIR.replacen("#node", change, 1),
        None => PAIR.replacen("#ha", change, 1),
    }
}

fn check_in(folder: &Path, change: &str) -> Result<Config, Report> {
    parse(&pair(change), "t.toml", folder)
}

fn ha(change: &str) -> Ha {
    let config = check_in(Path::new("/nonexistent"), change).unwrap_or_else(|report| panic!("{report}"));
    assert!(config.warnings.is_empty(), "{change}\n{}", config.warnings.join("\n"));
    config.ha.unwrap()
}

/// Message, text under the caret, and help of the one finding of a kind.
fn one_finding(entries: &[String]) -> (String, String, String) {
    assert_eq!(entries.len(), 1, "{}", entries.join("\n"));
    let lines: Vec<&str> = entries[0].lines().collect();
    let source = lines.iter().position(|line| line.contains(" | ")).map(|at| (lines[at], lines[at + 1]));
    let (text, carets) = source.expect("a place");
    let (from, to) = (carets.find('^').unwrap(), carets.rfind('^').unwrap() + 1);
    let message = lines[0].split_once(": ").unwrap().1;
    let help = lines.last().unwrap().strip_prefix("help: ").expect("a remedy");
    (message.into(), text[from..to].into(), help.into())
}

fn gives_error(change: &str, message: &str, under: &str, help: &str) {
    let report = check_in(Path::new("/nonexistent"), change).expect_err(change);
    let found = one_finding(&report.errors);
    assert_eq!(found, (message.into(), under.into(), help.into()), "{change}\n{report}");
}

fn gives_warning(change: &str, message: &str, under: &str, help: &str) {
    let config = check_in(Path::new("/nonexistent"), change).unwrap_or_else(|report| panic!("{report}"));
    let found = one_finding(&config.warnings);
    assert_eq!(found, (message.into(), under.into(), help.into()), "{change}");
}

#[test]
fn a_pair_that_says_no_more_than_it_must_has_keepaliveds_defaults() {
    let ha = ha("");
    assert_eq!((ha.version.number(), ha.advert_interval), (2, Duration::from_secs(1)));
    assert_eq!((ha.serving_weight, ha.preempt, ha.preempt_delay), (2, true, Duration::ZERO));
    assert!(ha.auth_pass.is_none() && ha.notify.is_none() && ha.announce_refresh.is_zero());
    assert!(matches!(ha.transport, Transport::Unicast));
}

#[test]
fn reads_every_choice() {
    let all = "version = 3\nadvert_interval = \"10ms\"\nserving_weight = 154\npreempt_delay = \"5s\"\n\
               takeover = \"skew\"\ntransport = \"multicast\"\nchecksum = \"rfc9568\"\ndrain = \"0s\"\n\
               stall_limit = \"200ms\"\nannounce_refresh = \"60s\"";
    let ha = ha(all);
    assert_eq!((ha.version.number(), ha.advert_interval), (3, Duration::from_millis(10)));
    assert_eq!((ha.serving_weight, ha.preempt_delay), (154, Duration::from_secs(5)));
    assert_eq!((ha.takeover, ha.checksum), (Takeover::Skew, Checksum::Rfc9568));
    assert!(matches!(ha.transport, Transport::Multicast));
    assert_eq!((ha.drain, ha.stall_limit), (Duration::ZERO, Duration::from_millis(200)));
    assert_eq!(ha.announce_refresh, Duration::from_secs(60));
    assert!(!self::ha("preempt = false").preempt);
    for (interval, version) in [("255s", 2), ("40950ms", 3), ("1s", 3)] {
        self::ha(&format!("version = {version}\nadvert_interval = \"{interval}\""));
    }
}

#[test]
fn a_pair_of_ipv6_addresses_speaks_version_3() {
    let text = PAIR
        .replace("\"198.51.100.3/32\"", "\"2001:db8::3\", \"2001:db8::4/64\"")
        .replace("[2001:db8::3]:80", "[::]:80")
        .replace("198.51.100.1", "2001:db8::1")
        .replace("198.51.100.2", "2001:db8::2")
        .replace("#ha", "version = 3");
    let config = parse(&text, "t.toml", Path::new("")).unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings.join("\n"));
    let addresses = config.ha.unwrap().addresses;
    assert_eq!(addresses, ["2001:db8::3/128".parse().unwrap(), "2001:db8::4/64".parse().unwrap()]);
    let report = parse(&text.replace("version = 3", ""), "t.toml", Path::new("")).unwrap_err();
    assert_eq!(messages(&report.errors), ["version 2 carries IPv4 addresses only"]);
}

#[test]
fn an_interval_that_its_version_cannot_send_is_an_error() {
    gives_error(
        "advert_interval = \"250ms\"",
        "version 2 sends whole seconds, and 250ms is none",
        "\"250ms\"",
        "write \"1s\", or add `version = 3`, which goes down to \"10ms\"; the same on every node",
    );
    gives_error(
        "version = 3\nadvert_interval = \"25ms\"",
        "version 3 sends steps of 10ms, and 25ms is none",
        "\"25ms\"",
        "write \"20ms\" or \"30ms\"",
    );
    gives_error(
        "version = 3\nadvert_interval = \"41s\"",
        "version 3 cannot send so long an interval",
        "\"41s\"",
        "write at most \"40950ms\"",
    );
}

#[test]
fn what_is_out_of_range_says_how_far_it_goes() {
    for (change, key, range) in [
        ("virtual_router_id = 10 -> virtual_router_id = 0", "virtual_router_id", "1 to 255"),
        ("virtual_router_id = 10 -> virtual_router_id = 256", "virtual_router_id", "1 to 255"),
        ("version = 4", "version", "2 to 3"),
        ("advert_interval = \"5ms\"", "advert_interval", "10ms to 255s"),
        ("advert_interval = \"256s\"", "advert_interval", "10ms to 255s"),
        ("serving_weight = 0", "serving_weight", "1 to 253"),
        ("serving_weight = 254", "serving_weight", "1 to 253"),
        ("preempt_delay = \"1001s\"", "preempt_delay", "0ms to 1000s"),
        ("drain = \"301s\"", "drain", "0ms to 5m"),
        ("stall_limit = \"100ms\"", "stall_limit", "200ms to 1m"),
        ("announce_refresh = \"2d\"", "announce_refresh", "0ms to 1d"),
        ("udp_port = 0\ntransport = \"udp\"\nsecret_file = \"f\"", "udp_port", "1 to 65535"),
        ("priority = 99 -> priority = 255", "priority", "1 to 254"),
        ("priority = 99 -> priority = 0", "priority", "1 to 254"),
    ] {
        let report = check_in(Path::new("/nonexistent"), change).unwrap_err();
        assert_eq!(messages(&report.errors)[0], format!("`{key}` is out of range"), "{change}");
        assert!(report.errors[0].contains(&format!("help: it goes from {range}")), "{report}");
    }
    gives_error(
        "announce_refresh = \"100ms\"",
        "announcements every so often would flood the network",
        "\"100ms\"",
        "write \"1s\" or more, such as \"60s\", or \"0s\" for never",
    );
}

#[test]
fn a_password_is_cut_with_a_warning_and_shown_nowhere() {
    let change = "auth_pass = \"hunter2hunter2\"";
    gives_warning(
        change,
        "version 2 sends 8 bytes of a password: the first 8 of `auth_pass` are sent and the last 6 cut, as \
         keepalived cuts them",
        "***",
        "write the first 8 alone; the nodes understand each other either way",
    );
    let config = check_in(Path::new(""), change).unwrap();
    assert_eq!(config.ha.as_ref().unwrap().auth_pass.unwrap().0, *b"hunter2h");
    assert!(!format!("{config:?}{:?}", config.warnings).contains("hunter2"));
    assert_eq!(ha("auth_pass = \"1234\"").auth_pass.unwrap().0, *b"1234\0\0\0\0");
    assert_eq!(ha("auth_pass = \"12345678\"").auth_pass.unwrap().0, *b"12345678");
    gives_error(
        "version = 3\nauth_pass = \"hunter2\"",
        "`auth_pass` cannot be sent with version 3",
        "***",
        "remove `auth_pass`: version 3 has no password; `transport = \"udp\"` has a secret",
    );
    let empty = "write 1 to 8 characters, or remove the key";
    gives_error("auth_pass = \"\"", "`auth_pass` is empty", "***", empty);
    let zero = "use letters and digits: the password is padded with zero bytes";
    gives_error("auth_pass = \"a\\u0000\"", "`auth_pass` holds a zero byte", "***", zero);
}

#[test]
fn priorities_have_to_decide_and_the_weight_to_turn_them_around() {
    gives_error(
        "priority = 99 -> priority = 100",
        "node \"a\" has priority 100 already",
        "100",
        "say which node is to be active when all serve: write 99, or raise the other",
    );
    gives_error(
        "priority = 99 -> priority = 98",
        "`serving_weight` 2 cannot change who is active: \"a\" has 100 when it does not serve, \"b\" has 100 \
         when it does",
        "98",
        "write at least 3, or bring the priorities closer together",
    );
    gives_error(
        "serving_weight = 1",
        "`serving_weight` 1 cannot change who is active: \"a\" has 100 when it does not serve, \"b\" has 100 \
         when it does",
        "1",
        "write at least 2, or bring the priorities closer together",
    );
    gives_error(
        "serving_weight = 155",
        "priority 100 of \"a\" and `serving_weight` 155 add up to 255; the most is 254",
        "155",
        "lower the priority to 99 or less, or the weight",
    );
    gives_error(
        "priority = 100 -> priority = 253",
        "priority 253 of \"a\" and `serving_weight` 2 add up to 255; the most is 254",
        "253",
        "lower the priority to 252 or less, or the weight",
    );
    gives_error(
        "priority = 100 -> priority = 250",
        "`serving_weight` 2 cannot change who is active: \"a\" has 250 when it does not serve, \"b\" has 101 \
         when it does",
        "99",
        "bring the priorities closer together, such as 100 and 99",
    );
    let third = "[[ha.node]]\nname = \"c\"\naddress = \"198.51.100.4\"\npriority = 98";
    assert!(check_in(Path::new(""), third).is_err(), "the third node is not better than a dead first");
    let third = pair(third).replace("#ha", "serving_weight = 3");
    assert_eq!(parse(&third, "t.toml", Path::new("")).unwrap().ha.unwrap().nodes.len(), 3);
}

#[test]
fn nodes_are_two_or_more_and_told_apart() {
    let only = "write the node's own address, such as \"198.51.100.1\"";
    let one = PAIR.split("[[ha.node]]\nname = \"b\"").next().unwrap();
    let report = parse(one, "t.toml", Path::new("")).unwrap_err();
    assert_eq!(messages(&report.errors), ["one node is no pair"]);
    let none = PAIR.split("[[ha.node]]").next().unwrap();
    let report = parse(none, "t.toml", Path::new("")).unwrap_err();
    assert_eq!(messages(&report.errors), ["the pair has no nodes"]);
    gives_error(
        "\"198.51.100.2\" -> \"198.51.100.1\"",
        "198.51.100.1 is the address of node \"a\" already",
        "\"198.51.100.1\"",
        "write each node's own address, which it has whether active or not",
    );
    gives_error(
        "\"198.51.100.2\" -> \"198.51.100.3\"",
        "198.51.100.3 is shared, so it cannot be a node's own address",
        "\"198.51.100.3\"",
        "write the address that this node keeps when another one is active",
    );
    gives_error(
        "\"198.51.100.2\" -> \"2001:db8::2\"",
        "2001:db8::2 is not of the family of the shared 198.51.100.3",
        "\"2001:db8::2\"",
        "write the node's IPv4 address, such as \"198.51.100.1\"",
    );
    for (written, address) in
        [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("224.0.0.18", "224.0.0.18")]
    {
        gives_error(
            &format!("\"198.51.100.2\" -> \"{written}\""),
            &format!("{address} is not the address of one machine on the network"),
            &format!("\"{written}\""),
            only,
        );
    }
    for (written, help) in [
        (
            "198.51.100.2:112",
            "adverts have no port here, `udp_port` is for all nodes: write \"198.51.100.2\"",
        ),
        ("198.51.100.2/24", "a node has one address and no prefix: write \"198.51.100.2\""),
        ("node2", "names are not resolved: write the node's own address, such as \"198.51.100.1\""),
    ] {
        let message = format!("\"{written}\" is not an IP address");
        gives_error(&format!("\"198.51.100.2\" -> \"{written}\""), &message, &format!("\"{written}\""), help);
    }
    gives_error(
        "name = \"b\" -> name = \"a\"",
        "a node named `a` stands above already",
        "\"a\"",
        "give each node its own name",
    );
    let many: String = (3..=9)
        .map(|n| {
            format!("[[ha.node]]\nname = \"n{n}\"\naddress = \"198.51.100.{}\"\npriority = {n}\n", n + 10)
        })
        .collect();
    let report = check_in(Path::new(""), &many).unwrap_err();
    assert!(messages(&report.errors).contains(&"there are too many nodes"), "{report}");
}

#[test]
fn shared_addresses_are_of_one_family_and_each_of_one_machine() {
    let shared = |list: &str| format!("[\"198.51.100.3/32\"] -> [{list}]");
    let form = "write it like \"198.51.100.3/32\" or \"2001:db8::3/128\"";
    for (list, message, under, help) in [
        ("", "there is no address for the nodes to share", "[]", "add `addresses = [\"198.51.100.3/32\"]`"),
        ("\"vip\"", "\"vip\" is not an address with its prefix", "\"vip\"", form),
        (
            "\"198.51.100.3/33\"",
            "\"198.51.100.3/33\" is not an address with its prefix",
            "\"198.51.100.3/33\"",
            form,
        ),
        ("\"127.0.0.1\"", "127.0.0.1 is not the address of one machine", "\"127.0.0.1\"", form),
        ("\"0.0.0.0/0\"", "0.0.0.0 is not the address of one machine", "\"0.0.0.0/0\"", form),
        (
            "\"198.51.100.3/0\"",
            "198.51.100.3/0 would put every address on the interface",
            "\"198.51.100.3/0\"",
            "write \"198.51.100.3/32\"",
        ),
        (
            "\"198.51.100.0/24\"",
            "198.51.100.0 stands for the network 198.51.100.0/24, not for a machine in it",
            "\"198.51.100.0/24\"",
            "write the shared address itself, such as \"198.51.100.0/32\" if it is that",
        ),
        (
            "\"198.51.100.255/24\"",
            "198.51.100.255 stands for the network 198.51.100.0/24, not for a machine in it",
            "\"198.51.100.255/24\"",
            "write the shared address itself, such as \"198.51.100.255/32\" if it is that",
        ),
        (
            "\"198.51.100.3/32\", \"198.51.100.3/24\"",
            "198.51.100.3 is shared twice",
            "\"198.51.100.3/24\"",
            "write each address once",
        ),
        (
            "\"198.51.100.3\", \"2001:db8::3\"",
            "2001:db8::3 is not of the family of 198.51.100.3",
            "\"2001:db8::3\"",
            "one advert carries IPv4 or IPv6: share the addresses of one family, and bind the listeners of the \
             other to addresses of the nodes",
        ),
    ] {
        gives_error(&shared(list), message, under, help);
    }
    let many: Vec<String> = (0..=64).map(|n| format!("\"203.0.113.{n}\"")).collect();
    let report = check_in(Path::new(""), &shared(&many.join(", "))).unwrap_err();
    assert_eq!(messages(&report.errors), ["there are too many shared addresses for one advert"]);
}

#[test]
fn a_shared_address_that_no_listener_has_is_a_warning() {
    gives_warning(
        "[\"198.51.100.3/32\"] -> [\"198.51.100.3/32\", \"198.51.100.4/24\"]",
        "no listener is bound to 198.51.100.4, so its clients find nobody",
        "\"198.51.100.4/24\"",
        "add \"198.51.100.4:443\" to the `bind` of a [[listener]], or \"0.0.0.0:443\"",
    );
    ha("\"198.51.100.3:80\" -> \"0.0.0.0:80\"");
    let broken = pair("\"198.51.100.3:80\" -> \"nowhere\"");
    assert!(parse(&broken, "t.toml", Path::new("")).unwrap_err().warnings.is_empty(), "one fault, one word");
}

#[test]
fn udp_needs_a_secret_that_is_long_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8], mode| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("good", &[b'x'; 32], 0o600);
    write("line", &[&[b'x'; 32][..], b"\r\n"].concat(), 0o600);
    write("open", &[b'x'; 32], 0o644);
    write("short", &[&[b'x'; 31][..], b"\n"].concat(), 0o600);
    write("long", &[b'x'; 5000], 0o600);
    let udp = |name: &str| format!("transport = \"udp\"\nsecret_file = \"{name}\"");
    for name in ["good", "line"] {
        let config = check_in(folder.path(), &udp(name)).unwrap();
        assert!(config.warnings.is_empty());
        let Transport::Udp { port, secret } = config.ha.unwrap().transport else { panic!("not udp") };
        assert_eq!((port, &*secret.0), (8112, &[b'x'; 32][..]));
        assert!(!format!("{secret:?}").contains("120"));
    }
    let config = check_in(folder.path(), &udp("open")).unwrap();
    let (message, under, help) = one_finding(&config.warnings);
    let path = folder.path().join("open");
    assert_eq!(message, format!("everybody on this machine can read {}", path.display()));
    assert_eq!((under.as_str(), help), ("\"open\"", format!("chmod 600 {}", path.display())));
    for (name, message) in [
        ("short", "holds 31 bytes; a secret has 32 to 4096"),
        ("long", "holds more than 4096 bytes; a secret has 32 to 4096"),
        ("missing", "cannot be read: No such file or directory (os error 2)"),
    ] {
        let report = check_in(folder.path(), &udp(name)).unwrap_err();
        let (found, under, help) = one_finding(&report.errors);
        assert_eq!(found, format!("{} {message}", folder.path().join(name).display()));
        assert_eq!(under, format!("\"{name}\""));
        assert!(help.starts_with("make one with: openssl rand"), "{help}");
    }
    let report = check_in(folder.path(), "transport = \"udp\"").unwrap_err();
    let expected = "`transport = \"udp\"` needs a secret, or anybody could take the addresses";
    assert_eq!(messages(&report.errors), [expected]);
    let config = check_in(folder.path(), &format!("{}\nauth_pass = \"hunter2\"", udp("good"))).unwrap();
    let expected = "`auth_pass` adds nothing to the secret of `transport = \"udp\"`";
    assert_eq!(messages(&config.warnings), [expected]);
}

#[test]
fn what_would_change_nothing_is_said() {
    gives_error(
        "udp_port = 8112",
        "`udp_port` has no effect with `transport = \"unicast\"`",
        "8112",
        "write `transport = \"udp\"`, or remove `udp_port`",
    );
    gives_error(
        "secret_file = \"x\"\ntransport = \"multicast\"",
        "`secret_file` has no effect with `transport = \"multicast\"`",
        "\"x\"",
        "write `transport = \"udp\"`, or remove `secret_file`",
    );
    gives_warning(
        "checksum = \"rfc9568\"",
        "`checksum` has no effect: there is a choice in version 3 over IPv4 only",
        "\"rfc9568\"",
        "remove `checksum`",
    );
    gives_warning(
        "preempt = false\npreempt_delay = \"5s\"",
        "`preempt_delay` has no effect with `preempt = false`",
        "\"5s\"",
        "remove `preempt_delay`, or write `preempt = true`",
    );
}

#[test]
fn an_interface_has_a_name_that_the_kernel_takes() {
    for name in ["", "eth0:1", "a/b", "..", "sixteen-letters-", "eth 0"] {
        let report = check_in(Path::new(""), &format!("\"eth0\" -> \"{name}\"")).unwrap_err();
        assert_eq!(messages(&report.errors), [format!("`{name}` is not the name of an interface")]);
    }
    gives_error(
        "\"eth0\" -> \"lo\"",
        "\"lo\" reaches no other node",
        "\"lo\"",
        "write the interface on the network of the shared addresses, such as \"eth0\"",
    );
}

#[test]
fn notify_names_a_program_that_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("notify.sh");
    let with_mode = |mode| {
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(mode)).unwrap();
        check_in(folder.path(), "notify = \"notify.sh\"")
    };
    let shown = script.display();
    let config = with_mode(0o755).unwrap();
    assert_eq!(config.ha.unwrap().notify, Some(PathBuf::from(&script)));
    let (message, under, help) = one_finding(&with_mode(0o644).unwrap_err().errors);
    assert_eq!((message, under.as_str()), (format!("{shown} is not executable"), "\"notify.sh\""));
    assert_eq!(help, format!("chmod 755 {shown}"));
    let (message, ..) = one_finding(&with_mode(0o757).unwrap().warnings);
    assert_eq!(message, format!("everybody on this machine can change {shown}, and so what torii runs"));
    for (written, message) in [
        ("missing", "cannot be run: No such file or directory (os error 2)"),
        ("notify.sh --now", "cannot be run: No such file or directory (os error 2)"),
        ("", "is not a file"),
    ] {
        let report = check_in(folder.path(), &format!("notify = \"{written}\"")).unwrap_err();
        let (found, ..) = one_finding(&report.errors);
        assert_eq!(found, format!("{} {message}", folder.path().join(written).display()));
    }
}
