//! The names that a log line shows for a record's indices, ready to be copied into it.
//!
//! Built by the control thread from a snapshot, owned by the log thread.

use super::haproxy::escape;
use crate::config::model::Mode;
use crate::observe::record::{NONE, Record};
use crate::snapshot::Snapshot;

/// Names of listeners, backends and servers, escaped once as the fields of a line are.
#[derive(Debug, Clone, Default)]
pub struct Names {
    listeners: Vec<ListenerNames>,
    backends: Vec<BackendNames>,
}

#[derive(Debug, Clone)]
struct ListenerNames {
    /// As `%b` while no backend is chosen.
    plain: Vec<u8>,
    /// Its connections are logged, not requests.
    tcp: bool,
    /// As `%ft`: a `~` follows the name of a listener that terminates TLS.
    frontend: Vec<u8>,
}

#[derive(Debug, Clone)]
struct BackendNames {
    name: Vec<u8>,
    servers: Vec<Vec<u8>>,
}

impl Names {
    /// The names of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut names = Self::default();
        for listener in &snapshot.listeners {
            names.add_listener(&listener.name, listener.tls.is_some());
            names.set_mode(listener.mode);
        }
        for backend in &snapshot.backends {
            names.add_backend(&backend.name, backend.servers.iter().map(|server| &*server.name));
        }
        names
    }

    /// Adds the next listener in the order of the snapshot.
    pub fn add_listener(&mut self, name: &str, tls: bool) {
        let plain = escaped(name);
        let mut frontend = plain.clone();
        if tls {
            frontend.push(b'~');
        }
        self.listeners.push(ListenerNames { plain, tcp: false, frontend });
    }

    /// Says what the listener added last speaks; HTTP until then.
    pub fn set_mode(&mut self, mode: Mode) {
        if let Some(listener) = self.listeners.last_mut() {
            listener.tcp = mode == Mode::Tcp;
        }
    }

    /// Whether a record is about a connection and not about a request.
    pub(super) fn is_tcp(&self, record: &Record) -> bool {
        self.listeners.get(usize::from(record.listener)).is_some_and(|listener| listener.tcp)
    }

    /// Adds the next backend in the order of the snapshot.
    pub fn add_backend<'a>(&mut self, name: &str, servers: impl Iterator<Item = &'a str>) {
        self.backends.push(BackendNames { name: escaped(name), servers: servers.map(escaped).collect() });
    }

    /// `%ft`
    pub(super) fn frontend(&self, record: &Record) -> &[u8] {
        self.listeners.get(usize::from(record.listener)).map_or(b"-", |listener| &listener.frontend)
    }

    /// `%b`: the listener's own name while no backend is chosen.
    pub(super) fn backend(&self, record: &Record) -> &[u8] {
        if record.backend == NONE {
            return self.listeners.get(usize::from(record.listener)).map_or(b"-", |listener| &listener.plain);
        }
        self.backends.get(usize::from(record.backend)).map_or(b"-", |backend| &backend.name)
    }

    /// `%s`: `<NOSRV>` while no server is chosen.
    pub(super) fn server(&self, record: &Record) -> &[u8] {
        let backend = self.backends.get(usize::from(record.backend));
        let server = backend.and_then(|backend| backend.servers.get(usize::from(record.server)));
        server.map_or(b"<NOSRV>", |name| name)
    }
}

fn escaped(name: &str) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    escape(name.as_bytes(), &mut escaped);
    escaped
}
