//! A pair's status for tests of whoever reads one.

use std::net::{IpAddr, Ipv4Addr};

use super::status::{
    AdvertCounts, Contribution, Guard, PairState, PairStatus, PeerHealth, PeerState, PeerStatus, TimerLag,
    Transition,
};

/// An active node with a standby that was heard before.
pub fn status() -> PairStatus {
    PairStatus {
        node: "haproxy01".into(),
        address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
        interface: "eth0".into(),
        virtual_router_id: 10,
        version: 2,
        transport: "unicast".into(),
        interval_ms: 1000,
        addresses: vec!["198.51.100.3/32".into()],
        addresses_held: true,
        state: PairState::Active,
        since_unix_ms: 1_700_000_000_000,
        handed_over: false,
        priority: 102,
        sum: vec![
            Contribution { what: "base".into(), points: 100 },
            Contribution { what: "serving".into(), points: 2 },
        ],
        serving: true,
        peers: vec![PeerStatus {
            name: "haproxy02".into(),
            address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2)),
            state: PeerState::Standby,
            last_heard_ago_ms: Some(7_260_000),
            priority: Some(101),
            health: PeerHealth::NotKnownDead,
        }],
        transitions: vec![Transition {
            unix_ms: 1_700_000_000_000,
            from: PairState::Standby,
            to: PairState::Active,
            cause: "nobody better was heard for 3.609 s".into(),
        }],
        timer_lag: TimerLag { last_us: 80, p99_us: 210, max_us: 900 },
        real_time: true,
        adverts: AdvertCounts { sent: 7260, send_errors: 0, received: 4, discarded: Vec::new() },
        problems: Vec::new(),
        guard: Guard::Alive,
        published_unix_ms: 1_700_007_260_000,
    }
}
