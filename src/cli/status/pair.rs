//! The pair on the screen of `torii status`.
//!
//! Called by `text`. The role comes first, then what is wrong, with what to change.

use super::text::line;
use crate::ha::status::PairStatus;
use crate::ha::words;
use crate::observe::words::{grouped, moment};

/// Writes it.
pub(super) fn write(out: &mut String, pair: &PairStatus) {
    line(out, "pair", &format!("{} ({}) is {}", pair.node, pair.address, words::role(pair)));
    for problem in &pair.problems {
        line(out, "  PROBLEM", &words::problem(problem));
        line(out, "", &format!("-> {}", problem.remedy));
    }
    line(out, "  addresses", &words::addresses(pair));
    line(out, "  priority", &words::priority(pair));
    for remark in words::remarks(pair) {
        line(out, "  !", &remark);
    }
    for peer in &pair.peers {
        line(out, "  peer", &format!("{} ({}) {}", peer.name, peer.address, words::peer(peer)));
    }
    line(out, "  adverts", &words::adverts(pair));
    for discard in &pair.adverts.discarded {
        line(out, "  discarded", &format!("{}: {}", discard.reason, grouped(discard.count)));
    }
    line(out, "  timers", &words::timers(pair));
    line(out, "  guard", &pair.guard.to_string());
    for (index, change) in pair.transitions.iter().rev().enumerate() {
        let text = format!("{}  {} -> {}: {}", moment(change.unix_ms), change.from, change.to, change.cause);
        line(out, if index == 0 { "  history" } else { "" }, &text);
    }
}
