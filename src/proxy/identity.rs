//! Who the client of a session is taken to be, and what servers are told of it.
//!
//! Made by `session` from the connection, asked by `plan` for each request: behind a trusted proxy
//! every request may have another client. The text of an address is made once for as long as it
//! stays the same.

use std::net::SocketAddr;

use super::connection::Connection;
use super::worker::Scratch;
use crate::address::Trust;
use crate::config::model::Forwarding;
use crate::http::forwarded::{self, AddressText};
use crate::http::request::RequestHead;
use crate::snapshot::Snapshot;

/// The client of one session's requests.
pub(super) struct Identity {
    /// The other end of the connection, or the client that its PROXY protocol header announced.
    peer: SocketAddr,
    /// The client of the present request: `peer`, unless a trusted proxy says otherwise.
    client: SocketAddr,
    text: AddressText,
    over_tls: bool,
    /// Port that the client connected to, where a backend tells it.
    port: Option<u16>,
    /// Whether the present request comes from a trusted proxy.
    from_trusted: bool,
}

/// Which lines of ours go into a request.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    proto: bool,
    port: bool,
}

impl Identity {
    pub(super) fn new(connection: &Connection, snapshot: &Snapshot) -> Self {
        let peer = connection.address;
        Self {
            peer,
            client: peer,
            text: AddressText::new(peer.ip()),
            over_tls: connection.client.is_tls(),
            port: snapshot.tells_port.then(|| connection.destination()).flatten().map(|to| to.port()),
            from_trusted: false,
        }
    }

    /// Finds the client of a request whose fields are in `scratch`, and takes out of them what nobody
    /// vouches for. The field that was configured wins over X-Forwarded-For, which is then left as it
    /// is.
    pub(super) fn find(&mut self, trust: &Trust, data: &[u8], scratch: &mut Scratch) -> SocketAddr {
        let fields = &mut scratch.fields;
        let header = trust.header.as_deref().map(str::as_bytes);
        self.from_trusted = trust.proxies.contains(self.peer.ip());
        let found = if self.from_trusted {
            header
                .and_then(|name| forwarded::address_in(data, fields, name))
                .or_else(|| forwarded::follow(data, fields, |address| trust.proxies.contains(address)))
        } else {
            forwarded::remove_claims(data, fields, header);
            None
        };
        // As HAProxy's `set-src`: the port of such a client is not known.
        let client = found.map_or(self.peer, |address| SocketAddr::new(address, 0));
        if client.ip() != self.client.ip() {
            self.text = AddressText::new(client.ip());
        }
        self.client = client;
        client
    }

    /// Forgets what a trusted proxy said, on a listener that trusts none (any longer).
    #[inline]
    pub(super) fn forget(&mut self) {
        if self.from_trusted {
            self.from_trusted = false;
            self.client = self.peer;
            self.text = AddressText::new(self.peer.ip());
        }
    }

    /// Makes room for our own lines among the fields of the request.
    pub(super) fn make_room(&self, forwarding: &Forwarding, data: &[u8], scratch: &mut Scratch) -> Lines {
        let fields = &mut scratch.fields;
        Lines {
            proto: forwarding.proto && forwarded::replaces_proto(data, fields, self.from_trusted),
            port: forwarding.port && forwarded::replaces_port(data, fields, self.from_trusted),
        }
    }

    /// Appends our own lines to the head in `scratch`.
    pub(super) fn write(
        &self,
        forwarding: &Forwarding,
        lines: Lines,
        head: &RequestHead,
        data: &[u8],
        scratch: &mut Scratch,
    ) {
        let out = &mut scratch.head;
        if lines.proto {
            forwarded::write_proto(self.over_tls, out);
        }
        if let Some(port) = self.port.filter(|_| lines.port) {
            forwarded::write_port(port, out);
        }
        if forwarding.forwarded {
            let host = forwarded::host(data, &scratch.fields, head.target.authority);
            forwarded::write_forwarded(&self.text, self.over_tls, host, out);
        }
        if forwarding.address && !forwarding.except.contains(self.client.ip()) {
            forwarded::write_address(&self.text, out);
        }
    }
}
