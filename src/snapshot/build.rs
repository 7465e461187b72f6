//! Checked configuration to snapshot. Called by control at start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::model::{Backend, Gauge, Listener, Server, Snapshot, TrafficLimits};
use super::routing::{Action, Forward, Routes};
use super::server_state::ServerState;
use crate::balance::sticky::{self, CookieRules};
use crate::config::model as config;
use crate::http::header_rules::HeaderRules;
use crate::http::redirect::Redirect;
use crate::limits;

/// How many connections the process has descriptors for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// From clients, at most as many as configured.
    pub clients: usize,
    /// To servers, busy or kept; at least one for each client.
    pub server_connections: usize,
}

/// Builds the snapshot of a configuration, every server up as HAProxy starts it.
pub fn build(config: &config::Config, room: Room) -> Snapshot {
    Snapshot {
        listeners: config.listeners.iter().map(|written| listener(written, config, room)).collect(),
        backends: config.backends.iter().map(backend).collect(),
        tells_port: config.backends.iter().any(tells_port),
        process: Arc::new(Gauge::new(limit_of(room.clients))),
        server_connections: Arc::new(Gauge::new(limit_of(room.server_connections))),
        limits: TrafficLimits {
            request_body_size: config.limits.request_body_size,
            minimum_body_rate: config.limits.minimum_body_rate,
            requests_per_connection: config.limits.requests_per_connection,
        },
    }
}

fn tells_port(backend: &config::Backend) -> bool {
    backend.forwarding.as_ref().is_some_and(|forwarding| forwarding.port)
}

fn listener(listener: &config::Listener, config: &config::Config, room: Room) -> Listener {
    let action = |action: &config::Action| action_of(action, listener, config);
    let routes = listener.routes.iter().map(|route| (route.conditions.clone(), action(&route.action)));
    Listener {
        name: listener.name.as_str().into(),
        mode: listener.mode,
        routes: Routes::new(routes.collect(), action(&listener.default)),
        error_pages: listener.error_pages.clone(),
        access: listener.access.clone(),
        accept_proxy: listener.accept_proxy,
        trust: listener.trust.clone(),
        tls: listener.tls.as_ref().map(|tls| tls.server_config.clone()),
        timeouts: listener.timeouts,
        connections: Arc::new(Gauge::new(limit_of(
            listener.max_connections.unwrap_or(room.clients).min(room.clients),
        ))),
    }
}

/// Header rules in the order of HAProxy: a request meets the listener's first, a response the backend's.
fn action_of(action: &config::Action, listener: &config::Listener, config: &config::Config) -> Action {
    match action {
        config::Action::Backend(index) => {
            let backend = &config.backends[*index];
            let (to, from) = (backend.request_headers.as_ref(), backend.response_headers.as_ref());
            Action::Forward(Forward {
                backend: *index,
                request_headers: HeaderRules::both(listener.request_headers.as_ref(), to),
                response_headers: HeaderRules::both(from, listener.response_headers.as_ref()),
            })
        }
        config::Action::Redirect(redirect) => {
            let headers = listener.response_headers.as_ref();
            Action::Redirect(Redirect::new(redirect.to.clone(), redirect.status, headers))
        }
        config::Action::Answer(answer) => Action::Answer(*answer),
    }
}

fn backend(backend: &config::Backend) -> Backend {
    Backend {
        name: backend.name.as_str().into(),
        mode: backend.mode,
        servers: backend.servers.iter().map(server).collect(),
        balance: backend.balance,
        forwarding: backend.forwarding.clone(),
        cookie: backend.cookie.as_ref().map(|cookie| Arc::new(cookie_rules(cookie))),
        timeouts: backend.timeouts,
        required: backend.required,
        in_flight: Arc::new(Gauge::new(u32::MAX)),
        queue: Arc::new(Gauge::new(limits::QUEUE)),
        epoch: Arc::new(AtomicU64::new(0)),
    }
}

fn server(server: &config::Server) -> Server {
    Server {
        name: server.name.as_str().into(),
        address: server.address,
        cookie: server.cookie.as_deref().map(Into::into),
        send_proxy: server.send_proxy,
        state: Arc::new(ServerState::new(server.weight, server.max_connections.unwrap_or(u32::MAX))),
    }
}

fn cookie_rules(cookie: &config::Cookie) -> CookieRules {
    CookieRules {
        name: cookie.name.as_bytes().into(),
        indirect: cookie.indirect,
        nocache: cookie.nocache,
        preserve: cookie.preserve,
        postonly: cookie.postonly,
        maxidle_s: cookie.maxidle.map(|limit| limit.as_secs()),
        maxlife_s: cookie.maxlife.map(|limit| limit.as_secs()),
        attributes: sticky::attributes(&cookie.domain, cookie.httponly, cookie.secure, &cookie.attr),
    }
}

fn limit_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Gauge {
    /// At zero, with a limit; `u32::MAX` is none.
    pub fn new(limit: u32) -> Self {
        Self { current: AtomicU32::new(0), max: AtomicU32::new(0), limit }
    }
}
