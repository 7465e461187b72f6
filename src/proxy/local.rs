//! A request that a route has answered by torii itself: a redirect, or one of torii's own answers.
//!
//! `plan` prepares it while the spans of the head are valid, `session` has it sent. The body of the
//! request is never forwarded: where all of it is there it is passed over by its framing, and the
//! connection may stay; otherwise the connection ends, so that no byte of a body is taken for a
//! request (RFC 9112 section 9.3).

use super::account::{Account, Termination};
use super::connection::Connection;
use super::exchange::After;
use super::refusal::Refusal;
use super::relay::Flow;
use super::session;
use super::worker::{Scratch, Worker};
use crate::http::answer::Answer;
use crate::http::head::HeadError;
use crate::http::redirect::Redirect;
use crate::http::request::{Method, RequestHead};
use crate::http::rewrite::ClientSide;
use crate::net::Lease;

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Local {
    reply: Reply,
    client: ClientSide,
    to_head: bool,
    /// Bytes of the lease, behind a redirect, that belong to the request.
    skip: usize,
}

#[derive(Debug)]
enum Reply {
    /// Written to the front of the lease, in place of the request's head.
    Redirect {
        status: u16,
        len: usize,
    },
    Answer(Answer),
}

/// Prepares an answer of torii's own to the request whose head is at the front of `lease`.
pub(super) fn answer(
    worker: &Worker,
    answer: Answer,
    head: &RequestHead,
    account: &mut Account,
    lease: &Lease,
) -> Result<Local, Refusal> {
    account.local(worker, head.line.of(lease.data()), answer.is_denial());
    let (client, body_len) = client_side(worker, head, lease.data()).map_err(Refusal::Head)?;
    let to_head = head.method_kind == Method::Head;
    Ok(Local { reply: Reply::Answer(answer), client, to_head, skip: head.len + body_len })
}

/// Writes a redirect in place of the head at the front of `lease`.
pub(super) fn redirect(
    worker: &Worker,
    redirect: &Redirect,
    head: &RequestHead,
    account: &mut Account,
    lease: &mut Lease,
    scratch: &mut Scratch,
) -> Result<Local, Refusal> {
    account.local(worker, head.line.of(lease.data()), false);
    write_redirect(worker, redirect, head, lease, scratch).map_err(Refusal::Head)
}

fn write_redirect(
    worker: &Worker,
    redirect: &Redirect,
    head: &RequestHead,
    lease: &mut Lease,
    scratch: &mut Scratch,
) -> Result<Local, HeadError> {
    let data = lease.data();
    let (client, skip) = client_side(worker, head, data)?;
    let host = head.host.map_or(&b""[..], |host| host.of(data));
    redirect.write(host, head.target.path.of(data), client, &mut scratch.head)?;
    if !lease.replace_front(head.len, &scratch.head) {
        return Err(HeadError::HeadTooLarge);
    }
    let reply = Reply::Redirect { status: redirect.status(), len: scratch.head.len() };
    Ok(Local { reply, client, to_head: head.method_kind == Method::Head, skip })
}

/// How the connection goes on, and how much of the body is there.
fn client_side(worker: &Worker, head: &RequestHead, data: &[u8]) -> Result<(ClientSide, usize), HeadError> {
    let mut rest = Flow::of(head.body);
    let body_len = pass_over(&mut rest, &data[head.len..])?;
    let keep_alive = head.wants_keep_alive() && rest.is_done() && worker.keeps_clients.get();
    Ok((ClientSide { version: head.version, keep_alive }, body_len))
}

/// Follows a body by its framing as far as it is there; returns its bytes.
fn pass_over(rest: &mut Flow, data: &[u8]) -> Result<usize, HeadError> {
    let mut at = 0;
    while !rest.is_done() {
        let run = rest.advance(&data[at..])?;
        at += run.forward + run.skip;
        if run.forward + run.skip == 0 {
            break;
        }
    }
    Ok(at)
}

/// Sends it; returns how the connection goes on and the lease with what follows the request.
pub(super) async fn run(
    worker: &Worker,
    connection: &Connection,
    account: &mut Account,
    local: Local,
    mut lease: Lease,
) -> (After, Lease) {
    let Local { reply, client, to_head, skip } = local;
    let sent = match reply {
        Reply::Redirect { status, len } => {
            account.terminate(Termination(*b"LR"));
            account.status(status);
            let sent;
            (sent, lease) = session::send_within(worker, connection, account, lease, len).await;
            lease.consume(len + skip);
            sent
        }
        Reply::Answer(answer) => {
            account.terminate(Termination(if answer.is_denial() { *b"PR" } else { *b"LR" }));
            lease.consume(skip);
            let spare = worker.pool.take();
            session::send_answer(worker, connection, account, answer, client, to_head, spare).await.0
        }
    };
    account.finish(worker);
    let after = match (sent, client.keep_alive) {
        (true, true) => After::Keep,
        (true, false) => After::Linger,
        (false, _) => After::Cut,
    };
    (after, lease)
}
