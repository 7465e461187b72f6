//! Plain counters of a run, and the bookkeeping that must add up at its end.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Status codes that have a counter of their own: 100 to 999.
const STATUS_CODES: usize = 900;

/// Names of servers that are told apart, each with some hundred bytes per thread; the answers of further ones
/// are counted for nobody, and cannot be held to a cookie.
pub const NAMES_MAX: usize = 4_096;

/// Bytes of a server's name that are kept.
const NAME_BYTES_MAX: usize = 64;

/// What happened, as numbers. Requests planned during the warm-up are in `warm_up` alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests whose time came.
    pub planned: u64,
    /// Requests that the engine turned to: it wrote them or failed to.
    pub offered: u64,
    /// Requests never sent because the client's queue for a connection was full.
    pub unsent_queue_full: u64,
    /// Requests still in the client's queue when the run ended.
    pub unsent_at_end: u64,
    /// Complete answers that were good.
    pub ok: u64,
    /// Complete answers with a fault: an unexpected status, a failed check, the wrong server.
    pub wrong: u64,
    /// Requests without a complete answer.
    pub failed: u64,
    /// Complete answers that were held to the server that their request's cookie names, and kept to it.
    #[serde(default)]
    pub persistence_kept: u64,
    /// Users of whom at least one answer was; the warm-up's count, too.
    #[serde(default)]
    pub persistence_users: u64,
    /// Good answers that came between the warm-up's end and the schedule's, whenever they were due: the
    /// base of every rate. Of a steady stream as many of the warm-up's come in this time as of the last
    /// requests come after it, so that no answer's length makes the rate look lower. No part of the sums.
    pub in_time: u64,
    /// Of `ok`, those that came after the schedule's end.
    #[serde(default)]
    pub late: u64,
    /// Requests planned during the warm-up, which count nowhere else but in `in_time` and `warm_up_ok`.
    pub warm_up: u64,
    /// Of these, those with a good answer.
    #[serde(default)]
    pub warm_up_ok: u64,
    /// Bytes of the bodies of complete answers.
    pub body_bytes: u64,
    /// Bytes read from connections (inside TLS: plain text).
    pub read_bytes: u64,
    /// Bytes written to connections (inside TLS: plain text).
    pub written_bytes: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Connections that ended.
    pub connections_closed: u64,
    /// Connections of these on which bytes came while nothing was asked for.
    #[serde(default)]
    pub connections_unasked: u64,
    /// TLS handshakes completed.
    pub handshakes: u64,
    /// TLS handshakes of these that resumed an earlier session.
    pub handshakes_resumed: u64,
}

/// A sum that should have been equal: an error in the load generator, which says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Both sides in words and numbers.
    pub explanation: String,
}

impl Counts {
    /// Complete answers, good and wrong.
    pub fn completed(&self) -> u64 {
        self.ok.saturating_add(self.wrong)
    }

    /// Good answers, those of the warm-up among them: what a display of the moment shows.
    pub fn good(&self) -> u64 {
        self.ok.saturating_add(self.warm_up_ok)
    }

    /// Requests that were planned and never sent, for whatever reason.
    pub fn unsent(&self) -> u64 {
        self.unsent_queue_full.saturating_add(self.unsent_at_end)
    }

    /// Checks `planned = offered + unsent` and `offered = ok + wrong + failed`.
    ///
    /// # Errors
    /// The sum that does not add up.
    pub fn balance(&self) -> Result<(), Mismatch> {
        if self.planned != self.offered.saturating_add(self.unsent()) {
            let (planned, offered, unsent) = (self.planned, self.offered, self.unsent());
            let explanation = format!("planned {planned} is not offered {offered} + never sent {unsent}");
            return Err(Mismatch { explanation });
        }
        if self.offered != self.completed().saturating_add(self.failed) {
            let Counts { offered, ok, wrong, failed, .. } = *self;
            let explanation = format!("offered {offered} is not ok {ok} + wrong {wrong} + failed {failed}");
            return Err(Mismatch { explanation });
        }
        Ok(())
    }

    /// Adds other counts, field by field.
    pub fn add(&mut self, other: &Counts) {
        let pairs = [
            (&mut self.planned, other.planned),
            (&mut self.offered, other.offered),
            (&mut self.unsent_queue_full, other.unsent_queue_full),
            (&mut self.unsent_at_end, other.unsent_at_end),
            (&mut self.ok, other.ok),
            (&mut self.wrong, other.wrong),
            (&mut self.failed, other.failed),
            (&mut self.persistence_kept, other.persistence_kept),
            (&mut self.persistence_users, other.persistence_users),
            (&mut self.in_time, other.in_time),
            (&mut self.late, other.late),
            (&mut self.warm_up, other.warm_up),
            (&mut self.warm_up_ok, other.warm_up_ok),
            (&mut self.body_bytes, other.body_bytes),
            (&mut self.read_bytes, other.read_bytes),
            (&mut self.written_bytes, other.written_bytes),
            (&mut self.connections_opened, other.connections_opened),
            (&mut self.connections_closed, other.connections_closed),
            (&mut self.connections_unasked, other.connections_unasked),
            (&mut self.handshakes, other.handshakes),
            (&mut self.handshakes_resumed, other.handshakes_resumed),
        ];
        for (ours, theirs) in pairs {
            *ours = ours.saturating_add(theirs);
        }
    }
}

/// How often each status code was answered.
#[derive(Clone, Debug)]
pub struct Statuses {
    codes: Box<[u64]>,
}

impl Default for Statuses {
    fn default() -> Self {
        Statuses { codes: vec![0; STATUS_CODES].into_boxed_slice() }
    }
}

impl Statuses {
    /// Counts one answer; a code outside 100..=999 is not HTTP and is not counted.
    #[inline]
    pub fn count(&mut self, status: u16) {
        if let Some(count) = self.codes.get_mut(usize::from(status).wrapping_sub(100)) {
            *count += 1;
        }
    }

    /// Adds the counts of another table.
    pub fn add(&mut self, other: &Statuses) {
        for (ours, theirs) in self.codes.iter_mut().zip(&other.codes) {
            *ours += theirs;
        }
    }

    /// The codes that came, with their counts, in order.
    pub fn counted(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        (100u16..).zip(self.codes.iter().copied()).filter(|&(_, count)| count > 0)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.codes.fill(0);
    }
}

/// Names of servers as they appear, each with a small number.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Vec<String>,
    /// The number of each name.
    numbers: HashMap<Vec<u8>, u16>,
}

impl Names {
    /// The number of a name, given out at its first appearance; `None` when too many are known.
    pub fn number(&mut self, name: &[u8]) -> Option<u16> {
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        match self.numbers.get(name) {
            Some(number) => Some(*number),
            None => self.insert(name),
        }
    }

    fn insert(&mut self, name: &[u8]) -> Option<u16> {
        let printable = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
        let text: String = name.iter().map(printable).collect();
        // A name with other bytes is not found by its bytes: look for what it is printed as.
        if let Some(number) = self.numbers.get(text.as_bytes()) {
            return Some(*number);
        }
        let number =
            u16::try_from(self.names.len()).ok().filter(|&number| usize::from(number) < NAMES_MAX)?;
        self.numbers.insert(text.clone().into_bytes(), number);
        self.names.push(text);
        Some(number)
    }

    /// The names in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}
