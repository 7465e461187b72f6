//! Why a node cannot start: each with what it was about, the reason, and what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::ha::surroundings::Fault;
use crate::observe::log::LogStartError;

/// A start that failed; nothing is left running.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be listened on.
    Bind {
        /// Listener's name, or "statistics".
        who: String,
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// `io.driver = "io_uring"` and there is none.
    IoUring(io::Error),
    /// `threads.control_core` names a core this process may not use.
    ControlCore {
        /// As configured.
        core: usize,
        /// What may be used.
        available: Vec<usize>,
    },
    /// The access log cannot be opened.
    Log(LogStartError),
    /// `[process] user` or `group` does not exist.
    NoSuchUser {
        /// "user" or "group".
        kind: &'static str,
        /// As configured.
        name: String,
    },
    /// `[ha]`: this machine cannot be a node of the pair.
    Pair(Fault),
    /// `[ha]`: an address or a socket of the pair.
    PairNetwork {
        /// What could not be done, as after "cannot".
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The change to another user failed.
    Privileges(io::Error),
    /// There are too few file descriptors to serve anybody.
    Descriptors {
        /// How many are allowed.
        allowed: u64,
        /// How many this configuration takes at least.
        least: u64,
    },
    /// A thread, pipe or runtime could not be made.
    Resources(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { who, address, source } => {
                write!(
                    formatter,
                    "cannot listen on {address} for {who}: {source}\n  help: {}",
                    bind_help(*address, source)
                )
            }
            Self::IoUring(source) => write!(
                formatter,
                "io_uring cannot be used: {source}\n  help: allow it (sysctl kernel.io_uring_disabled=0, or \
                 the container's seccomp profile), or set io.driver = \"auto\" to fall back to epoll"
            ),
            Self::ControlCore { core, available } => write!(
                formatter,
                "threads.control_core = {core}, but this process may only use cores {available:?}\n  \
                 help: name one of those, or \"auto\""
            ),
            Self::Log(source) => write!(formatter, "{source}"),
            Self::NoSuchUser { kind, name } => write!(
                formatter,
                "process.{kind} = \"{name}\", but there is no such {kind}\n  \
                 help: create it (useradd --system {name}), or name another"
            ),
            Self::Pair(fault) => fault.fmt(formatter),
            Self::PairNetwork { what, source } => {
                write!(formatter, "[ha]: cannot {what}: {source}\n  help: {}", super::pair::help(source))
            }
            Self::Privileges(source) => write!(
                formatter,
                "cannot change to the user of [process]: {source}\n  help: start torii as root, or remove the key"
            ),
            Self::Descriptors { allowed, least } => write!(
                formatter,
                "only {allowed} file descriptors are allowed, and this configuration takes {least} at least\n  \
                 help: raise the limit (LimitNOFILE of the systemd unit, or ulimit -n); two for each \
                 connection are wanted beside them"
            ),
            Self::Resources(source) => write!(
                formatter,
                "not enough resources to start: {source}\n  \
                 help: look at the limits of descriptors, threads and locked memory (ulimit -a)"
            ),
        }
    }
}

/// What to do about an address that cannot be bound.
fn bind_help(address: SocketAddr, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program listens there; find it with: ss -ltnp 'sport = :{}'", address.port())
        }
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need privileges: start as root with [process] user set, or give the binary \
             cap_net_bind_service; or use another port than {}",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine cannot use that address; check it for typing errors".into()
        }
        _ if address.is_ipv6() => {
            "IPv6 may be disabled on this machine (sysctl net.ipv6.conf.all.disable_ipv6)".into()
        }
        _ => "check the address and port".into(),
    }
}

impl std::error::Error for StartError {}
