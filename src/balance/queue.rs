//! Requests of one backend that wait for a slot at a server, in the order in which they came.
//!
//! One per worker and backend, used by `proxy::queue`. Sans-IO: what is woken is the caller's. As in
//! HAProxy, a request that its cookie directs waits for its server alone, any other for the first
//! slot; whoever has waited longest goes first. It is empty unless every server is at its limit.

use std::collections::VecDeque;

/// A place in a queue. Later places are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// The queue. `T` is how a waiting request is told to look again.
#[derive(Debug)]
pub struct Queue<T> {
    /// Ordered by ticket.
    waiting: VecDeque<Waiting<T>>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    ticket: u64,
    /// The one server that will do, if it is one.
    server: Option<usize>,
    /// When it has waited long enough, milliseconds.
    due_ms: u64,
    token: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), next_ticket: 0 }
    }
}

impl<T> Queue<T> {
    /// Takes the last place; `server`: the only one that will do. Paid back by one `leave`.
    pub fn join(&mut self, server: Option<usize>, due_ms: u64, token: T) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(Waiting { ticket, server, due_ms, token });
        Ticket(ticket)
    }

    /// Gives the place up.
    pub fn leave(&mut self, ticket: Ticket) {
        if let Some(at) = self.position(ticket) {
            self.waiting.remove(at);
        }
    }

    /// Replaces how the request is told.
    pub fn renew(&mut self, ticket: Ticket, token: T) {
        if let Some(at) = self.position(ticket) {
            self.waiting[at].token = token;
        }
    }

    /// Requests that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Who has waited longest for a slot that became free at `server`; `takes_any`: the server takes
    /// requests that no cookie directs to it.
    pub fn next_for(&self, server: usize, takes_any: bool) -> Option<&T> {
        let fits = |waiting: &&Waiting<T>| waiting.server.map_or(takes_any, |only| only == server);
        self.waiting.iter().find(fits).map(|waiting| &waiting.token)
    }

    /// Everybody who should look again now: those who have waited long enough, and in their order
    /// those for whom `claims` finds a slot. `claims` is asked for the one server or for any, and
    /// counts what it has given away.
    pub fn ready(
        &self,
        now_ms: u64,
        mut claims: impl FnMut(Option<usize>) -> bool,
        mut tell: impl FnMut(&T),
    ) {
        for waiting in &self.waiting {
            if waiting.due_ms <= now_ms || claims(waiting.server) {
                tell(&waiting.token);
            }
        }
    }

    fn position(&self, ticket: Ticket) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket.0, |waiting| waiting.ticket).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(queue: &Queue<char>, now_ms: u64, claims: impl FnMut(Option<usize>) -> bool) -> String {
        let mut names = String::new();
        queue.ready(now_ms, claims, |&name| names.push(name));
        names
    }

    #[test]
    fn a_free_slot_goes_to_who_has_waited_longest_for_it() {
        let mut queue = Queue::default();
        queue.join(Some(1), 100, 'a');
        let b = queue.join(None, 100, 'b');
        queue.join(Some(0), 100, 'c');
        assert_eq!(queue.next_for(0, true), Some(&'b'));
        assert_eq!(queue.next_for(1, true), Some(&'a'));
        queue.leave(b);
        assert_eq!(queue.next_for(0, true), Some(&'c'));
        assert_eq!(queue.next_for(2, true), None);
    }

    #[test]
    fn a_server_that_takes_no_new_clients_serves_only_those_that_its_cookie_directs() {
        let mut queue = Queue::default();
        queue.join(None, 100, 'a');
        queue.join(Some(0), 100, 'b');
        assert_eq!(queue.next_for(0, false), Some(&'b'));
    }

    #[test]
    fn tells_as_many_as_there_are_slots_and_all_that_are_due() {
        let mut queue = Queue::default();
        for (due_ms, name) in [(50, 'a'), (10, 'b'), (50, 'c'), (50, 'd')] {
            queue.join(None, due_ms, name);
        }
        let mut slots = 2;
        let claims = |_| {
            let given = slots > 0;
            slots -= i32::from(given);
            given
        };
        assert_eq!(told(&queue, 10, claims), "abc");
        assert_eq!(told(&queue, 9, |_| false), "");
        assert_eq!(told(&queue, 50, |_| false), "abcd");
    }

    #[test]
    fn leaving_and_renewing_find_the_right_place() {
        let mut queue = Queue::default();
        let tickets: Vec<Ticket> = ('a'..='e').map(|name| queue.join(None, 0, name)).collect();
        queue.leave(tickets[1]);
        queue.leave(tickets[1]);
        queue.renew(tickets[3], 'D');
        queue.renew(tickets[1], 'B');
        assert_eq!((told(&queue, 0, |_| false).as_str(), queue.len()), ("acDe", 4));
        assert!(tickets.is_sorted() && !queue.is_empty());
    }
}
