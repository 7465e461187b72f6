//! Whether servers send tickets after a TLS 1.3 handshake, and so whether it is worth waiting for one.

use crate::limits::TICKETS_MISSED_MAX;

/// What is known of an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tickets {
    /// No connection has waited for one yet.
    #[default]
    Unknown,
    /// One connection waits to find out; the others do not.
    Probing,
    /// They do: each connection waits for its own.
    Sent {
        /// Connections in a row that waited in vain.
        missed: u8,
    },
    /// None came in time: nobody waits any more.
    Missing,
}

/// How a wait for a ticket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// With a ticket.
    Came,
    /// The time was up.
    Late,
    /// The connection ended before, which says nothing of tickets.
    BrokenOff,
}

impl Tickets {
    /// Whether a connection without a ticket is to wait for one; it is then the one that finds out, if
    /// nothing is known.
    pub fn begin(&mut self) -> bool {
        match self {
            Self::Unknown => {
                *self = Self::Probing;
                true
            }
            Self::Sent { .. } => true,
            Self::Probing | Self::Missing => false,
        }
    }

    /// A wait is over.
    pub fn learn(&mut self, waited: Waited) {
        *self = match (*self, waited) {
            (_, Waited::Came) => Self::Sent { missed: 0 },
            (Self::Probing, Waited::Late) => Self::Missing,
            (Self::Probing, Waited::BrokenOff) => Self::Unknown,
            (Self::Sent { missed }, Waited::Late) if missed + 1 >= TICKETS_MISSED_MAX => Self::Missing,
            (Self::Sent { missed }, Waited::Late) => Self::Sent { missed: missed + 1 },
            (known, _) => known,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_finds_out_for_all() {
        let mut tickets = Tickets::default();
        assert!(tickets.begin() && !tickets.begin(), "the others do not wait meanwhile");
        tickets.learn(Waited::BrokenOff);
        assert!(tickets.begin(), "the next one finds out");
        tickets.learn(Waited::Late);
        assert!(!tickets.begin());
    }

    #[test]
    fn servers_that_have_sent_tickets_are_waited_for_until_they_stop() {
        let mut tickets = Tickets::default();
        assert!(tickets.begin());
        tickets.learn(Waited::Came);
        for _ in 1..TICKETS_MISSED_MAX {
            tickets.learn(Waited::Late);
            assert!(tickets.begin());
        }
        tickets.learn(Waited::BrokenOff);
        assert!(tickets.begin());
        tickets.learn(Waited::Late);
        assert_eq!((tickets, tickets.begin()), (Tickets::Missing, false));
    }
}
