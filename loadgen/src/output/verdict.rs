//! The verdict on a run: whether its numbers mean what they seem to mean.
//!
//! One word, from the most damning down: FAILED, CLIENT-LIMITED, TARGET-SATURATED, UNSTABLE, OK.
//! Each rests on reasons in plain words; notes say what a careful reader would ask. The rules are
//! those of docs/loadgen.md, with their thresholds.

use super::text::{duration, grouped, rate, share};
use crate::measure::{ErrorClass, Kind};
use crate::record::{OnTheirWay, RunRecord, SearchEnd, SecondRecord, VerdictName, VerdictRecord, ratio};

/// Share of the median service time that the 99th percentile of send lag may have.
const LAG_SHARE: f64 = 0.10;

/// Send lag that never makes a run useless: below it one measures the scheduler of any shared
/// kernel. It is still part of the response time, and a note says so.
const LAG_FLOOR_NS: u64 = 200_000;

/// Late requests below which a run is not judged by them, unless they are half of it: one late request
/// of ten is more than 1 %, and says nothing.
const LATE_TO_JUDGE: u64 = 10;

/// Share of late requests that a run can bear.
const LATE_SHARE: f64 = 0.01;

/// Share of a core from which an engine thread is taken for the bottleneck.
const BUSY_SHARE: f64 = 0.90;

/// Share of a core below which a late engine thread was kept from running rather than busy.
const IDLE_SHARE: f64 = 0.5;

/// Share of planned requests that must have been sent and answered in time.
const IN_TIME_SHARE: f64 = 0.99;

/// Standard deviations of what is on its way at the end that chance is given.
const DEVIATIONS: f64 = 3.0;

/// Share of errors from which a run counts as unstable.
const ERROR_SHARE: f64 = 0.01;

/// A second in which fewer answers than this had to come says nothing about pauses.
const PLANNED_TO_JUDGE: u64 = 20;

/// How many times the usual 99th percentile makes a second a slow one, and by how much at least.
const PAUSE_FACTOR: u64 = 10;
const PAUSE_NS: u64 = 20_000_000;

/// Seconds that it takes to know what is usual.
const SECONDS_TO_JUDGE: usize = 5;

/// Share of stolen time worth a note.
const STEAL_SHARE: f64 = 0.01;

/// Samples that should lie beyond a percentile before it is quoted.
const SAMPLES_BEYOND: f64 = 100.0;

/// One rule: the reasons it finds.
type Rule = fn(&RunRecord) -> Vec<String>;

/// Judges a run.
pub fn judge(record: &RunRecord) -> VerdictRecord {
    let rules: [(VerdictName, Rule); 4] = [
        (VerdictName::Failed, failures),
        (VerdictName::ClientLimited, client_limits),
        (VerdictName::TargetSaturated, saturation),
        (VerdictName::Unstable, instability),
    ];
    let mut verdict = VerdictRecord { notes: notes(record), ..VerdictRecord::default() };
    if let Some((name, reason)) = search_end(record) {
        (verdict.name, verdict.reasons) = (name, vec![reason]);
    }
    for (name, rule) in rules {
        let reasons = rule(record);
        if reasons.is_empty() {
            continue;
        }
        if verdict.name == VerdictName::Ok {
            verdict.name = name;
            verdict.reasons = reasons;
        } else if record.counts.ok > 0 {
            // A lesser fault is still worth knowing, unless it merely follows.
            verdict.notes.extend(reasons.into_iter().map(|reason| format!("also: {reason}")));
        }
    }
    verdict
}

/// What the end of a search says about its result, which the run that is shown does not know.
fn search_end(record: &RunRecord) -> Option<(VerdictName, String)> {
    let search = record.search.as_ref()?;
    let name = match search.end {
        SearchEnd::ClientLimited => VerdictName::ClientLimited,
        SearchEnd::NoneGood | SearchEnd::NotConfirmed | SearchEnd::Broken => VerdictName::Failed,
        SearchEnd::Interrupted if search.highest_good_per_second.is_none() => VerdictName::Failed,
        SearchEnd::Found | SearchEnd::Interrupted => return None,
    };
    Some((name, search.reason.clone()))
}

/// The process's exit code: 0 fine, 1 failed or a stated condition broken, 3 client-limited, 5 ended early
/// by somebody.
pub fn exit_code(record: &RunRecord, conditions_broken: bool) -> u8 {
    match record.verdict.name {
        VerdictName::Failed => 1,
        VerdictName::ClientLimited => 3,
        _ if conditions_broken => 1,
        _ if record.description.asked_duration_ns.is_some() => 5,
        _ => 0,
    }
}

fn failures(record: &RunRecord) -> Vec<String> {
    let counts = &record.counts;
    let mut reasons = Vec::new();
    if let Err(mismatch) = counts.balance() {
        reasons.push(format!(
            "the bookkeeping does not add up, a bug of this program: {}",
            mismatch.explanation
        ));
    }
    if counts.planned == 0 {
        reasons.push("no request was due in the measured time".to_owned());
    } else if counts.ok == 0 {
        let most = record.errors.entries().iter().max_by_key(|entry| entry.count);
        let most = most.map_or(String::new(), |entry| format!(", mostly for {}", entry.class.label()));
        reasons.push(format!("not one good answer to {} requests{most}", grouped(counts.planned)));
    }
    if let Some(cookie) = record.description.options.get("verify_persistence")
        && counts.ok > 0
        && counts.persistence_kept == 0
    {
        reasons.push(format!(
            "persistence was not put to the test: no answer came to a request whose cookie {cookie:?} named its \
             server; either nobody sets it, or each user asked only once"
        ));
    }
    for entry in record.errors.entries().iter().filter(|entry| entry.class.is_broken_expectation()) {
        let count = grouped(entry.count);
        reasons.push(match entry.class {
            ErrorClass::WrongServer => {
                format!("persistence was broken {count} times: another server answered than the cookie names")
            }
            class => format!("{count} answers were not as expected ({})", class.label()),
        });
    }
    reasons
}

/// The send lag that a run can bear.
fn lag_limit_ns(record: &RunRecord, service_ns: u64) -> u64 {
    // Who looks for gaps wants to know when there was no answer, to the time between two requests.
    let between =
        record.description.rate_per_second.filter(|rate| record.description.mode == "gap" && *rate > 0.0);
    let between_ns = between.map_or(0.0, |rate| 1e9 / rate);
    LAG_FLOOR_NS.max((service_ns as f64 * LAG_SHARE) as u64).max(between_ns as u64)
}

/// How many requests were sent later than the run can bear.
struct Lateness {
    late: u64,
    all: u64,
    limit_ns: u64,
    p99_ns: u64,
    service_ns: u64,
}

impl Lateness {
    /// `None` where nothing is planned, or nothing was answered to compare with.
    fn of(record: &RunRecord) -> Option<Lateness> {
        let service_ns = record.histogram(Kind::Service).percentile_ns("50");
        let lag = record.histogram(Kind::SendLag);
        if !record.description.open_loop || service_ns == 0 || lag.is_empty() {
            return None;
        }
        let limit_ns = lag_limit_ns(record, service_ns);
        let slots = lag.histogram.histogram();
        let late = slots.iter_recorded().filter(|slot| slot.value_iterated_to() > limit_ns);
        let late = late.map(|slot| slot.count_at_value()).sum();
        Some(Lateness { late, all: lag.count, limit_ns, p99_ns: lag.percentile_ns("99"), service_ns })
    }

    fn is_too_much(&self) -> bool {
        self.late as f64 > self.all as f64 * LATE_SHARE
    }

    /// Whether that is more than a few unlucky ones.
    fn is_proven(&self) -> bool {
        self.is_too_much() && (self.late >= LATE_TO_JUDGE || self.late.saturating_mul(2) >= self.all)
    }

    fn text(&self) -> String {
        format!(
            "{} of {} requests were sent more than {} after their time (send lag, p99 {})",
            grouped(self.late),
            grouped(self.all),
            duration(self.limit_ns),
            duration(self.p99_ns)
        )
    }
}

fn client_limits(record: &RunRecord) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(late) = Lateness::of(record).filter(Lateness::is_proven) {
        reasons.push(format!(
            "{}: too many for a median service time of {}",
            late.text(),
            duration(late.service_ns)
        ));
        if record.client.busy_share < IDLE_SHARE {
            reasons.push(format!(
                "its threads had little to do ({} of a core at most): other work holds this machine's cores (load {})",
                share(record.client.busy_share),
                if record.host.load_average.is_empty() { "unknown" } else { &record.host.load_average }
            ));
        }
    }
    let own = record.errors.entries().iter().filter(|entry| entry.class.is_the_clients());
    reasons.extend(own.map(|entry| {
        format!(
            "{} requests failed for want of the client's own means ({})",
            grouped(entry.count),
            entry.class.label()
        )
    }));
    if record.client.busy_share > BUSY_SHARE {
        let busy = share(record.client.busy_share);
        reasons.push(format!("an engine thread worked {busy} of the time: its core was full"));
    } else if record.client.occupied_share > BUSY_SHARE {
        reasons.push(format!(
            "an engine thread worked {} of the time and had no core for {}: something else used it",
            share(record.client.busy_share),
            share(record.client.occupied_share - record.client.busy_share)
        ));
    }
    reasons
}

fn saturation(record: &RunRecord) -> Vec<String> {
    let mut reasons = Vec::new();
    let counts = &record.counts;
    let Some(planned_rate) = record.description.rate_per_second.filter(|_| record.description.open_loop)
    else {
        return reasons;
    };
    let unsent = counts.unsent();
    if ratio(counts.offered, counts.planned.max(1)) < IN_TIME_SHARE && unsent > 0 {
        reasons.push(format!(
            "{} of {} planned requests were never sent: every connection was busy and the queue for one was full",
            grouped(unsent),
            grouped(counts.planned)
        ));
    }
    let service = record.histogram(Kind::Service).percentile_ns("50");
    reasons.extend(backlog(record, planned_rate));
    let wait = record.histogram(Kind::ClientWait).percentile_ns("50");
    if wait > service.max(1_000_000) {
        reasons.push(format!(
            "half of the requests waited {} or more for a free connection, longer than their service took",
            duration(wait)
        ));
    }
    reasons
}

/// A backlog at the end of the schedule that is worth a word and that no length of answers explains.
fn backlog(record: &RunRecord, planned_rate: f64) -> Option<String> {
    let OnTheirWay { expected, deviation } = record.on_their_way;
    let counts = &record.counts;
    let failed = counts.failed.saturating_sub(record.errors.of(ErrorClass::CancelledAtEnd));
    let ended = counts.in_time.saturating_add(counts.wrong).saturating_add(failed);
    // As many came as were due: what is on its way at the end was so at the beginning. And a run that is
    // shorter than its answers says nothing.
    if ended as f64 >= counts.planned as f64 * IN_TIME_SHARE || (counts.in_time == 0 && counts.late > 0) {
        return None;
    }
    let unanswered = record.unanswered_at_end();
    let beyond = (counts.planned as f64 * (1.0 - IN_TIME_SHARE)).max(DEVIATIONS * deviation).max(1.0);
    (unanswered as f64 > expected + beyond).then(|| {
        format!(
            "the target did not keep up: planned {}, answered {}; when the schedule ended, {} requests were \
             unanswered, where the times of the answers before explain {}",
            rate(planned_rate),
            rate(record.achieved_per_second),
            grouped(unanswered),
            grouped(expected.round() as u64)
        )
    })
}

fn instability(record: &RunRecord) -> Vec<String> {
    let mut reasons = Vec::new();
    let errors = record.error_share();
    if errors > ERROR_SHARE {
        reasons.push(format!("{} of the requests had no good answer", share(errors)));
    }
    reasons.extend(stopped_seconds(record));
    reasons.extend(slow_seconds(record));
    reasons
}

/// Seconds in which the target stopped, or answered badly: fewer than half of the good answers came that
/// had to come.
fn stopped_seconds(record: &RunRecord) -> Option<String> {
    let stopped: Vec<_> = seconds_to_judge(record)
        .into_iter()
        .filter(|&(row, expected)| {
            let missing = expected.saturating_sub(row.ok) as f64;
            // Beyond what chance takes from a small number (four standard deviations).
            row.ok < expected / 2 && missing > 4.0 * (expected as f64).sqrt()
        })
        .collect();
    let &(first, expected) = stopped.first()?;
    Some(format!(
        "in {} of {} seconds fewer than half of the good answers came that had to come, first at {:.0} s: {} of {}",
        stopped.len(),
        record.series.len(),
        first.start_ns as f64 / 1e9,
        grouped(first.ok),
        grouped(expected)
    ))
}

/// Seconds that say something about pauses, each with the good answers that had to come in it.
fn seconds_to_judge(record: &RunRecord) -> Vec<(&SecondRecord, u64)> {
    let description = &record.description;
    let whole = record.series.iter().filter(|row| row.seconds() >= 0.5 && row.start_ns > 0);
    if description.open_loop {
        return whole.filter(|row| row.expected >= PLANNED_TO_JUDGE).map(|row| (row, row.expected)).collect();
    }
    // Without a schedule what usually comes has to come, once the first answers are there.
    let slow_ns = record.histogram(Kind::Response).percentile_ns("90");
    let from_ns = description.warm_up_ns.saturating_add(slow_ns);
    let rows: Vec<_> =
        whole.filter(|row| row.start_ns >= from_ns && row.end_ns <= description.duration_ns).collect();
    let mut rates: Vec<f64> = rows.iter().map(|row| row.ok as f64 / row.seconds()).collect();
    rates.sort_unstable_by(f64::total_cmp);
    let usual = rates.get(rates.len() / 2).copied().filter(|_| rates.len() >= SECONDS_TO_JUDGE);
    let Some(usual) = usual.filter(|usual| *usual >= PLANNED_TO_JUDGE as f64) else { return Vec::new() };
    rows.into_iter().map(|row| (row, (usual * row.seconds()) as u64)).collect()
}

/// Seconds whose 99th percentile is far from the others': pauses too short to hold up half a second.
fn slow_seconds(record: &RunRecord) -> Option<String> {
    let answered: Vec<_> = record.series.iter().filter(|row| row.ok >= PLANNED_TO_JUDGE).collect();
    let mut sorted: Vec<u64> = answered.iter().map(|row| row.p99_ns).collect();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len() / 2).copied().filter(|_| sorted.len() >= SECONDS_TO_JUDGE)?;
    let limit = usual.saturating_mul(PAUSE_FACTOR).max(usual.saturating_add(PAUSE_NS));
    let slow: Vec<_> = answered.iter().filter(|row| row.p99_ns > limit).collect();
    let worst = slow.iter().max_by_key(|row| row.p99_ns)?;
    Some(format!(
        "in {} of {} seconds the 99th percentile was more than ten times the usual {}; the worst, at {:.0} s, had {}",
        slow.len(),
        record.series.len(),
        duration(usual),
        worst.start_ns as f64 / 1e9,
        duration(worst.p99_ns)
    ))
}

fn notes(record: &RunRecord) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(search) = record.search.as_ref().filter(|_| search_end(record).is_none()) {
        notes.push(search.reason.clone());
    }
    let description = &record.description;
    if let Some(asked_ns) = description.asked_duration_ns {
        let (had, asked) = (duration(description.duration_ns), duration(asked_ns));
        notes.push(format!("somebody ended this run after {had} of {asked}"));
    }
    if !description.open_loop && record.counts.planned > 0 {
        notes.push(
            "closed loop: each connection waited for its last answer before it asked again; these times say \
             what the rate limit is, not what independent users would see"
                .to_owned(),
        );
    }
    let lag = record.histogram(Kind::SendLag).percentile_ns("99");
    let service = record.histogram(Kind::Service).percentile_ns("50");
    if description.open_loop && lag as f64 > service as f64 * LAG_SHARE && lag <= LAG_FLOOR_NS {
        notes.push(format!(
            "the client's own lateness (p99 {}) is a visible part of these response times; compare runs of the \
             same client only",
            duration(lag)
        ));
    }
    if let Some(late) = Lateness::of(record).filter(|late| late.is_too_much() && !late.is_proven()) {
        notes.push(format!("{}: too few to say whether the client was the limit; run longer", late.text()));
    }
    if record.client.busiest_second_share > BUSY_SHARE && record.client.busy_share <= BUSY_SHARE {
        let busy = share(record.client.busiest_second_share);
        notes.push(format!("in its busiest second an engine thread worked {busy} of the time"));
    }
    if record.host.steal_share > STEAL_SHARE {
        notes.push(format!(
            "the hypervisor took {} of the client's cores away",
            share(record.host.steal_share)
        ));
    }
    let good = record.counts.ok as f64;
    // The lowest percentile that the run is too short for.
    let percentiles = [("99", 1e-2), ("99.9", 1e-3), ("99.99", 1e-4)];
    let unproven = percentiles.iter().find(|(_, beyond)| good > 0.0 && good * beyond < SAMPLES_BEYOND);
    if let Some((name, _)) = unproven {
        notes.push(format!(
            "from p{name} on fewer than 100 answers lie beyond the percentile: run longer before quoting it"
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
