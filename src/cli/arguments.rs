//! Subcommands and their arguments, and the way from the process's arguments to one of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::{check, demo, failover, run, status};

/// What follows the list of options in `torii --help`.
const EXAMPLES: &str = "\
Examples:
  torii demo                     see everything work: no file, no root, no network
  torii check torii.toml         say what is wrong with a file, change nothing
  torii run -c torii.toml        serve
  torii status                   how a running torii does
  torii failover                 give the shared address to the other node

Exit status: 0 success, 1 wrong configuration, failed start or no torii to talk to, 2 wrong command line,
3 torii status: it runs but does not serve.";

/// An HTTP load balancer: TLS, cookie persistence, health checks, statistics, from one file.
#[derive(Debug, Parser)]
#[command(name = "torii", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve what a configuration file says, in the foreground, until SIGTERM or SIGINT
    Run(run::RunArguments),
    /// Check a configuration file, its certificates included, and change nothing
    Check(check::CheckArguments),
    /// Show how a running torii does: servers, connections, the pair
    Status(status::StatusArguments),
    /// Give the shared address to the other node, with no request lost
    Failover(failover::FailoverArguments),
    /// Serve three small web servers on loopback to see everything work
    Demo(demo::DemoArguments),
    /// The guard of a running torii, which starts it itself
    #[command(hide = true)]
    Guard,
}

/// The configuration file, as `-c FILE` or alone.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct ConfigurationFile {
    /// Configuration file
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    option: Option<PathBuf>,
    /// Configuration file
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ConfigurationFile {
    /// The path that was given.
    pub fn path(&self) -> &Path {
        let given = self.option.as_deref().or(self.file.as_deref());
        given.expect("the argument group requires one of the two")
    }
}

/// Runs the process's command line.
pub fn main() -> ExitCode {
    match CommandLine::try_parse() {
        Ok(arguments) => dispatch(arguments.command),
        Err(error) => {
            // `--help` and `--version` arrive here too, with status 0. When even the terminal is
            // gone there is nobody left to tell.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

fn dispatch(command: Command) -> ExitCode {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Failover(arguments) => failover::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Guard => crate::ha::guard::main(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory;

    use super::*;

    fn parse(words: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(words)
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn takes_the_file_with_and_without_its_option() {
        for words in [["torii", "check", "t.toml"].as_slice(), &["torii", "check", "-c", "t.toml"]] {
            let Command::Check(arguments) = parse(words).unwrap().command else { panic!("not check") };
            assert_eq!(arguments.file.path(), Path::new("t.toml"));
        }
        let Command::Run(arguments) = parse(&["torii", "run", "--config=t.toml"]).unwrap().command else {
            panic!("not run")
        };
        assert_eq!(arguments.file.path(), Path::new("t.toml"));
    }

    #[test]
    fn a_wrong_command_line_has_status_2() {
        for words in
            [["torii", "check"].as_slice(), &["torii", "run", "a", "-c", "b"], &["torii", "fly"], &["torii"]]
        {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn help_and_version_have_status_0() {
        for word in ["--help", "--version"] {
            let error = parse(&["torii", word]).unwrap_err();
            assert_eq!(error.exit_code(), 0);
        }
        assert!(parse(&["torii", "--help"]).unwrap_err().to_string().contains("torii run -c torii.toml"));
    }
}
