//! An interface that changes, in a network namespace of the test's own.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::ha::test_hosts::{Host, wait_until};

fn watched(host: &Host) -> (Watch, Netlink) {
    host.run(|| (Watch::open("eth0").unwrap(), Netlink::open().unwrap()))
}

/// Reads changes until one is as wanted.
fn until(watch: &mut Watch, what: &str, wanted: impl Fn(&Change) -> bool) {
    wait_until(what, || watch.changes().iter().any(&wanted));
}

fn is_up(change: &Change) -> bool {
    matches!(change, Change::Link(Some(link)) if link.up)
}

fn is_down(change: &Change) -> bool {
    matches!(change, Change::Link(Some(link)) if !link.up)
}

#[test]
fn a_cable_pulled_at_the_other_end_is_seen() {
    let Some([near, far]) = Host::pair() else { return };
    let (mut watch, mut netlink) = watched(&near);
    wait_until("the carrier", || watch.look(&mut netlink).unwrap().is_some_and(|link| link.up));
    watch.changes();
    far.ip("link set eth0 down");
    until(&mut watch, "the loss of the carrier", is_down);
    far.ip("link set eth0 up");
    until(&mut watch, "the carrier's return", is_up);
}

#[test]
fn an_interface_that_goes_and_comes_again_has_another_index() {
    let Some([near, _far]) = Host::pair() else { return };
    let (mut watch, mut netlink) = watched(&near);
    let before = watch.look(&mut netlink).unwrap().unwrap();
    near.ip("link delete eth0");
    until(&mut watch, "the loss of the interface", |change| *change == Change::Link(None));
    near.ip("link add eth0 type veth peer name far0");
    near.ip("link set eth0 up");
    near.ip("link set far0 up");
    until(&mut watch, "the new interface", is_up);
    let after = watch.look(&mut netlink).unwrap().unwrap();
    assert_ne!(before.index, after.index);
}

#[test]
fn a_renamed_interface_is_ours_no_more() {
    let Some([near, _far]) = Host::pair() else { return };
    let (mut watch, mut netlink) = watched(&near);
    assert!(watch.look(&mut netlink).unwrap().is_some());
    near.ip("link set eth0 down");
    near.ip("link set eth0 name other0");
    until(&mut watch, "the loss of the name", |change| *change == Change::Link(None));
}

#[test]
fn addresses_that_come_and_go_are_told() {
    let Some([near, _far]) = Host::pair() else { return };
    let (mut watch, mut netlink) = watched(&near);
    watch.look(&mut netlink).unwrap();
    near.ip("address add 198.51.100.3/32 dev eth0");
    near.ip("address add 198.51.100.4/32 dev lo");
    near.ip("address delete 198.51.100.4/32 dev lo");
    near.ip("address delete 198.51.100.3/32 dev eth0");
    let address: IpAddr = "198.51.100.3".parse().unwrap();
    let is_four =
        |change: &Change| matches!(change, Change::Lost(IpAddr::V4(_)) | Change::Gained(IpAddr::V4(_)));
    let mut told = Vec::new();
    wait_until("the address's loss", || {
        told.extend(watch.changes().into_iter().filter(is_four));
        told.len() >= 2
    });
    assert_eq!(told, [Change::Gained(address), Change::Lost(address)], "other interfaces do not count");
}

#[test]
fn a_loopback_device_has_nobody_to_announce_to() {
    let Some(host) = Host::new() else { return };
    let link = host.run(|| find(&mut Netlink::open().unwrap(), "lo").unwrap().unwrap());
    assert!(link.up);
    assert_eq!(link.hardware, None);
}
