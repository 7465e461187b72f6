//! The pair on the screen of `torii status`.
//!
//! Called by `text`. The role comes first, in capitals: it is what an operator looks for.

use std::time::Duration;

use chrono::{DateTime, Local, TimeZone};

use super::text::{grouped, line, span};
use crate::ha::status::{Contribution, PairState, PairStatus, PeerStatus, Problem};

/// Writes it.
pub(super) fn write(out: &mut String, pair: &PairStatus) {
    let role = pair.state.to_string().to_uppercase();
    let age = pair.published_unix_ms.saturating_sub(pair.since_unix_ms);
    line(
        out,
        "pair",
        &format!(
            "{} ({}) is {role} since {}, for {}",
            pair.node,
            pair.address,
            moment(pair.since_unix_ms),
            span(Duration::from_millis(age))
        ),
    );
    for problem in &pair.problems {
        write_problem(out, problem);
    }
    let held = match (pair.addresses_held, pair.state) {
        (true, _) => "here",
        (false, PairState::Fault) => "not here: this node takes no part",
        (false, _) => "not here",
    };
    line(out, "  addresses", &format!("{} on {}: {held}", pair.addresses.join(", "), pair.interface));
    line(out, "  priority", &sum(pair.priority, &pair.sum));
    for reason in pair.sum.iter().filter(|line| line.points == 0) {
        line(out, "  !", &reason.what);
    }
    if pair.handed_over {
        line(out, "  !", "handed over by an operator: it stays standby until `torii failover --back`");
    }
    for peer in &pair.peers {
        line(out, "  peer", &peer_text(peer));
    }
    line(
        out,
        "  adverts",
        &format!(
            "VRRPv{} by {}, router {}, each {}: {} sent, {} received{}",
            pair.version,
            pair.transport,
            pair.virtual_router_id,
            span(Duration::from_millis(pair.interval_ms.into())),
            grouped(pair.adverts.sent),
            grouped(pair.adverts.received),
            if pair.adverts.send_errors == 0 {
                String::new()
            } else {
                format!(", {} could not be sent", grouped(pair.adverts.send_errors))
            }
        ),
    );
    for discard in &pair.adverts.discarded {
        line(out, "  discarded", &format!("{}: {}", discard.reason, grouped(discard.count)));
    }
    line(
        out,
        "  timers",
        &format!(
            "last {} late, 99 of 100 at most {}, worst {}; {}",
            lag(pair.timer_lag.last_us),
            lag(pair.timer_lag.p99_us),
            lag(pair.timer_lag.max_us),
            if pair.real_time { "real-time priority" } else { "no real-time priority" }
        ),
    );
    line(out, "  guard", &pair.guard.to_string());
    for (index, transition) in pair.transitions.iter().rev().enumerate() {
        let text = format!(
            "{}  {} -> {}: {}",
            moment(transition.unix_ms),
            transition.from,
            transition.to,
            transition.cause
        );
        line(out, if index == 0 { "  history" } else { "" }, &text);
    }
}

fn write_problem(out: &mut String, problem: &Problem) {
    let often = if problem.count == 1 { "once".into() } else { format!("{} times", grouped(problem.count)) };
    line(out, "  PROBLEM", &format!("{} ({often}, last {})", problem.what, moment(problem.last_unix_ms)));
    line(out, "", &format!("-> {}", problem.remedy));
}

/// `102 = 100 base + 2 serving`
fn sum(priority: u8, sum: &[Contribution]) -> String {
    let parts: Vec<String> = sum
        .iter()
        .filter(|line| line.points != 0)
        .map(|line| format!("{} {}", line.points, line.what))
        .collect();
    match parts.len() {
        0 => priority.to_string(),
        _ => format!("{priority} = {}", parts.join(" + ")),
    }
}

fn peer_text(peer: &PeerStatus) -> String {
    let heard = peer
        .last_heard_ago_ms
        .map(|ago| {
            let priority = match peer.priority {
                Some(0) => " giving the addresses up".into(),
                Some(priority) => format!(" with priority {priority}"),
                None => String::new(),
            };
            format!("; last heard {} ago{priority}", span(Duration::from_millis(ago)))
        })
        .unwrap_or_default();
    format!("{} ({}) {}, {}{heard}", peer.name, peer.address, peer.state, peer.health)
}

fn lag(us: u64) -> String {
    if us < 10_000 { format!("{us} µs") } else { format!("{} ms", us / 1000) }
}

/// Local time to the second.
fn moment(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Local.timestamp_millis_opt(ms).single());
    time.map_or_else(|| "?".into(), |time: DateTime<Local>| time.format("%Y-%m-%d %H:%M:%S").to_string())
}
