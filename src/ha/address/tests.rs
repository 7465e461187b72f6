//! Addresses in a network namespace of the test's own.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::ha::interface;
use crate::ha::test_hosts::Host;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A host with an interface `eth0` and the host at its other end, its netlink socket and the interface's
/// index.
fn host() -> Option<([Host; 2], Netlink, u32)> {
    let [host, far] = Host::pair()?;
    let (netlink, index) = host.run(|| {
        let mut netlink = Netlink::open().unwrap();
        let link = interface::find(&mut netlink, "eth0").unwrap();
        (netlink, link.unwrap().index)
    });
    Some(([host, far], netlink, index))
}

#[test]
fn an_address_is_added_once_and_removed_once() {
    let Some((_hosts, mut netlink, index)) = host() else { return };
    for address in [net("198.51.100.3/32"), net("198.51.100.4/24"), net("2001:db8:100::3/128")] {
        add(&mut netlink, index, address).unwrap();
        add(&mut netlink, index, address).expect("an address that is there counts as added");
        assert!(list(&mut netlink).unwrap().contains(&(index, address)), "{address} is not there");
        assert!(remove(&mut netlink, index, address).unwrap());
        assert!(!remove(&mut netlink, index, address).unwrap(), "was removed before");
        assert!(!list(&mut netlink).unwrap().contains(&(index, address)), "{address} is still there");
    }
}

#[test]
fn addresses_look_as_keepalived_adds_them() {
    let Some(([host, _far], mut netlink, index)) = host() else { return };
    add(&mut netlink, index, net("198.51.100.3/32")).unwrap();
    add(&mut netlink, index, net("2001:db8:100::3/128")).unwrap();
    let shown = host.ip("-o address show dev eth0");
    let line = |address: &str| shown.lines().find(|line| line.contains(address)).unwrap().to_owned();
    let four = line("198.51.100.3/32");
    assert!(four.contains("scope global eth0"), "{four}");
    assert!(four.contains("valid_lft forever preferred_lft forever"), "{four}");
    let six = line("2001:db8:100::3/128");
    assert!(six.contains("scope global") && six.contains("nodad") && six.contains("deprecated"), "{six}");
    assert!(six.contains("valid_lft forever preferred_lft 0sec"), "{six}");
}

#[test]
fn what_a_crash_left_over_is_removed_whatever_its_prefix() {
    let Some(([host, _far], mut netlink, index)) = host() else { return };
    // In this order, because the kernel removes secondary addresses of a network with its first one.
    host.ip("address add 198.51.100.7/24 dev eth0");
    host.ip("address add 198.51.100.3/24 dev eth0");
    let removed = remove_leftovers(&mut netlink, &[net("198.51.100.3/32"), net("198.51.100.4/32")]).unwrap();
    assert_eq!(removed, [(index, net("198.51.100.3/24"))]);
    let left = list(&mut netlink).unwrap();
    assert!(left.contains(&(index, net("198.51.100.7/24"))), "only shared addresses are removed: {left:?}");
    assert!(!left.iter().any(|(_, found)| found.addr() == net("198.51.100.3/32").addr()), "{left:?}");
}

#[test]
fn an_interface_that_is_gone_has_lost_its_addresses() {
    let Some(([host, _far], mut netlink, index)) = host() else { return };
    host.ip("link delete eth0");
    assert!(!remove(&mut netlink, index, net("198.51.100.3/32")).unwrap());
    let error = add(&mut netlink, index, net("198.51.100.3/32")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::ENODEV as i32));
}

#[test]
fn a_prepared_removal_is_what_the_kernel_takes() {
    let Some((_hosts, mut netlink, index)) = host() else { return };
    let address = net("198.51.100.3/32");
    add(&mut netlink, index, address).unwrap();
    let bytes = removal_bytes(index, address);
    let sent = nix::sys::socket::send(
        std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(&netlink)),
        &bytes,
        nix::sys::socket::MsgFlags::empty(),
    );
    assert_eq!(sent, Ok(bytes.len()));
    assert!(!list(&mut netlink).unwrap().contains(&(index, address)));
}
