//! The pair on the statistics page: the role and what is wrong first, then figures and history.
//!
//! Called by `page`; the words are those of `torii status`.

use crate::ha::status::{PairState, PairStatus};
use crate::ha::words;
use crate::observe::words::{grouped, moment};

/// What the template shows.
pub(super) struct Pair {
    pub(super) node: String,
    pub(super) role: String,
    /// Class of the role's colour.
    pub(super) class: &'static str,
    pub(super) remarks: Vec<String>,
    pub(super) problems: Vec<Trouble>,
    /// Name and words.
    pub(super) facts: Vec<(String, String)>,
    /// The newest first.
    pub(super) history: Vec<Change>,
}

/// Something to change.
pub(super) struct Trouble {
    pub(super) what: String,
    pub(super) remedy: String,
}

/// One change of the role.
pub(super) struct Change {
    pub(super) when: String,
    pub(super) from: PairState,
    pub(super) to: PairState,
    pub(super) cause: String,
}

impl Pair {
    /// From what the ha thread published.
    pub(super) fn of(pair: &PairStatus) -> Self {
        let mut facts = vec![
            ("Shared addresses".into(), words::addresses(pair)),
            ("Priority".into(), words::priority(pair)),
        ];
        let peers = pair.peers.iter();
        facts.extend(peers.map(|peer| (format!("{} ({})", peer.name, peer.address), words::peer(peer))));
        facts.push(("Adverts".into(), words::adverts(pair)));
        let discards = pair.adverts.discarded.iter();
        facts.extend(
            discards.map(|discard| (format!("Discarded: {}", discard.reason), grouped(discard.count))),
        );
        facts.push(("Timers".into(), words::timers(pair)));
        facts.push(("Guard".into(), pair.guard.to_string()));
        let trouble = |problem| Trouble { what: words::problem(problem), remedy: problem.remedy.clone() };
        Self {
            node: format!("{} ({})", pair.node, pair.address),
            role: words::role(pair),
            class: match pair.state {
                PairState::Active => "active_up",
                PairState::Standby => "active_draining",
                PairState::HandingOver => "active_going_down",
                PairState::Starting => "active_going_up",
                PairState::Fault => "active_down",
            },
            remarks: words::remarks(pair),
            problems: pair.problems.iter().map(trouble).collect(),
            facts,
            history: pair
                .transitions
                .iter()
                .rev()
                .map(|change| Change {
                    when: moment(change.unix_ms),
                    from: change.from,
                    to: change.to,
                    cause: change.cause.clone(),
                })
                .collect(),
        }
    }
}
