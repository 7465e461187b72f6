//! The response: its head read, rewritten and forwarded, its body relayed, its end judged.

use super::account::{Account, Termination};
use super::exchange::Exchange;
use super::refusal::{Refusal, count_limit};
use super::relay::Flow;
use super::upload::Upload;
use super::upstream::Upstream;
use super::worker::Scratch;
use crate::balance::sticky::{self, CookieRules, ServerCookie, SetCookieEdit};
use crate::http::cacheable::looks_cacheable;
use crate::http::cookie::set_cookie_name;
use crate::http::framing::Body;
use crate::http::head::{Field, HeadError, Parsed, Version, is_worth_parsing};
use crate::http::header_rules::HeaderRules;
use crate::http::obsolete;
use crate::http::request::Method;
use crate::http::response::{self, ResponseHead};
use crate::http::rewrite::{self, ClientSide};
use crate::http::upgrade;
use crate::limits::{INTERIM_RESPONSES, READS_PER_TURN};
use crate::net::Lease;
use crate::net::driver::yield_now;

/// What came of the response.
#[derive(Debug)]
pub(super) enum Responded {
    /// All of it was forwarded.
    Complete {
        /// The server's connection may carry another request.
        server_reusable: bool,
        /// The client was told that its connection stays.
        keep_client: bool,
    },
    /// The server's connection ended before it said anything.
    Lost,
    /// There is no response that could be forwarded.
    Failed(Refusal),
    /// Part of it was forwarded, and no more can be.
    Cut,
    /// The server has switched protocols and the client knows; the lease holds what came behind.
    Switched(Lease),
}

/// What came of a read from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Received {
    /// More is in the lease.
    Bytes,
    /// The server has ended its connection, or we have, at a deadline.
    End,
    /// It was reset: what came before is not everything.
    Broken,
}

/// A head ready to be sent.
struct Prepared {
    /// Bytes of the lease to send: the head and what is there of the body.
    first_len: usize,
    /// Bytes after them to leave out.
    first_skip: usize,
    rest: Flow,
    server_keeps: bool,
    keep_client: bool,
    interim: bool,
    /// A 101 that accepts what the client offered.
    switches: bool,
}

/// Reads the response to the request that was, or is being, sent, and forwards it.
pub(super) async fn run(
    exchange: &Exchange<'_>,
    account: &mut Account,
    upstream: &Upstream,
    mut lease: Lease,
) -> Responded {
    let mut interim_count = 0;
    loop {
        let (result, returned) = read_head(exchange, account, upstream, lease, interim_count > 0).await;
        lease = returned;
        let prepared = match result {
            Ok(prepared) => prepared,
            Err(ended) => return ended,
        };
        if !prepared.interim {
            return forward(exchange, account, upstream, lease, prepared).await;
        }
        interim_count += 1;
        if interim_count > INTERIM_RESPONSES {
            return Responded::Failed(Refusal::InterimResponses);
        }
        // HTTP/1.0 knows no interim responses (RFC 9110 section 15.2).
        if exchange.version == Version::Http11 {
            let (sent, returned) = send(exchange, account, lease, prepared.first_len).await;
            lease = returned;
            if !sent {
                account.terminate(client_left(exchange, b'H'));
                account.no_status();
                return Responded::Cut;
            }
        }
        lease.consume(prepared.first_len);
        if prepared.switches {
            return Responded::Switched(lease);
        }
    }
}

/// Reads until a head is complete, and rewrites it in place. The server's time-out is that of the whole
/// head, however slowly it drips in.
async fn read_head(
    exchange: &Exchange<'_>,
    account: &mut Account,
    upstream: &Upstream,
    mut lease: Lease,
    mut answered: bool,
) -> (Result<Prepared, Responded>, Lease) {
    let worker = exchange.worker;
    let mut searched = 0;
    let mut due_ms = None;
    loop {
        if lease.len() > searched && is_worth_parsing(lease.data(), searched, worker.head_limits) {
            match prepare(exchange, account, &mut lease) {
                Ok(None) => {}
                Ok(Some(prepared)) => return (Ok(prepared), lease),
                Err(error) => return (Err(Responded::Failed(Refusal::of_response(error))), lease),
            }
        }
        searched = lease.len();
        if lease.spare() == 0 {
            lease.compact();
        }
        let (received, returned) = receive(exchange, account, upstream, lease, &mut due_ms).await;
        lease = returned;
        if received == Received::Bytes {
            answered = true;
            continue;
        }
        let ended = match () {
            () if upstream.socket.deadline().fired() => Responded::Failed(Refusal::ResponseLate),
            () if answered => Responded::Failed(Refusal::ResponseMissing),
            () => Responded::Lost,
        };
        return (Err(ended), lease);
    }
}

/// Parses the head at the front of the lease and puts the one for the client in its place; `None`
/// asks for more bytes.
fn prepare(
    exchange: &Exchange<'_>,
    account: &mut Account,
    lease: &mut Lease,
) -> Result<Option<Prepared>, HeadError> {
    let worker = exchange.worker;
    let scratch = &mut *worker.scratch.borrow_mut();
    let Some(head) = parse(exchange, lease, scratch)? else { return Ok(None) };
    let interim = head.status < 200;
    let switches = head.status == 101;
    if switches {
        // A switch that nobody asked for, or to something else, is no answer to this request.
        if !is_granted(exchange, &head, lease.data(), &scratch.fields) {
            return Err(HeadError::Malformed);
        }
        account.responded(worker);
        account.status(head.status);
    }
    let uploaded = exchange.progress.upload.get() == Upload::Done;
    // HTTP/1.0 knows no chunks: to such a client the end of the connection is the end of the body.
    let ends_with_connection =
        head.body == Body::UntilClose || head.body == Body::Chunked && exchange.version == Version::Http10;
    let keep_client =
        exchange.wants_keep_alive && uploaded && !ends_with_connection && worker.keeps_clients.get();
    let client = ClientSide { version: exchange.version, keep_alive: keep_client };
    write_head(exchange, account, &head, lease.data(), client, scratch);
    if !lease.replace_front(head.len, &scratch.head) {
        return Err(HeadError::HeadTooLarge);
    }
    let head_len = scratch.head.len();
    if interim {
        let rest = Flow::Done;
        let prepared = Prepared {
            first_len: head_len,
            first_skip: 0,
            rest,
            server_keeps: false,
            keep_client,
            interim,
            switches,
        };
        return Ok(Some(prepared));
    }
    account.responded(worker);
    account.status(head.status);
    let mut rest = Flow::of(head.body);
    let run = rest.advance(&lease.data()[head_len..])?;
    Ok(Some(Prepared {
        first_len: head_len + run.forward,
        first_skip: run.skip,
        rest,
        server_keeps: head.keeps_alive(),
        keep_client,
        interim,
        switches,
    }))
}

/// The head at the front of the lease, obsolete line forms rewritten in place.
fn parse(exchange: &Exchange<'_>, lease: &mut Lease, scratch: &mut Scratch) -> Parsed<ResponseHead> {
    let to_head = exchange.method == Method::Head;
    let limits = exchange.worker.head_limits;
    let parsed = response::parse(lease.data(), to_head, limits, &mut scratch.fields);
    if !matches!(parsed, Err(HeadError::Malformed)) {
        return parsed;
    }
    // cold: a server of another age, or none of HTTP
    let Some(len) = obsolete::rewrite(lease.data(), &mut scratch.head) else { return parsed };
    if !lease.replace_front(len, &scratch.head) {
        return Err(HeadError::HeadTooLarge);
    }
    response::parse(lease.data(), to_head, limits, &mut scratch.fields)
}

/// Whether a 101 grants what this request offered (RFC 9110 sections 7.8 and 15.2.2).
fn is_granted(exchange: &Exchange<'_>, head: &ResponseHead, data: &[u8], fields: &[Field]) -> bool {
    let offer = exchange.upgrade.as_deref();
    head.version == Version::Http11
        && head.connection.upgrade
        && offer.is_some_and(|offer| upgrade::is_granted(data, fields, offer))
}

/// Writes the whole head for the client to `scratch.head`, with the persistence cookie it needs.
fn write_head(
    exchange: &Exchange<'_>,
    account: &mut Account,
    head: &ResponseHead,
    data: &[u8],
    client: ClientSide,
    scratch: &mut Scratch,
) {
    let Scratch { fields, head: out, .. } = scratch;
    // As in HAProxy, not for interim responses; a 101 is final.
    let is_final = head.status >= 200 || head.status == 101;
    let headers = exchange.response_headers.filter(|_| is_final);
    match exchange.backend.cookie.as_deref().filter(|_| is_final) {
        None => rewrite::response(data, head, fields, headers, client, |_| true, out),
        Some(rules) => {
            let mut cookie = ServerCookie::new();
            let keep = |line: &[u8]| keep_set_cookie(&mut cookie, rules, line);
            rewrite::response(data, head, fields, headers, client, keep, out);
            let answer = sticky::Answer {
                server_id: exchange.server.cookie.as_deref().map(str::as_bytes),
                is_post: exchange.method == Method::Post,
                now_unix_s: exchange.worker.clock.unix_s(),
            };
            let cacheable = || {
                // The fields as the client gets them.
                let received = fields.iter().map(|field| (field.name.of(data), field.value.of(data)));
                let received = received.filter(|(name, _)| !headers.is_some_and(|rules| rules.removes(name)));
                let names_and_values = received.chain(headers.into_iter().flat_map(HeaderRules::added));
                looks_cacheable(exchange.method.cacheable_token(), head.status, names_and_values)
            };
            account.server_cookie(cookie.finish(rules, &exchange.cookie, &answer, cacheable, out));
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn keep_set_cookie(cookie: &mut ServerCookie, rules: &CookieRules, line: &[u8]) -> bool {
    match set_cookie_name(line) {
        Some(name) => cookie.examine(rules, name) == SetCookieEdit::Keep,
        None => true,
    }
}

/// Sends the head and relays the body to its end.
async fn forward(
    exchange: &Exchange<'_>,
    account: &mut Account,
    upstream: &Upstream,
    mut lease: Lease,
    prepared: Prepared,
) -> Responded {
    let Prepared { first_len, first_skip, mut rest, mut server_keeps, keep_client, .. } = prepared;
    let (sent, returned) = send(exchange, account, lease, first_len).await;
    lease = returned;
    if !sent {
        return client_gone(exchange, account, &rest);
    }
    lease.consume(first_len + first_skip);
    let mut reads = 0u32;
    while !rest.is_done() {
        match relay_what_is_there(exchange, account, &mut rest, lease).await {
            (Ok(()), returned) => lease = returned,
            (Err(ended), _) => return ended,
        }
        if rest.is_done() {
            break;
        }
        if lease.spare() == 0 {
            lease.compact();
        }
        // Each piece of a body has the whole time-out.
        let (received, returned) = receive(exchange, account, upstream, lease, &mut None).await;
        lease = returned;
        if received == Received::Bytes {
            reads += 1;
            if reads.is_multiple_of(READS_PER_TURN) {
                yield_now().await;
            }
            continue;
        }
        let in_order = received == Received::End
            && !upstream.socket.deadline().fired()
            && !exchange.progress.upload.get().is_clients_fault();
        if rest.ends_with_connection() && in_order {
            server_keeps = false;
            break;
        }
        return server_gone(exchange, account, upstream, &rest);
    }
    // More than the response: whose it is cannot be known, so the connection carries nothing else.
    server_keeps &= lease.is_empty();
    Responded::Complete { server_reusable: server_keeps, keep_client }
}

/// Forwards what the lease holds of the body; what is left in it is incomplete or not of the body.
async fn relay_what_is_there(
    exchange: &Exchange<'_>,
    account: &mut Account,
    rest: &mut Flow,
    mut lease: Lease,
) -> (Result<(), Responded>, Lease) {
    while !lease.is_empty() && !rest.is_done() {
        let run = match rest.advance(lease.data()) {
            Ok(run) => run,
            Err(error) => {
                count_limit(exchange.worker, error);
                account.terminate(Termination(*b"PD"));
                return (Err(Responded::Cut), lease);
            }
        };
        if run.forward > 0 {
            let (sent, returned) = send(exchange, account, lease, run.forward).await;
            lease = returned;
            if !sent {
                return (Err(client_gone(exchange, account, rest)), lease);
            }
        }
        lease.consume(run.forward + run.skip);
        if run.forward + run.skip == 0 {
            break;
        }
    }
    (Ok(()), lease)
}

/// Receives from the server until `due_ms`, which is set by the first wait for it.
async fn receive(
    exchange: &Exchange<'_>,
    account: &mut Account,
    upstream: &Upstream,
    lease: Lease,
    due_ms: &mut Option<u64>,
) -> (Received, Lease) {
    let worker = exchange.worker;
    let progress = &exchange.progress;
    // While the client is still sending, it is the one that is waited for, and the server's deadline
    // is that direction's.
    if progress.upload.get() != Upload::Running {
        let due_ms = due_ms.get_or_insert(worker.clock.now() + exchange.server_timeout_ms);
        upstream.socket.deadline().arm(*due_ms);
    }
    progress.receiving.set(true);
    let (received, lease) = upstream.socket.receive(lease).await;
    progress.receiving.set(false);
    // What follows is the client's time.
    if progress.upload.get() != Upload::Running {
        upstream.socket.deadline().disarm();
    }
    worker.clock.read();
    let received = match received {
        Ok(0) => Received::End,
        Ok(count) => {
            account.received(count);
            Received::Bytes
        }
        Err(_) => Received::Broken,
    };
    (received, lease)
}

/// Sends the first `count` bytes to the client within its time-out.
async fn send(exchange: &Exchange<'_>, account: &mut Account, lease: Lease, count: usize) -> (bool, Lease) {
    let worker = exchange.worker;
    let client = &exchange.connection.client;
    client.socket().deadline().arm(worker.clock.now() + exchange.client_timeout_ms);
    let (result, lease) = client.send(lease, 0, count).await;
    worker.clock.read();
    client.socket().deadline().disarm();
    if result.is_ok() {
        account.sent(count);
    }
    (result.is_ok(), lease)
}

/// The client took no more of the response.
fn client_gone(exchange: &Exchange<'_>, account: &mut Account, rest: &Flow) -> Responded {
    account.terminate(client_left(exchange, b'D'));
    cut(exchange, rest)
}

/// The client took no more in this phase: too slow, or gone.
fn client_left(exchange: &Exchange<'_>, phase: u8) -> Termination {
    let late = exchange.connection.client.socket().deadline().fired();
    Termination([if late { b'c' } else { b'C' }, phase])
}

/// Without a length only a reset tells the client that what it has is not all. To one that speaks
/// HTTP/1.0 the end of the connection ends a chunked body too.
fn cut(exchange: &Exchange<'_>, rest: &Flow) -> Responded {
    let ends_with_connection = rest.ends_with_connection()
        || exchange.version == Version::Http10 && matches!(rest, Flow::Chunked(_));
    if ends_with_connection {
        exchange.connection.client.socket().reset_on_close();
    }
    Responded::Cut
}

/// The server, or the request, ended in mid-body.
fn server_gone(
    exchange: &Exchange<'_>,
    account: &mut Account,
    upstream: &Upstream,
    rest: &Flow,
) -> Responded {
    let letters = match exchange.progress.upload.get() {
        Upload::ClientGone => *b"CD",
        Upload::ClientLate => *b"cD",
        Upload::Malformed | Upload::TooLarge => *b"PD",
        _ if upstream.socket.deadline().fired() => *b"sD",
        _ => *b"SD",
    };
    account.terminate(Termination(letters));
    cut(exchange, rest)
}
