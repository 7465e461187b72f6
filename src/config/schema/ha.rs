//! `[ha]` and `[[ha.node]]` as written.

use std::time::Duration;

use toml::Spanned;

use super::stats::{Secret, secret};
use crate::config::reader::TableReader;
use crate::config::report::Span;
use crate::limits;

/// `[ha]`
#[derive(Debug)]
pub struct Ha {
    /// Header of the table.
    pub span: Span,
    /// Name of the interface.
    pub interface: Option<Spanned<String>>,
    /// Number of the pair on its network.
    pub virtual_router_id: Option<Spanned<i64>>,
    /// Shared addresses.
    pub addresses: Option<Spanned<Vec<Spanned<String>>>>,
    /// 2 or 3.
    pub version: Option<Spanned<i64>>,
    /// Time between adverts.
    pub advert_interval: Option<Spanned<Duration>>,
    /// Password of version 2.
    pub auth_pass: Option<Spanned<Secret>>,
    /// Added to the priority while the node serves.
    pub serving_weight: Option<Spanned<i64>>,
    /// Take the addresses from a lower priority.
    pub preempt: Option<Spanned<bool>>,
    /// But not before this.
    pub preempt_delay: Option<Spanned<Duration>>,
    /// "immediate" or "skew".
    pub takeover: Option<Spanned<&'static str>>,
    /// "unicast", "multicast" or "udp".
    pub transport: Option<Spanned<&'static str>>,
    /// Port of "udp".
    pub udp_port: Option<Spanned<i64>>,
    /// Secret of "udp".
    pub secret_file: Option<Spanned<String>>,
    /// "pseudo_header" or "rfc9568".
    pub checksum: Option<Spanned<&'static str>>,
    /// Time for clients to leave before a planned hand-over.
    pub drain: Option<Spanned<Duration>>,
    /// Longest silence of a worker.
    pub stall_limit: Option<Spanned<Duration>>,
    /// Time between repeated announcements.
    pub announce_refresh: Option<Spanned<Duration>>,
    /// Program for changes of state.
    pub notify: Option<Spanned<String>>,
    /// `[[ha.node]]`
    pub nodes: Vec<HaNode>,
}

/// `[[ha.node]]`
#[derive(Debug)]
pub struct HaNode {
    /// Header of the table.
    pub span: Span,
    /// Unique name.
    pub name: Option<Spanned<String>>,
    /// IP address.
    pub address: Option<Spanned<String>>,
    /// Base priority.
    pub priority: Option<Spanned<i64>>,
}

pub(super) fn read_ha(table: &mut TableReader<'_, '_>) -> Ha {
    use limits::ha;
    let weight_max = i64::from(ha::PRIORITY_MAX) - 1;
    Ha {
        span: table.span(),
        interface: table.required_string("interface", "eth0"),
        virtual_router_id: table.required_integer("virtual_router_id", 10, 1, 255),
        addresses: table.required_strings(
            "addresses",
            "there is no address for the nodes to share",
            "198.51.100.3/32",
        ),
        version: table.integer("version", 2, 3),
        advert_interval: table.duration("advert_interval", ha::ADVERT_STEP, ha::ADVERT_INTERVAL_MAX_V2),
        auth_pass: secret(table, "auth_pass"),
        serving_weight: table.integer("serving_weight", 1, weight_max),
        preempt: table.boolean("preempt"),
        preempt_delay: table.duration("preempt_delay", Duration::ZERO, ha::PREEMPT_DELAY_MAX),
        takeover: table.word("takeover", &["immediate", "skew"]),
        transport: table.word("transport", &["unicast", "multicast", "udp"]),
        udp_port: table.integer("udp_port", 1, i64::from(u16::MAX)),
        secret_file: table.string("secret_file"),
        checksum: table.word("checksum", &["pseudo_header", "rfc9568"]),
        drain: table.duration("drain", Duration::ZERO, ha::DRAIN_MAX),
        stall_limit: table.duration("stall_limit", ha::STALL_LIMIT_MIN, ha::STALL_LIMIT_MAX),
        announce_refresh: table.duration("announce_refresh", Duration::ZERO, ha::ANNOUNCE_REFRESH_MAX),
        notify: table.string("notify"),
        nodes: table.required_tables(
            "node",
            "[[ha.node]]",
            "the pair has no nodes",
            "add two [[ha.node]], each with `name`, `address` and `priority`",
            read_node,
        ),
    }
}

fn read_node(table: &mut TableReader<'_, '_>) -> HaNode {
    HaNode {
        span: table.span(),
        name: table.required_string("name", "node1"),
        address: table.required_string("address", "198.51.100.1"),
        priority: table.required_integer("priority", 100, 1, i64::from(limits::ha::PRIORITY_MAX)),
    }
}
