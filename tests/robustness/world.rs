//! One torii between raw clients and a recording origin, with its statistics page open.
//!
//! Every test of this target starts one. After each case it calls `settle`, which checks the five
//! invariants and hands back the log lines of the case.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use crate::invariants::{self, Baseline, LogTail};
use crate::recorder::Recorder;
use crate::support::ports::free_address;
use crate::support::{Client, Configuration, LogLine, Torii};

/// The scene of one test.
pub struct World {
    /// The process under test.
    pub torii: Torii,
    /// The server behind it.
    pub recorder: Recorder,
    stats: SocketAddr,
    log: RefCell<LogTail>,
    baseline: Cell<Baseline>,
    /// Numbers the clean requests, so that each is answered as itself.
    clean: Cell<usize>,
}

impl World {
    /// A torii that forwards to one recorder, and nothing else configured.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Configuration::new())
    }

    /// The same with this configuration; server and statistics page are added to it.
    #[track_caller]
    pub fn start_with(plan: Configuration) -> Self {
        let recorder = Recorder::start();
        let stats = free_address();
        let torii = Torii::start(&plan.server(recorder.address()).stats(stats));
        let log = RefCell::new(LogTail::new(torii.log_path()));
        let (baseline, clean) = (Cell::new(Baseline::default()), Cell::new(0));
        let world = Self { torii, recorder, stats, log, baseline, clean };
        world.clean_get();
        world.log.borrow_mut().wait_for(&world.clean_target());
        world.log.borrow_mut().take();
        world.baseline.set(Baseline::take(&world));
        world
    }

    /// A new client connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        self.torii.client()
    }

    /// Where the statistics page is.
    pub fn statistics(&self) -> SocketAddr {
        self.stats
    }

    /// Checks the five invariants after a case that is to leave `lines` log lines behind, and returns
    /// those. Clients of the case have to be dropped before.
    ///
    /// # Panics
    /// When one does not hold; `what` says after which case.
    #[track_caller]
    pub fn settle(&self, what: &str, lines: usize) -> Vec<LogLine> {
        invariants::check(self, what, lines)
    }

    /// A figure of the statistics page by its name, such as "Buffers in use" or "Time-outs".
    #[track_caller]
    pub fn figure(&self, name: &str) -> u64 {
        self.figures([name])[0]
    }

    /// Several figures of one look at the page.
    #[track_caller]
    pub fn figures<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        figures(self.stats, names)
    }

    /// One cell of the statistics table, by service (`FRONTEND`, `web1`, `BACKEND`) and column.
    #[track_caller]
    pub fn cell(&self, service: &str, column: &str) -> u64 {
        let text = page(self.stats, ";csv");
        let rows: Vec<Vec<&str>> =
            text.trim_start_matches("# ").lines().map(|line| line.split(',').collect()).collect();
        let place = rows[0].iter().position(|name| *name == column).unwrap_or_else(|| panic!("no {column}"));
        let row = rows.iter().find(|row| row[1] == service).unwrap_or_else(|| panic!("no row {service}"));
        row[place].parse().unwrap_or(0)
    }

    /// A request that nobody could object to, on a connection of its own, answered as itself.
    #[track_caller]
    pub fn clean_get(&self) {
        self.clean.set(self.clean.get() + 1);
        let target = self.clean_target();
        let response = self.client().get(&target);
        assert_eq!((response.status, response.text()), (200, format!("GET {target} 0")), "a clean GET");
    }

    /// Target of the last clean request.
    pub fn clean_target(&self) -> String {
        format!("/clean/{}", self.clean.get())
    }

    pub(crate) fn log_tail(&self) -> std::cell::RefMut<'_, LogTail> {
        self.log.borrow_mut()
    }

    pub(crate) fn baseline(&self) -> Baseline {
        self.baseline.get()
    }
}

/// Several figures of one look at a statistics page, by their names.
#[track_caller]
pub fn figures<const N: usize>(stats: SocketAddr, names: [&str; N]) -> [u64; N] {
    let page = page(stats, "");
    names.map(|name| {
        let text = page.split_once(&format!("<dt>{name}</dt><dd>"));
        let text = text.unwrap_or_else(|| panic!("no {name:?}: {page}")).1;
        let text = text.split("</dd>").next().unwrap().split("<small>").next().unwrap();
        let plain = text.replace("<span class=\"rls\">", "").replace("</span>", "");
        plain.trim().parse().unwrap_or_else(|_| panic!("{name:?} is {plain:?}"))
    })
}

fn page(stats: SocketAddr, suffix: &str) -> String {
    let mut client = Client::connect(stats);
    client.send(format!("GET /stats{suffix} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    client.response("GET").text()
}
