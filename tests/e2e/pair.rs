//! `[ha]` on a machine that is no node of the pair: a warning of `torii check`, the end of `torii run`.
//!
//! What a pair does is in tests of their own, which need a network for each node.

use crate::support::torii::check;
use crate::support::{Configuration, Origin, Torii, ports};

/// A pair of addresses that no machine has, on an interface that no machine has.
const PAIR: &str = "[ha]\ninterface = \"no-such-link\"\nvirtual_router_id = 10\naddresses = [\"203.0.113.3\"]\n\
    node = [{ name = \"a\", address = \"203.0.113.1\", priority = 100 },\n\
            { name = \"b\", address = \"203.0.113.2\", priority = 99 }]\n";

fn configuration(origin: &Origin) -> Configuration {
    Configuration::new().server(origin.address()).more(PAIR)
}

#[test]
fn a_file_for_other_machines_passes_the_check_with_warnings() {
    let origin = Origin::start("one");
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&origin).render("0.0.0.0:8080".parse().unwrap(), &folder.path().join("log"));
    let (passed, said) = check(&text);
    assert!(passed, "{said}");
    assert!(said.contains("configuration is valid (1 listener, 1 backend, 1 server, 2 nodes)"), "{said}");
    assert!(said.contains("warning: on this machine: no [[ha.node]] is this machine: it has "), "{said}");
    assert!(said.contains("warning: on this machine: ha.interface = \"no-such-link\", but this"), "{said}");
    assert_eq!(said.matches("\n  help: ").count(), 2, "{said}");
}

#[test]
fn a_machine_that_cannot_be_a_node_does_not_start() {
    let origin = Origin::start("one");
    let address = ports::free_address();
    let mut torii = Torii::launch(&configuration(&origin), address);
    assert_eq!(torii.wait_for_exit().code(), Some(1));
    // Without the rights of a node that is said first.
    torii.wait_for_stderr("the reason", |line| {
        line.starts_with("error: no [[ha.node]] is this machine")
            || line.starts_with("error: [ha] needs CAP_NET")
    });
    torii.wait_for_stderr("the remedy", |line| line.starts_with("  help: "));
    std::net::TcpListener::bind(address).expect("nothing was bound");
}
