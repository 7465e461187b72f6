//! The demo's console: commands in; messages, log lines and the live line out.
//!
//! Runs beside the node on the same runtime until it is dropped.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval};

use super::command::{self, Command};
use super::ending::Ending;
use super::live::{self, Live};
use super::screen::Screen;
use super::servers::Servers;
use super::tail::Tail;

/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Looks from one live line to the next: a second.
const LOOKS_PER_LINE: u32 = 10;

/// Everything that the person at the console sees and commands.
pub(super) struct Console {
    pub(super) screen: Screen<std::io::Stdout>,
    pub(super) servers: Servers,
    pub(super) live: Live,
    pub(super) tail: Tail,
    pub(super) ending: Ending,
    pub(super) shows_access: bool,
}

impl Console {
    /// Obeys and shows, for ever.
    pub(super) async fn run(&mut self, mut input: Receiver<String>) -> Infallible {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        let mut looks_left = 0;
        loop {
            if looks_left == 0 {
                looks_left = LOOKS_PER_LINE;
                self.show_live();
            }
            looks_left -= 1;
            loop {
                tokio::select! {
                    line = input.recv(), if open => match line {
                        Some(line) => self.obey(&line).await,
                        // The end of the input is not the end of the demo.
                        None => open = false,
                    },
                    _ = looks.tick() => break,
                }
            }
            self.show_news();
        }
    }

    /// Says what is left to say. To be called when the node has ended.
    pub(super) fn finish(&mut self) {
        self.show_news();
        self.show_live();
        self.screen.close();
    }

    fn show_live(&mut self) {
        let line = live::line(self.live.look(Instant::now()), self.screen.colours());
        self.screen.show(line);
    }

    /// Messages of torii's own always, access lines on demand.
    fn show_news(&mut self) {
        let Ok(news) = self.tail.look() else { return };
        let mut lines = news.notices;
        if !lines.is_empty() {
            // A message that a server is down does not stand above a line that says the opposite.
            let line = live::line(self.live.look_at_states(), self.screen.colours());
            self.screen.show(line);
        }
        if self.shows_access {
            lines.extend(news.access);
            if news.skipped {
                lines.push("… and more, in the log file".into());
            }
        }
        if !lines.is_empty() {
            self.screen.say(&lines.join("\n"));
        }
    }

    async fn obey(&mut self, line: &str) {
        self.screen.line_entered();
        let answer = match command::parse(line, self.servers.count()) {
            Command::Toggle(index) if self.servers.is_running(index) => self.stop(index).await,
            Command::Toggle(index) => self.start(index),
            Command::Stop(index) => self.stop(index).await,
            Command::Start(index) => self.start(index),
            Command::Log => self.toggle_log(),
            Command::Help => command::HELP.into(),
            Command::Quit => {
                self.ending.ask();
                "ending".into()
            }
            Command::Nothing => return self.screen.redraw(),
            Command::Unknown => {
                format!("there is no such command; this is what can be typed:\n{}", command::HELP)
            }
        };
        self.screen.say(&answer);
    }

    async fn stop(&mut self, index: usize) -> String {
        let (name, address) = self.servers.get(index);
        if !self.servers.is_running(index) {
            return format!("{name} is stopped already");
        }
        self.servers.stop(index).await;
        format!("{name} stopped: nobody listens on {address} any more; torii finds out in about a second")
    }

    fn start(&mut self, index: usize) -> String {
        let (name, address) = self.servers.get(index);
        if self.servers.is_running(index) {
            return format!("{name} is running already");
        }
        match self.servers.start(index) {
            Ok(()) => format!("{name} started at {address}; torii takes it back after two good checks"),
            Err(error) => format!("{name} cannot listen on {address}: {error}"),
        }
    }

    fn toggle_log(&mut self) -> String {
        self.shows_access = !self.shows_access;
        if self.shows_access { "access log on".into() } else { "access log off".into() }
    }
}
