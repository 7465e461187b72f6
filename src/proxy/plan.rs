//! From a parsed request head to a request that can be sent: where it goes, and what is forwarded.
//!
//! Called by `session` in the same turn in which the head was parsed, while its spans are valid.

use super::account::Account;
use super::identity::Identity;
use super::local::{self, Local};
use super::refusal::Refusal;
use super::relay::Flow;
use super::worker::{Scratch, Worker};
use crate::balance::sticky::{self, ClientCookie};
use crate::http::cookie::{self, FieldEdit};
use crate::http::forwarded;
use crate::http::head::{Field, HeadError, Version};
use crate::http::header_rules::HeaderRules;
use crate::http::request::{Method, RequestHead};
use crate::http::route::Asked;
use crate::http::{rewrite, upgrade};
use crate::net::Lease;
use crate::snapshot::{Action, Backend, RouteIndex, Snapshot};

/// A request whose rewritten head is at the front of its lease.
#[derive(Debug)]
pub(super) struct Request {
    /// The listener's route it took.
    pub(super) route: RouteIndex,
    /// Backend index.
    pub(super) backend: usize,
    /// What its persistence cookie asks for.
    pub(super) cookie: ClientCookie,
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) wants_keep_alive: bool,
    /// Bytes of the lease to send first: the head and what is there of the body.
    pub(super) first_len: usize,
    /// Bytes after them to leave out.
    pub(super) first_skip: usize,
    /// What is left of the body after that.
    pub(super) rest: Flow,
    /// The protocols it offers to switch to, as one list.
    pub(super) upgrade: Option<Vec<u8>>,
}

/// What is done with a request.
pub(super) enum Planned {
    /// A server answers it.
    Forward(Request),
    /// torii does.
    Local(Local),
}

/// Plans the request whose head is at the front of `lease`.
pub(super) fn plan(
    worker: &Worker,
    snapshot: &Snapshot,
    head: &RequestHead,
    identity: &mut Identity,
    account: &mut Account,
    lease: &mut Lease,
    scratch: &mut Scratch,
) -> Result<Planned, Refusal> {
    let listener = &snapshot.listeners[account.listener()];
    let route = listener.routes.find(|| Asked::of(head, lease.data()));
    match &listener.trust {
        None => identity.forget(),
        Some(trust) => account.client(identity.find(trust, lease.data(), scratch)),
    }
    let forward = match listener.routes.action(route) {
        Action::Forward(forward) => forward,
        Action::Redirect(redirect) => {
            return local::redirect(worker, redirect, head, account, lease, scratch).map(Planned::Local);
        }
        Action::Answer(answer) => {
            return local::answer(worker, *answer, head, account, lease).map(Planned::Local);
        }
    };
    let index = forward.backend;
    let backend = &snapshot.backends[index];
    account.request(worker, index, head.line.of(lease.data()), backend.cookie.is_some());

    if head.disguised_count > 0 {
        worker.counters.worker.disguised_fields.add(u64::from(head.disguised_count));
    }
    let data = lease.data();
    let upgrade = head.offers_upgrade.then(|| offer(data, &scratch.fields));
    if head.connection.other {
        forwarded::remove_nominated(data, &mut scratch.fields, worker.head_limits.fields)
            .map_err(Refusal::Head)?;
    }
    let headers = forward.request_headers.as_ref();
    let cookie = match &backend.forwarding {
        None => rewrite_head(worker, backend, head, headers, data, scratch),
        Some(forwarding) => {
            let lines = identity.make_room(forwarding, data, scratch);
            let cookie = rewrite_head(worker, backend, head, headers, data, scratch);
            identity.write(forwarding, lines, head, data, scratch);
            cookie
        }
    };
    scratch.head.extend_from_slice(b"\r\n");
    if !lease.replace_front(head.len, &scratch.head) {
        return Err(Refusal::Head(HeadError::HeadTooLarge));
    }

    let limit = snapshot.limits.request_body_size;
    let mut rest = Flow::limited(head.body, limit).map_err(Refusal::Head)?;
    let head_len = scratch.head.len();
    let first = rest.advance(&lease.data()[head_len..]).map_err(Refusal::Head)?;
    Ok(Planned::Forward(Request {
        route,
        backend: index,
        cookie,
        method: head.method_kind,
        version: head.version,
        wants_keep_alive: head.wants_keep_alive(),
        first_len: head_len + first.forward,
        first_skip: first.skip,
        rest,
        upgrade,
    }))
}

/// What a 101 is held against; the fields themselves are gone by then. Once per upgrade.
fn offer(data: &[u8], fields: &[Field]) -> Vec<u8> {
    let mut offer = Vec::new();
    upgrade::append_offer(data, fields, &mut offer);
    offer
}

/// Writes the forwarded head, without its empty line, to `scratch.head`; persistence reads and
/// strips its cookie on the way.
fn rewrite_head(
    worker: &Worker,
    backend: &Backend,
    head: &RequestHead,
    headers: Option<&HeaderRules>,
    data: &[u8],
    scratch: &mut Scratch,
) -> ClientCookie {
    let mut client_cookie = ClientCookie::new();
    let Scratch { fields, head: out, value } = scratch;
    match backend.cookie.as_deref() {
        None => rewrite::request(data, head, fields, headers, value, |_, _| FieldEdit::Keep, out),
        Some(rules) => {
            let now_s = worker.clock.unix_s();
            let on_cookie = |line: &[u8], stripped: &mut Vec<u8>| {
                cookie::scan(line, &rules.name, rules.indirect, stripped, |found| {
                    client_cookie.examine(rules, found, now_s, |id| find_server(backend, id));
                })
            };
            rewrite::request(data, head, fields, headers, value, on_cookie, out);
        }
    }
    client_cookie
}

fn find_server(backend: &Backend, id: &[u8]) -> sticky::Lookup {
    let servers = backend.servers.iter();
    sticky::find_server(
        id,
        servers.map(|server| (server.cookie.as_deref().map(str::as_bytes), server.state.is_up())),
    )
}
