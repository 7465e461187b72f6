//! Machines that fit, and those that do not; then a real one, in a network namespace.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::*;
use crate::config;
use crate::ha::test_hosts::Host;

fn ha(addresses: &str) -> Ha {
    let text = format!(
        "[[listener]]\nname = \"l\"\nbind = [\"0.0.0.0:80\"]\nbackend = \"b\"\n[[backend]]\nname = \"b\"\n\
         server = [{{ name = \"s\", address = \"192.0.2.11:80\" }}]\n[ha]\ninterface = \"eth0\"\n\
         virtual_router_id = 10\naddresses = [{addresses}]\n\
         node = [{{ name = \"a\", address = \"198.51.100.1\", priority = 100 }},\n\
                 {{ name = \"b\", address = \"198.51.100.2\", priority = 99 }}]\n"
    );
    config::parse(&text, "t.toml", Path::new("")).unwrap().ha.unwrap()
}

fn machine(interface: Option<u32>, addresses: &[(u32, &str)]) -> Machine {
    Machine {
        interface,
        names: vec![(1, "lo".into()), (2, "eth0".into()), (3, "eth1".into())],
        addresses: addresses.iter().map(|(index, network)| (*index, network.parse().unwrap())).collect(),
    }
}

fn words(surroundings: &Surroundings) -> Vec<String> {
    surroundings.faults.iter().map(ToString::to_string).collect()
}

const OWN: [(u32, &str); 2] = [(1, "127.0.0.1/8"), (2, "198.51.100.1/24")];

#[test]
fn a_machine_that_fits_has_no_fault() {
    let found = judge(&ha("\"198.51.100.3/32\""), &machine(Some(2), &OWN));
    assert_eq!((found.own, words(&found)), (Some(0), Vec::new()));
    let with_leftover = [&OWN[..], &[(2, "198.51.100.3/32")]].concat();
    let found = judge(&ha("\"198.51.100.3/32\""), &machine(Some(2), &with_leftover));
    assert!(found.faults.is_empty(), "a shared address left over is removed later");
}

#[test]
fn an_interface_that_is_not_there_is_fatal() {
    let found = judge(&ha("\"198.51.100.3/32\""), &machine(None, &OWN));
    let expected = "ha.interface = \"eth0\", but this machine has no such interface\n  help: write one of: eth0, \
                    eth1";
    assert_eq!((found.own, words(&found)), (Some(0), vec![expected.to_owned()]));
    assert!(found.faults[0].is_fatal());
}

#[test]
fn a_machine_of_no_node_is_fatal() {
    let found = judge(&ha("\"198.51.100.3/32\""), &machine(Some(2), &[(2, "198.51.100.9/24")]));
    assert_eq!(found.own, None);
    assert!(found.faults[0].is_fatal() && found.faults.len() == 1);
    assert!(words(&found)[0].starts_with("no [[ha.node]] is this machine: it has 198.51.100.9,"));
}

#[test]
fn an_own_address_on_another_interface_is_told() {
    let found = judge(
        &ha("\"198.51.100.3/32\""),
        &machine(Some(2), &[(2, "198.51.100.77/24"), (3, "198.51.100.1/24")]),
    );
    assert_eq!(found.own, Some(0));
    let told = words(&found);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("198.51.100.1 of this [[ha.node]] is on eth1, but ha.interface is \"eth0\""));
    assert!(!found.faults[0].line().contains('\n'));
    assert!(told[0].ends_with("write interface = \"eth1\", or the address that this machine has on eth0"));
    assert!(!found.faults[0].is_fatal());
}

#[test]
fn a_shared_address_beside_every_network_of_the_interface_is_told() {
    let found = judge(&ha("\"203.0.113.3\", \"198.51.100.4\", \"203.0.113.9/24\""), &machine(Some(2), &OWN));
    let told = words(&found);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("the shared 203.0.113.3 is in no network of eth0 (it has 198.51.100.0/24), so")
    );
    assert!(!found.faults[0].is_fatal());
}

#[test]
fn rights_that_are_missing_are_named_with_three_ways_to_get_them() {
    let fault = Fault::MissingRights(vec![Capability::CAP_NET_RAW, Capability::CAP_NET_ADMIN]);
    assert!(fault.is_fatal());
    let expected = "[ha] needs CAP_NET_RAW and CAP_NET_ADMIN, to send adverts and to move the shared addresses\n  \
                    help: start torii as root with [process] user set, or add CAP_NET_RAW CAP_NET_ADMIN to \
                    AmbientCapabilities= of the systemd unit, or: setcap cap_net_raw,cap_net_admin+ep TORII";
    assert_eq!(fault.to_string(), expected);
}

#[test]
fn rights_are_those_of_the_thread() {
    if missing_rights().is_some() {
        eprintln!("skipped: this test gives up rights that its process does not have");
        return;
    }
    let told = std::thread::spawn(|| {
        caps::drop(None, CapSet::Effective, Capability::CAP_NET_ADMIN).unwrap();
        missing_rights().map(|fault| fault.to_string())
    });
    assert!(told.join().unwrap().unwrap().starts_with("[ha] needs CAP_NET_ADMIN, to send"));
}

#[test]
fn a_real_machine_is_looked_at_by_netlink() {
    let Some(host) = Host::new() else { return };
    let looked = || {
        let found = look(&ha("\"198.51.100.3/32\""));
        (found.own, words(&found).len(), identity::find(&ha("\"198.51.100.3/32\"")).ok())
    };
    assert_eq!(host.run(looked), (None, 2, None), "neither address nor interface");
    host.ip("link add eth0 type veth peer name far0");
    host.ip("address add 198.51.100.2/24 dev eth0");
    assert_eq!(host.run(looked), (Some(1), 0, Some(1)), "an interface that is down is the ha thread's");
}
