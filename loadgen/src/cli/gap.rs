//! `gap`: one short connection after another, each with time-outs of its own, and every time without
//! an answer. What a client sees of a failover.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::engine::{Load, Outcome, Stop, Watch};
use crate::gaps::{GapFinder, Gaps};
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

/// Time-outs of a request unless stated: shorter than elsewhere, since a client that hangs sees
/// nothing new.
const TIMEOUT_NS: u64 = 1_000_000_000;

/// Does it.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &GapArguments, stop: &Arc<Stop>) -> ModeResult {
    let GapArguments { requests, every, longer_than, duration, transport, output } = arguments;
    let requests = RequestArguments { close: true, ..requests.clone() };
    let mut transport = transport.clone();
    for timeout in [&mut transport.timeout, &mut transport.connect_timeout, &mut transport.tls_timeout] {
        timeout.get_or_insert(TIMEOUT_NS);
    }
    transport.grace.get_or_insert(TIMEOUT_NS);
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
    let finder = GapFinder::new(*longer_than);
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
    let end_ns = (*duration).min(measured.finished.totals.end_ns);
    let Gaps { mut gaps, mut longest } = finder.end(end_ns);
    for gap in gaps.iter_mut().chain([&mut longest]) {
        date(gap, measured.finished.started);
    }
    if let Some(gap) = gaps.last().filter(|gap| gap.to_first_success_ns.is_none()) {
        // Only the end of the run ended it.
        print_gap(gap, prints);
    }
    (measured.record.gaps, measured.record.longest_gap) = (gaps, Some(longest));
    Ok(measured.reporting.publish(&measured.record)?)
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
        if let Some(mut gap) = finder.take(&outcome) {
            if let Some(time) = started.get() {
                date(&mut gap, *time);
            }
            print_gap(&gap, prints);
        }
    }
    finder
}

/// Gives a gap of a run that began at this time its place on the wall clock.
fn date(gap: &mut GapRecord, began: SystemTime) {
    gap.start_unix_ms = unix_ms(began) + gap.start_ns / 1_000_000;
}

/// One line as soon as the gap is over: somebody waits for it.
fn print_gap(gap: &GapRecord, prints: bool) {
    if !prints {
        return;
    }
    let end_unix_ms = gap.start_unix_ms + gap.length_ns / 1_000_000;
    let unknown = |name: &str| if name.is_empty() { "?".to_owned() } else { name.to_owned() };
    let classes = match gap.classes() {
        classes if classes.is_empty() => classes,
        classes => format!(" ({classes})"),
    };
    eprintln!(
        "gap of {}: {} to {}, {} failed so far{classes}, {} before, {} after",
        duration_text(gap.length_ns),
        wall_clock(gap.start_unix_ms),
        wall_clock(end_unix_ms),
        gap.failed,
        unknown(&gap.server_before),
        unknown(&gap.server_after),
    );
}
