//! Builds the configuration text of one test: a plain listener and one backend unless told more.
//!
//! Only keys of the public interface are written, so these texts double as a check of it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

/// The reference cookie: insert indirect nocache preserve httponly secure maxidle 30m maxlife 8h.
pub const REFERENCE_COOKIE: &str = r#"name = "lbsessionid"
mode = "insert"
indirect = true
nocache = true
preserve = true
httponly = true
secure = true
maxidle = "30m"
maxlife = "8h"
"#;

/// A configuration under construction.
#[derive(Debug, Clone)]
pub struct Configuration {
    workers: usize,
    driver: &'static str,
    mode: &'static str,
    balance: &'static str,
    servers: Vec<(String, SocketAddr)>,
    server_lines: String,
    listener: String,
    listener_backend: bool,
    backend: String,
    more: String,
    cookie: Option<String>,
    check: Option<String>,
    io: String,
    limits: String,
    timeouts: String,
    tls: Option<String>,
    through: Vec<String>,
    stats: Option<SocketAddr>,
    control: String,
}

impl Default for Configuration {
    fn default() -> Self {
        Self::new()
    }
}

impl Configuration {
    /// One worker, any driver, no server yet.
    pub fn new() -> Self {
        Self {
            workers: 1,
            driver: "auto",
            mode: "http",
            balance: "roundrobin",
            servers: Vec::new(),
            server_lines: String::new(),
            listener: String::new(),
            listener_backend: true,
            backend: String::new(),
            more: String::new(),
            cookie: None,
            check: None,
            io: String::new(),
            limits: String::new(),
            timeouts: String::new(),
            tls: None,
            through: Vec::new(),
            stats: None,
            control: "control.sock".to_owned(),
        }
    }

    /// Adds web1, web2, ... with cookie ids w01, w02, ...
    pub fn server(mut self, address: SocketAddr) -> Self {
        self.servers.push((format!("web{}", self.servers.len() + 1), address));
        self
    }

    /// A line of every `[[backend.server]]`.
    pub fn server_line(mut self, line: &str) -> Self {
        push_line(&mut self.server_lines, line);
        self
    }

    /// Number of workers.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// `io.driver`.
    pub fn driver(mut self, driver: &'static str) -> Self {
        self.driver = driver;
        self
    }

    /// `mode = "tcp"` of listener and backend.
    pub fn tcp(mut self) -> Self {
        self.mode = "tcp";
        self
    }

    /// `balance` of the backend.
    pub fn balance(mut self, balance: &'static str) -> Self {
        self.balance = balance;
        self
    }

    /// A line of `[io]`.
    pub fn io(mut self, line: &str) -> Self {
        push_line(&mut self.io, line);
        self
    }

    /// A line of `[limits]`.
    pub fn limit(mut self, line: &str) -> Self {
        push_line(&mut self.limits, line);
        self
    }

    /// A line of `[timeouts]`.
    pub fn timeout(mut self, line: &str) -> Self {
        push_line(&mut self.timeouts, line);
        self
    }

    /// Lines of `[[listener]]`; tables of it may follow.
    pub fn listener(mut self, lines: &str) -> Self {
        push_line(&mut self.listener, lines);
        self
    }

    /// The listener names no backend.
    pub fn without_listener_backend(mut self) -> Self {
        self.listener_backend = false;
        self
    }

    /// Whole tables at the end of the file.
    pub fn more(mut self, tables: &str) -> Self {
        push_line(&mut self.more, tables);
        self
    }

    /// A line of `[[backend]]`.
    pub fn backend(mut self, line: &str) -> Self {
        push_line(&mut self.backend, line);
        self
    }

    /// Persistence as in the reference configuration.
    pub fn persistent(mut self) -> Self {
        self.cookie = Some(REFERENCE_COOKIE.to_owned());
        self
    }

    /// HTTP health checks of `/server.html`, quick to notice.
    pub fn checked(mut self) -> Self {
        self.check =
            Some("http = \"GET /server.html\"\ninterval = \"100ms\"\nrise = 1\nfall = 2\n".to_owned());
        self
    }

    /// TCP health checks, quick to notice.
    pub fn checked_by_tcp(mut self) -> Self {
        self.check = Some("interval = \"100ms\"\nrise = 1\nfall = 2\n".to_owned());
        self
    }

    /// A command that becomes torii, such as `prlimit --nofile=100:100`.
    pub fn through(mut self, command: &[&str]) -> Self {
        self.through = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// That command; empty for none.
    pub fn command(&self) -> &[String] {
        &self.through
    }

    /// TLS termination with this file or folder.
    pub fn tls(mut self, certificates: &Path, min_version: &str) -> Self {
        self.tls = Some(format!(
            "[listener.tls]\ncertificates = [\"{}\"]\nmin_version = \"{min_version}\"\n",
            certificates.display()
        ));
        self
    }

    /// The statistics page, open to everybody, at `/stats` of this address.
    pub fn stats(mut self, address: SocketAddr) -> Self {
        self.stats = Some(address);
        self
    }

    /// `control.socket`; a relative path begins at the folder of the process.
    pub fn control_socket(mut self, path: &str) -> Self {
        self.control = path.to_owned();
        self
    }

    /// The text, for these addresses.
    pub fn render(&self, front: SocketAddr, log: &Path) -> String {
        let mut text = String::new();
        let Self { workers, driver, mode, balance, io, limits, timeouts, backend, .. } = self;
        let log = log.display();
        let mut section = |body: std::fmt::Arguments<'_>| text.write_fmt(body).expect("a String takes all");
        section(format_args!("[threads]\nworkers = {workers}\ncontrol_core = \"shared\"\n\n"));
        section(format_args!("[io]\ndriver = \"{driver}\"\n{io}\n"));
        section(format_args!("[limits]\n{limits}\n[timeouts]\n{timeouts}\n"));
        section(format_args!("[log]\ntarget = \"file:{log}\"\nformat = \"haproxy\"\n\n"));
        section(format_args!("[control]\nsocket = \"{}\"\n\n", self.control));
        if let Some(stats) = &self.stats {
            section(format_args!("[stats]\nbind = [\"{stats}\"]\npath = \"/stats\"\n\n"));
        }
        section(format_args!("[[listener]]\nname = \"front_in\"\nbind = [\"{front}\"]\n"));
        let default = if self.listener_backend { "backend = \"web_backend\"" } else { "" };
        section(format_args!("mode = \"{mode}\"\n{default}\n{}\n", self.listener));
        section(format_args!("{}\n", self.tls.as_deref().unwrap_or_default()));
        section(format_args!(
            "[[backend]]\nname = \"web_backend\"\nmode = \"{mode}\"\nbalance = \"{balance}\"\n{backend}\n"
        ));
        if let Some(cookie) = &self.cookie {
            section(format_args!("[backend.cookie]\n{cookie}\n"));
        }
        if let Some(check) = &self.check {
            section(format_args!("[backend.check]\n{check}\n"));
        }
        for (index, (name, address)) in self.servers.iter().enumerate() {
            section(format_args!("[[backend.server]]\nname = \"{name}\"\naddress = \"{address}\"\n"));
            section(format_args!("{}", self.server_lines));
            if self.cookie.is_some() {
                section(format_args!("cookie = \"w{:02}\"\n", index + 1));
            }
        }
        text + &self.more
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
