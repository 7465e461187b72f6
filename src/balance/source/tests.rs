//! Source: HAProxy's maps and hashes, loyalty of clients, limits of the map.

#![allow(clippy::unwrap_used)]
use super::*;

/// The map as server numbers from 1, as in a configuration file's order.
fn map(weights: &[u16]) -> Vec<usize> {
    Source::new(weights).map.iter().map(|server| usize::from(*server) + 1).collect()
}

fn pick(source: &Source, address: &str) -> Option<usize> {
    source.pick(address.parse().unwrap())
}

#[test]
fn slots_are_dealt_out_as_by_haproxy() {
    let table: &[(&[u16], &[usize])] = &[
        (&[1, 1, 1], &[1, 2, 3]),
        (&[100, 100, 100], &[1, 2, 3]),
        (&[1, 2, 3], &[1, 3, 2, 3, 2, 3]),
        (&[5, 1, 1], &[1, 1, 1, 2, 1, 1, 3]),
        (&[10, 20], &[1, 2, 2]),
        (&[0, 3, 0], &[2]),
    ];
    for (weights, expected) in table {
        assert_eq!(&map(weights), expected, "weights {weights:?}");
    }
}

#[test]
fn each_server_has_slots_by_its_weight_and_a_common_factor_changes_nothing() {
    let mut numbers = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..300 {
        let mut below = |limit: u64| {
            numbers ^= numbers << 13;
            numbers ^= numbers >> 7;
            numbers ^= numbers << 17;
            (numbers % limit) as u16
        };
        let weights: Vec<u16> = (0..2 + below(6)).map(|_| 1 + below(30)).collect();
        let slots = map(&weights);
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor);
        for (index, weight) in weights.iter().enumerate() {
            let count = slots.iter().filter(|server| **server == index + 1).count();
            assert_eq!(count, usize::from(weight / divisor), "{weights:?} gave {slots:?}");
        }
        let larger: Vec<u16> = weights.iter().map(|weight| weight * 8).collect();
        assert_eq!(map(&larger), slots);
    }
}

#[test]
fn addresses_point_to_haproxys_servers() {
    let source = Source::new(&[1, 1, 1]);
    for (address, server) in
        [("198.51.100.7", 2), ("203.0.113.9", 1), ("10.0.0.1", 2), ("2001:db8::1", 0), ("0.0.0.0", 0)]
    {
        assert_eq!(pick(&source, address), Some(server), "{address}");
    }
    assert_eq!(hash("2001:db8:1:2:3:4:5:6".parse().unwrap()), 0x2001_0db8 ^ 0x1_0002 ^ 0x3_0004 ^ 0x5_0006);
}

#[test]
fn a_client_keeps_its_server_and_returns_to_it_after_an_outage() {
    let mut source = Source::new(&[1, 1, 1]);
    let clients: Vec<IpAddr> = (0..100u8).map(|last| IpAddr::from([192, 0, 2, last])).collect();
    let homes =
        |source: &Source| clients.iter().map(|client| source.pick(*client).unwrap()).collect::<Vec<_>>();
    let before = homes(&source);
    assert_eq!(homes(&source), before);
    source.sync(|index| (index != 1).then_some(1));
    assert!(homes(&source).iter().all(|server| *server != 1));
    source.sync(|_| Some(1));
    assert_eq!(homes(&source), before);
}

#[test]
fn nobody_is_picked_when_no_server_is_usable() {
    let mut source = Source::new(&[1, 1]);
    source.sync(|_| None);
    assert_eq!(pick(&source, "192.0.2.1"), None);
    assert_eq!(pick(&Source::new(&[0, 0]), "192.0.2.1"), None);
    assert_eq!(pick(&Source::new(&[]), "192.0.2.1"), None);
}

#[test]
fn the_cost_of_a_map_is_its_slots_times_its_servers() {
    assert_eq!(map_steps([100, 100, 100].into_iter()), 9);
    assert_eq!(map_steps([10, 20, 0].into_iter()), 6);
    assert_eq!(map_steps([0, 0].into_iter()), 0);
    assert_eq!(map_steps([].into_iter()), 0);
}
