//! Addresses, bytes and settings that the tests share.

use std::net::IpAddr;
use std::time::Duration;

use crate::ha::vrrp::{Action, AddressList, Advert, Event, Machine, Peer, Settings, Takeover, Version};

/// The node that keepalived calls A in the article's configuration.
pub fn node_a() -> IpAddr {
    IpAddr::from([192, 0, 2, 11])
}

/// Its peer.
pub fn node_b() -> IpAddr {
    IpAddr::from([192, 0, 2, 12])
}

/// Octets from hexadecimal digits in groups of any size.
pub fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// A list of addresses as text.
pub fn addresses(texts: &[&str]) -> AddressList {
    texts.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect()
}

/// An advert for virtual router 10 and 198.51.100.3.
pub fn advert(version: Version, priority: u8, interval_ms: u64) -> Advert {
    Advert {
        version,
        virtual_router_id: 10,
        priority,
        interval: Duration::from_millis(interval_ms),
        password: (version == Version::V2).then_some(*b"fowebpas"),
        addresses: addresses(&["198.51.100.3"]),
    }
}

/// Milliseconds.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One machine and its clock: gives events, returns what is to be done.
pub struct Stage {
    pub machine: Machine,
    now: Duration,
}

/// Node A: version 2, priority 100, one second, preempt; node B may have 101 at most. With changes.
pub fn stage(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut settings = Settings {
        version: Version::V2,
        virtual_router_id: 10,
        base_priority: 100,
        priority_max: 102,
        interval: ms(1000),
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_adverts: 3,
        own_address: node_a(),
        peers: vec![Peer { address: node_b(), priority_max: 101 }],
        takeover: Takeover::Immediate,
    };
    change(&mut settings);
    Stage { machine: Machine::new(settings), now: Duration::ZERO }
}

impl Stage {
    pub const fn now(&self) -> Duration {
        self.now
    }

    pub fn deadline(&self) -> Duration {
        self.machine.deadline().unwrap()
    }

    /// An event at so many milliseconds.
    pub fn at(&mut self, milliseconds: u64, event: Event<'_>) -> Vec<Action> {
        self.now = self.now.max(ms(milliseconds));
        self.machine.handle(ms(milliseconds), event).into_iter().collect()
    }

    /// An advert at so many milliseconds, with our interval.
    pub fn advert(&mut self, milliseconds: u64, priority: u8, from: IpAddr) -> Vec<Action> {
        self.advert_at(ms(milliseconds), priority, from)
    }

    pub fn advert_at(&mut self, now: Duration, priority: u8, from: IpAddr) -> Vec<Action> {
        let interval = self.machine.settings().interval;
        self.advert_of(now, priority, from, interval)
    }

    pub fn advert_of(
        &mut self,
        now: Duration,
        priority: u8,
        from: IpAddr,
        interval: Duration,
    ) -> Vec<Action> {
        self.now = self.now.max(now);
        let version = self.machine.settings().version;
        let advert = Advert { interval, ..advert(version, priority, 1000) };
        self.machine.handle(now, Event::Advert { advert: &advert, from }).into_iter().collect()
    }

    pub fn tick(&mut self, now: Duration) -> Vec<Action> {
        self.now = self.now.max(now);
        self.machine.tick(now).into_iter().collect()
    }
}
