//! Options about connections: how many, from where, how long they may take, TLS.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::engine::Timeouts;
use crate::limits::{
    CONNECT_TIMEOUT, CONNECTIONS_MAX, CONNECTIONS_PER_THREAD, GRACE, REQUEST_TIMEOUT, THREADS_MAX,
    TLS_TIMEOUT,
};
use crate::tls::{ClientTls, Trust, Version};

use super::units::{duration_ns, some_time_ns};

/// How connections are made.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connections")]
pub struct TransportArguments {
    /// Connections at most. An open loop opens them as it needs them; what finds none free waits, and
    /// the wait is part of its latency. In a closed loop: places, each with a connection to every host
    #[arg(
        long,
        short = 'c',
        value_name = "N",
        default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX)
    )]
    pub connections: u64,

    /// Threads, each with its own connections (default: one per core, and no more than one for 16
    /// connections or for each user with cookies)
    #[arg(
        long,
        short = 't',
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=THREADS_MAX as u64)
    )]
    pub threads: Option<u64>,

    /// Let threads float over the cores instead of pinning each to one
    #[arg(long)]
    pub no_pin: bool,

    /// Spin instead of sleeping when a request is due within this time: exact to a microsecond, and it
    /// burns its core
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration_ns)]
    pub spin: u64,

    /// Close a connection after so many answers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests_per_connection: Option<u64>,

    /// Time a request may take, from its first byte sent to the last byte of its answer
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    pub timeout: Option<u64>,

    /// Time a TCP connection may take
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    pub connect_timeout: Option<u64>,

    /// Time a TLS handshake may take
    #[arg(long, value_name = "TIME", value_parser = some_time_ns)]
    pub tls_timeout: Option<u64>,

    /// Time that answers may still come after the last planned request
    #[arg(long, value_name = "TIME", value_parser = duration_ns)]
    pub grace: Option<u64>,

    /// Connect to this address instead of the URL's: one node of several under the public name
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub connect_to: Option<SocketAddr>,

    /// Use all addresses of a name in turn, not only the first
    #[arg(long)]
    pub all_addresses: bool,

    /// Local addresses to connect from, in turn: each is good for some 28,000 connections to one target
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub source: Vec<IpAddr>,

    /// End connections by a reset, which leaves no port in TIME_WAIT
    #[arg(long)]
    pub reset: bool,

    /// Options of TLS.
    #[command(flatten)]
    pub tls: TlsArguments,
}

/// How TLS is spoken.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArguments {
    /// Believe any certificate
    #[arg(long, short = 'k')]
    pub insecure: bool,

    /// Believe the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub cacert: Option<PathBuf>,

    /// Name to ask for (SNI) and to expect in the certificate (default: the URL's)
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,

    /// Protocols to offer (ALPN), best first. Requests are HTTP/1.1: others, such as h2, are offered by
    /// `connect` alone, without --request
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "http/1.1")]
    pub alpn: Vec<String>,

    /// Speak this version only
    #[arg(long, value_name = "1.2|1.3", value_parser = version)]
    pub tls_version: Option<Version>,

    /// Make a full handshake every time instead of resuming sessions
    #[arg(long)]
    pub no_resume: bool,
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "1.2" => Ok(Version::Tls12),
        "1.3" => Ok(Version::Tls13),
        _ => Err("1.2 and 1.3 are spoken".to_owned()),
    }
}

impl TransportArguments {
    /// How long things may take.
    pub fn timeouts(&self) -> Timeouts {
        let nanos = |default: std::time::Duration| default.as_nanos() as u64;
        Timeouts {
            connect_ns: self.connect_timeout.unwrap_or(nanos(CONNECT_TIMEOUT)),
            tls_ns: self.tls_timeout.unwrap_or(nanos(TLS_TIMEOUT)),
            request_ns: self.timeout.unwrap_or(nanos(REQUEST_TIMEOUT)),
            grace_ns: self.grace.unwrap_or(nanos(GRACE)),
        }
    }

    /// Threads: no more than there are connections to share, nor cores unless asked for.
    pub fn threads(&self) -> usize {
        let connections = usize::try_from(self.connections).unwrap_or(usize::MAX);
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        // A request may wait at one thread while another has a free connection: a few in one hand
        // serve better than one in each.
        let of_use = cores.min(connections / CONNECTIONS_PER_THREAD);
        self.threads.map_or(of_use, |threads| threads as usize).min(connections).max(1)
    }
}

/// Protocols by whose rules requests are written here.
const SPOKEN: [&str; 2] = ["http/1.1", "http/1.0"];

impl TlsArguments {
    /// Whether what is agreed on can be spoken; of a connection that carries requests.
    ///
    /// # Errors
    /// In words for the command line.
    pub fn check_requests(&self) -> Result<(), String> {
        match self.alpn.iter().find(|name| !SPOKEN.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(format!(
                "--alpn {name}: a server that agrees to it would get HTTP/1.1 all the same; offer {}, or use \
                 `connect` without --request, which only makes handshakes",
                SPOKEN.join(" or ")
            )),
        }
    }

    /// As the engine wants it.
    pub fn client(&self) -> ClientTls {
        let trust = match (&self.cacert, self.insecure) {
            (Some(path), _) => Trust::File(path.clone()),
            (None, true) => Trust::Anybody,
            (None, false) => Trust::System,
        };
        ClientTls { trust, version: self.tls_version, alpn: self.alpn.clone(), resumes: !self.no_resume }
    }
}
