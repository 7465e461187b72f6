//! The modes, their help, and the way from a process to one of them and back to an exit code.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use super::session::{ModeError, ModeResult};
use super::signals::ask_on_signals;
use super::{compare, connect, gap, max, origin, report, run, search};
use crate::engine::Stop;

/// Exit codes that do not come from a verdict.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  torii-loadgen run http://192.0.2.1/ --rate 5000 --duration 10s --connections 200 --json run.json
  torii-loadgen run https://example.com/ --rate 100..5000 --duration 1m --html report.html
  torii-loadgen run http://192.0.2.1/ --rate 2000 --users 500 --verify-persistence SRV
  torii-loadgen max http://192.0.2.1/ --connections 64
  torii-loadgen connect https://example.com/ --rate 500 --no-resume
  torii-loadgen search http://192.0.2.1/ --p99 5ms --max-errors 0.1
  torii-loadgen gap http://192.0.2.1/ --every 10ms --longer-than 100ms --duration 1m
  torii-loadgen origin --listen 127.0.0.1:9000 --name web1 --cookie SRV
  torii-loadgen compare before.json after.json
  torii-loadgen report run.json -o report.html

Latencies of `run` count from the time a request was due, not from when it could be sent:
a stalled target shows in full (no coordinated omission).

Exit codes: 0 fine, 1 the run failed or a --fail-if was true, 2 wrong command line,
3 CLIENT-LIMITED (the client was the bottleneck: do not use the numbers), 4 compare found a
regression.";

/// An open-loop HTTP/1.1 load generator whose numbers can be trusted
#[derive(Debug, Parser)]
#[command(name = "torii-loadgen", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Send requests at planned times and measure how long the answers take
    Run(run::RunArguments),
    /// Find the highest throughput: a closed loop without pauses
    Max(max::MaxArguments),
    /// Open connections at planned times: TCP, TLS handshakes, resumption on or off
    Connect(connect::ConnectArguments),
    /// Find the highest rate that keeps the limits you state, and print the curve
    Search(search::SearchArguments),
    /// Watch for times without an answer, one short connection after another: for failover tests
    Gap(gap::GapArguments),
    /// Serve: a very fast web server with answers as large, slow and chunked as you like
    Origin(origin::OriginArguments),
    /// Say whether two recorded runs differ, and would again
    Compare(compare::CompareArguments),
    /// Show a recorded run again: as a table, as an HTML page, for plotters
    Report(report::ReportArguments),
}

/// The process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is the reader's choice.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let stop = Arc::new(Stop::default());
    // Those that only read files end at the first signal, as any program does.
    let is_long = !matches!(arguments.mode, Mode::Compare(_) | Mode::Report(_));
    if is_long && let Err(error) = ask_on_signals(stop.clone()) {
        eprintln!("torii-loadgen: signals cannot be caught: {error}");
        return ExitCode::from(FAILED);
    }
    match dispatch(&arguments.mode, &stop) {
        Ok(code) => ExitCode::from(code),
        Err(ModeError::Usage(why)) => {
            eprintln!("torii-loadgen: {why}");
            ExitCode::from(USAGE)
        }
        Err(ModeError::Run(why)) => {
            eprintln!("torii-loadgen: {why}");
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(mode: &Mode, stop: &Arc<Stop>) -> ModeResult {
    match mode {
        Mode::Run(arguments) => run::run(arguments, stop),
        Mode::Max(arguments) => max::run(arguments, stop),
        Mode::Connect(arguments) => connect::run(arguments, stop),
        Mode::Search(arguments) => search::run(arguments, stop),
        Mode::Gap(arguments) => gap::run(arguments, stop),
        Mode::Origin(arguments) => origin::run(arguments, stop),
        Mode::Compare(arguments) => Ok(compare::run(arguments)),
        Mode::Report(arguments) => Ok(report::run(arguments)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The words of a line as a shell takes it apart that knows single quotes and nothing else.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (part, text) in line.split('\'').enumerate() {
            let is_quoted = part % 2 == 1;
            for (place, piece) in text.split(if is_quoted { '\n' } else { ' ' }).enumerate() {
                if place > 0 {
                    words.push(String::new());
                }
                words.last_mut().expect("one word from the start").push_str(piece);
            }
        }
        words
    }

    #[test]
    fn the_command_line_is_sound_and_its_examples_parse() {
        Arguments::command().debug_assert();
        let modes = Arguments::command();
        for mode in modes.get_subcommands().chain([&modes]) {
            let help = mode.get_after_long_help().or(mode.get_after_help());
            let help = help.map(ToString::to_string).unwrap_or_default();
            let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  torii-loadgen ")).collect();
            assert!(examples.len() >= 2, "{} has examples: {help}", mode.get_name());
            for example in examples {
                let parsed = Arguments::try_parse_from(words(example.trim_start()));
                assert!(parsed.is_ok(), "{example}: {:?}", parsed.err());
            }
        }
    }
}
