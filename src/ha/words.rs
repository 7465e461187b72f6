//! The status of the pair in words, the same wherever it is shown: `torii status` and the statistics
//! page.

use super::status::{
    AdvertCounts, Contribution, Guard, PairState, PairStatus, PeerStatus, Problem, TimerLag,
};
use crate::observe::words::{grouped, moment, span_ms};

/// `ACTIVE since 2026-11-23 08:29:20, for 2h 1m`: in capitals, since it is what an operator looks for.
pub fn role(pair: &PairStatus) -> String {
    let age_ms = pair.published_unix_ms.saturating_sub(pair.since_unix_ms);
    let role = pair.state.to_string().to_uppercase();
    format!("{role} since {}, for {}", moment(pair.since_unix_ms), span_ms(age_ms))
}

/// `198.51.100.3/32 on eth0: here`
pub fn addresses(pair: &PairStatus) -> String {
    let held = match (pair.addresses_held, pair.state) {
        (true, _) => "here",
        (false, PairState::Fault) => "not here: this node takes no part",
        (false, _) => "not here",
    };
    format!("{} on {}: {held}", pair.addresses.join(", "), pair.interface)
}

/// `102 = 100 base + 2 serving`
pub fn priority(pair: &PairStatus) -> String {
    let parts: Vec<String> = pair
        .sum
        .iter()
        .filter(|part| part.points != 0)
        .map(|part| format!("{} {}", part.points, part.what))
        .collect();
    match parts.as_slice() {
        [] => pair.priority.to_string(),
        parts => format!("{} = {}", pair.priority, parts.join(" + ")),
    }
}

/// What an operator should know beside the figures: why the weight is missing, what was handed over.
pub fn remarks(pair: &PairStatus) -> Vec<String> {
    let missing = |part: &&Contribution| part.points == 0;
    let mut remarks: Vec<String> = pair.sum.iter().filter(missing).map(|part| part.what.clone()).collect();
    if let Guard::None(reason) = &pair.guard {
        remarks.push(format!(
            "no guard process ({reason}): if this process dies, its addresses stay until the other node notices"
        ));
    }
    if pair.handed_over {
        remarks.push("handed over by an operator: it stays standby until `torii failover --back`".into());
    }
    remarks
}

/// `standby, serving; last heard 80 ms ago with priority 101`
pub fn peer(peer: &PeerStatus) -> String {
    let priority = match peer.priority {
        Some(0) => " giving the addresses up".into(),
        Some(priority) => format!(" with priority {priority}"),
        None => String::new(),
    };
    let heard = peer.last_heard_ago_ms.map(|ago| format!("; last heard {} ago{priority}", span_ms(ago)));
    format!("{}, {}{}", peer.state, peer.health, heard.unwrap_or_default())
}

/// `VRRPv2 by unicast, router 10, each 1.0 s: 7,260 sent, 4 received`
pub fn adverts(pair: &PairStatus) -> String {
    let AdvertCounts { sent, send_errors, received, .. } = &pair.adverts;
    let failed = match send_errors {
        0 => String::new(),
        count => format!(", {} could not be sent", grouped(*count)),
    };
    format!(
        "VRRPv{} by {}, router {}, each {}: {} sent, {} received{failed}",
        pair.version,
        pair.transport,
        pair.virtual_router_id,
        span_ms(pair.interval_ms.into()),
        grouped(*sent),
        grouped(*received)
    )
}

/// `last 80 µs late, 99 of 100 at most 210 µs, worst 900 µs; real-time priority`
pub fn timers(pair: &PairStatus) -> String {
    let TimerLag { last_us, p99_us, max_us } = pair.timer_lag;
    let priority = if pair.real_time { "real-time priority" } else { "no real-time priority" };
    format!(
        "last {} late, 99 of 100 at most {}, worst {}; {priority}",
        lag(last_us),
        lag(p99_us),
        lag(max_us)
    )
}

/// `198.51.100.2 sends another password (1,200 times, last 2026-11-23 08:29:20)`
pub fn problem(problem: &Problem) -> String {
    let often = if problem.count == 1 { "once".into() } else { format!("{} times", grouped(problem.count)) };
    format!("{} ({often}, last {})", problem.what, moment(problem.last_unix_ms))
}

fn lag(us: u64) -> String {
    if us < 10_000 { format!("{us} µs") } else { format!("{} ms", us / 1000) }
}
