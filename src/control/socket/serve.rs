//! Answering at the control socket, on the control thread.
//!
//! Whoever may connect is trusted with what can be asked, but not with torii's memory or time: clients
//! at once, bytes of a request, and the waits for it and for its reader are bounded (`limits`). An
//! order that was begun goes on when its client leaves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::bind::Bound;
use super::protocol::{self, Answer, Request};
use crate::control::handover::Handover;
use crate::control::status::StatusSource;
use crate::limits::control::{CLIENTS, PATIENCE, REQUEST_SIZE};

/// Lines of progress that may wait for a client to read them; more are lost, the last line never is.
const PROGRESS_MAX: usize = 32;

/// How long accepting rests after an error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who can answer.
#[derive(Debug)]
pub struct Desk {
    /// How the node does.
    pub status: StatusSource,
    /// Moves the shared addresses; `None` without `[ha]`.
    pub handover: Option<Arc<Handover>>,
}

/// Serves until it is dropped.
///
/// # Errors
/// The runtime cannot take the socket over.
pub async fn serve(bound: &Bound, desk: Arc<Desk>) -> io::Result<()> {
    let listener = UnixListener::from_std(bound.listener()?)?;
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut conversations = JoinSet::new();
    loop {
        // A place first: who finds none waits in the kernel's queue.
        let place = places.clone().acquire_owned().await.expect("nobody closes the semaphore");
        match listener.accept().await {
            Ok((stream, _)) => {
                conversations.spawn(converse(stream, desk.clone(), place));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
        while conversations.try_join_next().is_some() {}
    }
}

/// One request and its answer. How it ends is of no interest: there is nobody to tell.
async fn converse(stream: UnixStream, desk: Arc<Desk>, _place: OwnedSemaphorePermit) {
    let (reading, mut writing) = stream.into_split();
    let mut request = Vec::new();
    let mut reading = BufReader::new(reading).take(REQUEST_SIZE as u64 + 1);
    match timeout(PATIENCE, reading.read_until(b'\n', &mut request)).await {
        Ok(Ok(count)) if count > 0 => {}
        _ => return,
    }
    let answer = match parse(&request) {
        Err(reason) => Answer::Malformed { reason },
        Ok(Request::Status {}) => Answer::Status { status: Box::new(desk.status.look()) },
        Ok(order) => match &desk.handover {
            None => Answer::Refused {
                reason: "this node has no [ha]: there is no shared address to hand over".into(),
                help: None,
            },
            Some(handover) => {
                let (progress, lines) = mpsc::channel(PROGRESS_MAX);
                // A task of its own: it goes on when this client leaves.
                tokio::spawn(obey(handover.clone(), order, progress));
                return pass_on(lines, &mut writing).await;
            }
        },
    };
    write(&mut writing, &answer).await;
}

fn parse(request: &[u8]) -> Result<Request, String> {
    if request.len() > REQUEST_SIZE {
        return Err(format!("a request has at most {REQUEST_SIZE} bytes"));
    }
    protocol::request(request)
}

async fn obey(handover: Arc<Handover>, order: Request, progress: mpsc::Sender<Answer>) {
    let tell = |text: String| {
        let _ = progress.try_send(Answer::Progress { text });
    };
    let result = match order {
        Request::FailOver { force } => handover.hand_over(force, tell).await,
        Request::TakeBack { force } => handover.take_back(force, tell).await,
        // Answered before.
        Request::Status {} => return,
    };
    let last = match result {
        Ok(text) => Answer::Done { text },
        Err(refusal) => Answer::Refused { reason: refusal.to_string(), help: refusal.help() },
    };
    // Waits for room: the client has to read, or to leave.
    let _ = progress.send(last).await;
}

async fn pass_on(mut lines: mpsc::Receiver<Answer>, writing: &mut (impl AsyncWriteExt + Unpin)) {
    while let Some(answer) = lines.recv().await {
        if !write(writing, &answer).await {
            return;
        }
    }
}

/// `false` when the client does not read.
async fn write(writing: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> bool {
    let line = protocol::line(answer);
    matches!(timeout(PATIENCE, writing.write_all(&line)).await, Ok(Ok(())))
}
