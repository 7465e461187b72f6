//! Hostile bytes: packets of every length, random and mutated, reach nobody, change nothing and cost
//! no panic. What passes every check is what a node could have said.

use std::time::Duration;

use super::simulation::Dice;
use super::support::{Stage, advert, node_a, node_b, stage};
use crate::ha::vrrp::{
    Advert, Checksum, Datagram, Event, Expected, Ipv4Header, State, Version, Way, encode, receive,
    receive_ipv4,
};

/// Longest packet tried: a frame of Ethernet.
const LENGTH_MAX: usize = 1500;

fn expecting(advert: &Advert) -> Expected {
    Expected {
        version: advert.version,
        virtual_router_id: advert.virtual_router_id,
        interval: advert.interval,
        password: advert.password,
        addresses: advert.addresses,
        own_address: node_b(),
        peers: vec![node_a()],
    }
}

/// A whole packet from node A to node B.
fn packet(advert: &Advert) -> Vec<u8> {
    let message = encode(advert, Checksum::PseudoHeader, node_a(), node_b());
    let header = Ipv4Header {
        source: [192, 0, 2, 11].into(),
        destination: [192, 0, 2, 12].into(),
        hop_limit: 255,
        identification: 1,
    };
    [&header.encode(message.as_slice().len())[..], message.as_slice()].concat()
}

/// A standby that follows node A.
fn standby(version: Version) -> Stage {
    let mut node = stage(|settings| {
        settings.version = version;
        settings.own_address = node_b();
        settings.peers[0].address = node_a();
    });
    node.at(0, Event::Start);
    node.advert(1000, 102, node_a());
    node
}

/// Gives `bytes` to a node in every way that bytes come; whatever is heeded goes into its machine.
fn give(node: &mut Stage, expected: &Expected, bytes: &[u8]) -> u32 {
    let ways = [Way::Unicast, Way::Multicast { hop_limit: 255 }, Way::Sealed];
    let judged = ways.map(|way| {
        receive(expected, &Datagram { message: bytes, source: node_a(), destination: node_b(), way })
    });
    let heeded = judged.into_iter().chain([receive_ipv4(expected, bytes)]).flatten();
    let mut count = 0;
    for received in heeded {
        count += 1;
        let event = Event::Advert { advert: &received.advert, from: received.from };
        let _ = node.machine.handle(Duration::from_millis(1001), event);
    }
    count
}

#[test]
fn random_packets_of_every_length_move_nothing() {
    for version in [Version::V2, Version::V3] {
        let mut dice = Dice::new(4);
        let expected = expecting(&advert(version, 102, 1000));
        let mut node = standby(version);
        let deadline = node.deadline();
        for length in 0..=LENGTH_MAX {
            for _ in 0..3 {
                let mut bytes: Vec<u8> = (0..length).map(|_| dice.below(256) as u8).collect();
                assert_eq!(give(&mut node, &expected, &bytes), 0, "{bytes:?}");
                // As a packet that gets past the first checks.
                let valid = packet(&advert(version, 102, 1000));
                let known = length.min(28);
                bytes[..known].copy_from_slice(&valid[..known]);
                assert_eq!(give(&mut node, &expected, &bytes), 0, "{bytes:?}");
            }
        }
        assert_eq!((node.machine.state(), node.deadline()), (State::Backup, deadline));
    }
}

#[test]
fn mutated_packets_are_refused_or_say_what_a_node_could_say() {
    for version in [Version::V2, Version::V3] {
        let mut dice = Dice::new(5);
        let valid = advert(version, 102, 1000);
        let expected = expecting(&valid);
        let mut node = standby(version);
        let mut heeded = 0;
        for round in 0..20_000 {
            let mut bytes = packet(&valid);
            if round % 2 == 0 {
                drop(bytes.drain(..20));
            }
            for _ in 0..dice.below(4) {
                mutate(&mut bytes, &mut dice);
            }
            heeded += give(&mut node, &expected, &bytes);
            let state = node.machine.state();
            assert!(matches!(state, State::Backup | State::Master), "{state:?}");
        }
        assert!(heeded > 1000, "unmutated ones among them are heeded: {heeded}");
    }
}

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len() as u64 + 1) as usize;
    match dice.below(5) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
        2 => bytes.truncate(at),
        3 => bytes.insert(at, dice.below(256) as u8),
        _ => bytes.extend((0..dice.below(200)).map(|number| number as u8)),
    }
}
