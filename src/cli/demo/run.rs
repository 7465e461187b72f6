//! `torii demo` from its start to its end.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use chrono::Utc;
use clap::Args;

use super::configuration::{self, CERTIFICATE, FILE, LOG, Ports, STATISTICS, USER};
use super::console::Console;
use super::ending::{Ending, Signals};
use super::folder::Folder;
use super::live::Live;
use super::screen::Screen;
use super::servers::Servers;
use super::tail::Tail;
use super::{certificate, input, ports};
use crate::config::{self, Report};
use crate::control::{self, Node, StartError, Stopped};

/// Preferred ports of the site and of the statistics page.
const PREFERRED: [u16; 2] = [8443, 8404];

/// Starts tried: another program may take a port between the search for it and its use.
const ATTEMPTS: usize = 5;

/// Arguments of `torii demo`; there are none.
#[derive(Debug, Args)]
pub struct DemoArguments {}

/// Runs the subcommand: status 0 after an orderly end, 1 when it cannot start or a worker fails.
pub fn run(_arguments: &DemoArguments) -> ExitCode {
    match try_run() {
        Ok(Stopped::Drained | Stopped::Cut) => ExitCode::SUCCESS,
        Ok(Stopped::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is no demo.
#[derive(Debug)]
enum DemoError {
    /// What was being done, and the system's reason.
    System(&'static str, io::Error),
    /// No certificate could be made.
    Certificate(rcgen::Error),
    /// Our own configuration is wrong.
    Configuration(Report),
    /// The node cannot start.
    Start(StartError),
}

fn try_run() -> Result<Stopped, DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(system("start a runtime"))?.block_on(demo())
}

async fn demo() -> Result<Stopped, DemoError> {
    let ending = Ending::new();
    // Before the folder is made, so that no signal leaves it behind.
    let signals = Signals::catch().map_err(system("catch signals"))?;
    let folder = Folder::make().map_err(system("make a folder for temporary files"))?;
    let mut servers = Servers::bind().map_err(system("listen on loopback"))?;
    let (node, ports) = start(&folder, &servers)?;
    let statistics = format!("https://127.0.0.1:{}{STATISTICS}", ports.statistics);
    servers.serve(&statistics).map_err(system("serve on loopback"))?;
    let mut screen = Screen::new();
    screen.say(&welcome(ports, &statistics, &servers, &folder));
    let mut console = Console {
        screen,
        servers,
        live: Live::new(node.snapshot(), node.counters(), Instant::now()),
        tail: Tail::open(&folder.path_of(LOG)).map_err(system("read the log"))?,
        ending: ending.clone(),
        shows_access: false,
    };
    let input = input::lines().map_err(system("start a thread"))?;
    tokio::spawn(signals.pass_on(ending.clone()));
    let stopped = tokio::select! {
        stopped = node.serve(ending.asked(1), ending.asked(2)) => stopped,
        never = console.run(input) => match never {},
    };
    console.finish();
    drop(folder);
    console.screen.say(farewell(stopped));
    Ok(stopped)
}

/// Finds ports, writes the files and starts a node with them.
fn start(folder: &Folder, servers: &Servers) -> Result<(Node, Ports), DemoError> {
    let pem = certificate::pem(Utc::now()).map_err(DemoError::Certificate)?;
    folder.write(CERTIFICATE, &pem).map_err(system("write the certificate"))?;
    let mut attempts = ATTEMPTS;
    loop {
        let [https, statistics] = ports::find(PREFERRED).map_err(system("listen on loopback"))?;
        let ports = Ports { https, statistics };
        let text = configuration::text(ports, servers.iter());
        folder.write(FILE, &text).map_err(system("write the configuration"))?;
        let config = config::load(&folder.path_of(FILE)).map_err(DemoError::Configuration)?;
        attempts -= 1;
        match control::start_quietly(config) {
            Ok(node) => return Ok((node, ports)),
            Err(StartError::Bind { source, .. })
                if attempts > 0 && source.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(DemoError::Start(error)),
        }
    }
}

fn welcome(ports: Ports, statistics: &str, servers: &Servers, folder: &Folder) -> String {
    let https = ports.https;
    let list: Vec<String> = servers.iter().map(|(name, address)| format!("{name} {address}")).collect();
    format!(
        "torii {version} demo: a load balancer, three web servers, all on this machine

  site           https://127.0.0.1:{https}/  (the certificate is self-signed: tell your browser to go on)
  statistics     {statistics}  (user {USER}, password {USER})
  servers        {servers}
  configuration  {file}
  access log     {log}

Try this in another terminal:
  1. Fetch a page; do it twice, and the cookie keeps you at your server:
       curl -k -c jar -b jar https://127.0.0.1:{https}/server.html
  2. Stop that server: type its number and Enter here. Fetch again: you are at another one.
     Type the number once more to start it.
  3. Look at the statistics in a browser, or here:
       curl -k -u {USER}:{USER} '{statistics};csv'

Type ? for all commands, Ctrl-C to end. The files are removed at the end.
",
        version = env!("CARGO_PKG_VERSION"),
        servers = list.join(", "),
        file = folder.path_of(FILE).display(),
        log = folder.path_of(LOG).display(),
    )
}

fn farewell(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::Drained => "ended; nothing is left behind",
        Stopped::Cut => "ended before every request was finished; nothing is left behind",
        Stopped::Failed => "ended because a worker failed",
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> DemoError {
    move |error| DemoError::System(what, error)
}

impl fmt::Display for DemoError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(what, error) => write!(formatter, "cannot {what}: {error}"),
            Self::Certificate(error) => write!(formatter, "cannot make a certificate: {error}"),
            Self::Configuration(report) => {
                write!(formatter, "the demo's configuration is refused:\n{report}")
            }
            Self::Start(error) => write!(formatter, "{error}"),
        }
    }
}
