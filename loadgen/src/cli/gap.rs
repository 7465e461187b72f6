//! `gap`: one short connection after another, each with time-outs of its own, and every time without
//! an answer. What a client sees of a failover.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::engine::{Load, Outcome, Plan, Stop, Watch};
use crate::gaps::{GapFinder, Gaps, News};
use crate::limits::TICK;
use crate::output::{LiveChoice, OutputArguments, duration as duration_text, wall_clock};
use crate::record::{GapRecord, unix_ms};
use crate::schedule::{Rate, Schedule, Shape, Spacing, Step};

use super::build::plan;
use super::describe::describe;
use super::requests::RequestArguments;
use super::session::{ModeError, ModeResult, measure, unobserved};
use super::transport::TransportArguments;
use super::units::{in_words, some_time_ns};

/// Outcomes on their way to the finder: minutes of them.
const OUTCOMES_MAX: usize = 65_536;

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct GapArguments {
    #[command(flatten)]
    requests: RequestArguments,
    /// Time from one request to the next
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10ms",
        value_parser = some_time_ns,
        help_heading = "Load"
    )]
    every: u64,
    /// Report times without a good answer that are longer than this
    #[arg(
        long,
        value_name = "TIME",
        default_value = "100ms",
        value_parser = some_time_ns,
        help_heading = "Load"
    )]
    longer_than: u64,
    /// How long to watch
    #[arg(
        long,
        short = 'd',
        value_name = "TIME",
        default_value = "1m",
        value_parser = some_time_ns,
        help_heading = "Load"
    )]
    duration: u64,
    #[command(flatten)]
    transport: TransportArguments,
    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  # Watch an address for two minutes while the node that holds it is switched off.
  torii-loadgen gap http://192.0.2.100/ --every 10ms --longer-than 100ms -d 2m --json gap.json

  # In CI: exit code 1 if there was no answer for more than a second, or not by the end.
  torii-loadgen gap http://192.0.2.100/ -d 30s --fail-if 'gap>1s'

  # A restart that nobody may notice.
  torii-loadgen gap http://192.0.2.10/ --longer-than 50ms -d 20s --fail-if 'gaps>0'";

/// Time-outs of a request unless stated: shorter than elsewhere, since a client that hangs sees
/// nothing new.
const TIMEOUT_NS: u64 = 1_000_000_000;

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &GapArguments, stop: &Arc<Stop>) -> ModeResult {
    let GapArguments { requests, every, longer_than, duration, transport, output } = arguments;
    output.check("gap").map_err(ModeError::Usage)?;
    transport.tls.check_requests().map_err(ModeError::Usage)?;
    let requests = RequestArguments { close: true, ..requests.clone() };
    let mut transport = transport.clone();
    for timeout in [&mut transport.timeout, &mut transport.connect_timeout, &mut transport.tls_timeout] {
        timeout.get_or_insert(TIMEOUT_NS);
    }
    transport.grace.get_or_insert(TIMEOUT_NS);
    if transport.threads.is_some_and(|threads| threads > 1) {
        return Err(ModeError::Usage("gap has one thread; leave --threads out".to_owned()));
    }
    transport.threads = Some(1);
    transport.connections = connections(&transport, *every);
    let shape = Shape::Constant(Step { rate: Rate::every_ns(*every), duration_ns: *duration });
    let load = Load::Open(Schedule { shape, spacing: Spacing::Even });
    let plan = plan(&requests, &transport, load, 0)?;
    let schedule =
        format!("one connection every {}, gaps longer than {}", in_words(*every), in_words(*longer_than));
    let description = describe("gap", schedule, &requests, &transport, &plan)?;

    let (observer, outcomes) = sync_channel(OUTCOMES_MAX);
    let watch = Watch { observer: Some(observer), ..unobserved(stop) };
    let started = watch.started.clone();
    let finder = GapFinder::new(*longer_than, longest_request_ns(&plan));
    let prints = !output.quiet;
    let finding = std::thread::Builder::new()
        .name("gaps".into())
        .spawn(move || find(finder, &outcomes, &started, prints))
        .map_err(|error| ModeError::Run(format!("no thread for the search: {error}")))?;
    let live = if output.live == LiveChoice::Auto { LiveChoice::Off } else { output.live };
    let output = OutputArguments { live, ..output.clone() };
    let mut measured = measure(plan, description, &output, watch)?;
    let fault = |_| ModeError::Run("the search for gaps ended by a fault of this program".to_owned());
    let finder = finding.join().map_err(fault)?;
    // From then on nothing was asked that could have been answered.
    let asked_until_ns = measured.finished.cut_ns.unwrap_or(*duration);
    let end_ns = asked_until_ns.min(measured.finished.totals.end_ns);
    let began_unix_ms = unix_ms(measured.finished.started);
    let found = finder.end(end_ns, |news| print_news(&news, began_unix_ms, prints));
    let Gaps { mut gaps, mut longest, left_out } = found;
    for gap in gaps.iter_mut().chain([&mut longest]) {
        gap.start_unix_ms = start_unix_ms(gap, began_unix_ms);
    }
    if left_out > 0 && prints {
        eprintln!("{left_out} more gaps are in no result: too many were found");
    }
    (measured.record.gaps, measured.record.longest_gap) = (gaps, Some(longest));
    Ok(measured.reporting.publish(&measured.record)?)
}

/// From a request's planned time until its fate is certain, at most.
fn longest_request_ns(plan: &Plan) -> u64 {
    let has_tls = plan.endpoints.iter().any(|endpoint| endpoint.secure.is_some());
    let timeouts = &plan.timeouts;
    let tls_ns = if has_tls { timeouts.tls_ns } else { 0 };
    let steps_ns = timeouts.connect_ns.saturating_add(tls_ns).saturating_add(timeouts.request_ns);
    // Time-outs are looked for once a tick.
    steps_ns.saturating_add(2 * TICK.as_nanos() as u64)
}

/// Enough connections that none ever waits for another, however long each one hangs.
fn connections(transport: &TransportArguments, every_ns: u64) -> u64 {
    let timeouts = transport.timeouts();
    let longest_ns = timeouts.connect_ns + timeouts.tls_ns + timeouts.request_ns;
    (longest_ns / every_ns.max(1)).saturating_add(16).min(crate::limits::CONNECTIONS_MAX)
}

/// Finds gaps until the run is over.
fn find(
    mut finder: GapFinder,
    outcomes: &Receiver<Outcome>,
    started: &OnceLock<SystemTime>,
    prints: bool,
) -> GapFinder {
    while let Ok(outcome) = outcomes.recv() {
        let began_unix_ms = started.get().map_or(0, |time| unix_ms(*time));
        finder.take(&outcome, |news| print_news(&news, began_unix_ms, prints));
    }
    finder
}

/// The place of a gap on the wall clock.
fn start_unix_ms(gap: &GapRecord, began_unix_ms: u64) -> u64 {
    began_unix_ms.saturating_add(gap.start_ns / 1_000_000)
}

/// One line as soon as a gap is over, since somebody waits for it; another one when it is known that more
/// requests failed in it.
fn print_news(news: &News<'_>, began_unix_ms: u64, prints: bool) {
    if prints {
        eprintln!("{}", in_a_line(news, began_unix_ms));
    }
}

fn in_a_line(news: &News<'_>, began_unix_ms: u64) -> String {
    let (News::Over(gap) | News::CutOff(gap) | News::Corrected(gap)) = news;
    let start_unix_ms = start_unix_ms(gap, began_unix_ms);
    let unknown = |name: &str| if name.is_empty() { "?".to_owned() } else { name.to_owned() };
    let classes = match gap.classes() {
        classes if classes.is_empty() => classes,
        classes => format!(" ({classes})"),
    };
    let (length, start, failed) = (duration_text(gap.length_ns), wall_clock(start_unix_ms), gap.failed);
    let so_far = match news {
        News::Corrected(_) => {
            return format!("gap of {length} from {start}: {failed} failed in all{classes}");
        }
        News::Over(_) => " so far",
        News::CutOff(_) => "",
    };
    format!(
        "gap of {length}: {start} to {}, {failed} failed{so_far}{classes}, {} before, {} after",
        wall_clock(start_unix_ms.saturating_add(gap.length_ns / 1_000_000)),
        unknown(&gap.server_before),
        unknown(&gap.server_after),
    )
}
