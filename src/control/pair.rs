//! The pair's part of a start: what a crash left over goes first, the ha thread is started while the
//! process has its rights, and begins when there is something to be healthy.
//!
//! ```text
//! open: remove left-over addresses ─▶ sockets ─▶ guard process ─▶ ha thread (keeps its rights) ─▶ nobody else has them
//! … log, change of user, workers …
//! begin: the thread gets what it watches, and takes part as soon as the workers accept
//! ```

use std::io;
use std::sync::Arc;

use ipnet::IpNet;

use super::error::StartError;
use crate::config::model::{Config, Ha};
use crate::ha::guard::Keeper;
use crate::ha::handle::PairHandle;
use crate::ha::health::{Draining, Health};
use crate::ha::netlink::Netlink;
use crate::ha::network::Network;
use crate::ha::notify::{Notifier, NotifyEnd};
use crate::ha::order::{self, RequestQueue};
use crate::ha::status::PublishedStatus;
use crate::ha::thread::{self, Outfit, Starting};
use crate::ha::{address, rights};
use crate::observe::counters::WorkerCounters;
use crate::observe::log::{Level, NoticeWriter};
use crate::snapshot::publish::Published;

/// A pair whose thread waits.
pub struct Opened {
    ha: Arc<Ha>,
    own: usize,
    network: Network,
    guard: Keeper,
    thread: Starting,
    leftovers: Vec<IpNet>,
}

/// A pair whose thread takes part.
pub struct Begun {
    /// What control has of it.
    pub handle: PairHandle,
    /// What other nodes ask for.
    pub requested: RequestQueue,
    /// To be waited for at the end; `None`: no program is told of changes.
    pub notify_end: Option<NotifyEnd>,
}

/// Removes what a crash left over, opens the sockets, starts the guard and the thread, which keeps its rights. From
/// here on no other thread has them, unless torii runs as root for good. To be called after the
/// listeners are bound, because a second torii by mistake must not take the addresses from the first.
///
/// # Errors
/// The addresses cannot be looked at or removed, or a socket or the thread cannot be made.
pub fn open(ha: &Ha, own: usize) -> Result<Opened, StartError> {
    let refused = |what| move |source| StartError::PairNetwork { what, source };
    let mut netlink = Netlink::open().map_err(refused("ask the kernel for addresses"))?;
    let removed = address::remove_leftovers(&mut netlink, &ha.addresses)
        .map_err(refused("remove a shared address that is left over"))?;
    let ha = Arc::new(ha.clone());
    let network = Network::open(ha.clone(), own).map_err(refused("open sockets for adverts"))?;
    let guard = Keeper::start(&ha, own, network.interface().unwrap_or_default());
    let thread = thread::start().map_err(StartError::Resources)?;
    rights::drop_all();
    let leftovers = removed.into_iter().map(|(_, address)| address).collect();
    Ok(Opened { ha, own, network, guard, thread, leftovers })
}

impl Opened {
    /// The workers run: the thread may begin.
    pub fn begin(
        self,
        config: &Config,
        published: &Published,
        counters: &[Arc<WorkerCounters>],
        notices: &NoticeWriter,
        draining: Draining,
        core: Option<usize>,
    ) -> Begun {
        for address in &self.leftovers {
            let text =
                format!("pair: removed the shared address {address}, left over from before this start");
            notices.notice(Level::Warning, text);
        }
        let (orders, queue) = order::mailbox();
        let (requests, requested) = order::requests();
        let mut health =
            Health::new(published, &config.listeners, counters.to_vec(), draining, self.ha.stall_limit);
        let status = PublishedStatus::new(thread::first_status(&self.ha, self.own, &mut health));
        let (notifier, notify_end) = start_notifier(&self.ha, notices).unzip();
        let outfit = Outfit {
            ha: self.ha,
            own: self.own,
            network: self.network,
            guard: self.guard,
            orders: queue,
            requests,
            status: status.clone(),
            health,
            notifier,
            notices: notices.clone(),
            core,
        };
        self.thread.begin(outfit);
        Begun { handle: PairHandle { status, orders }, requested, notify_end }
    }
}

/// Here, where neither the rights nor the scheduling of the ha thread are, so that the program has neither.
fn start_notifier(ha: &Ha, notices: &NoticeWriter) -> Option<(Notifier, NotifyEnd)> {
    let program = ha.notify.clone()?;
    match Notifier::start(program, ha.virtual_router_id, notices.clone()) {
        Ok(started) => Some(started),
        Err(error) => {
            let text = format!("notify: nothing can be told of changes of state: {error}");
            notices.notice(Level::Error, text);
            None
        }
    }
}

/// What a start may say of a failure here.
pub fn help(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "start torii as root with [process] user set, or give it CAP_NET_ADMIN and CAP_NET_RAW \
             (AmbientCapabilities= of the systemd unit)"
        }
        io::ErrorKind::NotFound => "check ha.interface against: ip link",
        io::ErrorKind::AddrInUse => "another program uses ha.udp_port; find it with: ss -lunp",
        _ => {
            "check ha.interface, and RestrictAddressFamilies= of the systemd unit: torii needs AF_NETLINK, \
              AF_PACKET, AF_INET and AF_INET6"
        }
    }
}
