//! What goes into the machine and what comes out: events, actions, states and why they were entered.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::Advert;

/// Time since any fixed moment, never going back. Best a clock that runs on while the host is suspended
/// (`CLOCK_BOOTTIME`): then a pause of the host is seen as one.
pub type Time = Duration;

/// What a node is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not taking part: before `Start` and after `Shutdown`.
    Init,
    /// Standby: listens and waits.
    Backup,
    /// Active: has the addresses and advertises.
    Master,
    /// Has announced priority 0 and keeps the addresses until a successor advertises.
    Resigning,
    /// Cannot take part, as when its interface is down.
    Fault,
}

impl State {
    /// In the words that notify scripts know from keepalived: MASTER, BACKUP, FAULT, STOP. A node that
    /// resigns is still MASTER.
    pub const fn keepalived_name(self) -> &'static str {
        match self {
            Self::Init => "STOP",
            Self::Backup => "BACKUP",
            Self::Master | Self::Resigning => "MASTER",
            Self::Fault => "FAULT",
        }
    }
}

/// What happened. Whatever was received goes in before [`super::Machine::tick`].
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Take part from now on.
    Start,
    /// A checked advert of another node.
    Advert {
        /// What it says.
        advert: &'a Advert,
        /// Its sender.
        from: IpAddr,
    },
    /// A standby says that it lives, and its effective priority: only our own UDP transport carries that.
    Presence {
        /// The node.
        from: IpAddr,
        /// Its priority now; 0: it cannot take over.
        priority: u8,
        /// Whether it says that it serves.
        serves: bool,
        /// Whether its operator gave the addresses away: it wants none.
        is_handed_over: bool,
    },
    /// Our effective priority has changed to this, 1..=254.
    Priority(u8),
    /// We cannot take part (`true`: interface down, no socket), or can again.
    Fault(bool),
    /// The operator wants another node to be active.
    HandOver,
    /// Another node asks for the addresses: it gets them as by `HandOver`, and this node stands for election
    /// as before.
    StepAside {
        /// It.
        by: IpAddr,
    },
    /// This node asks the active one to hand over (`true`), or no longer does. Meanwhile it takes over at once
    /// when that one gives up, although it was handed over.
    AskBack(bool),
    /// The operator wants this node to be active again where its priority allows.
    TakeBack,
    /// The end of taking part.
    Shutdown,
    /// A shared address that we hold was removed by somebody else.
    AddressLost,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send an advert of this priority to every peer, `repeat` times back to back.
    Send {
        /// 0, or our own.
        priority: u8,
        /// 1, or more for what must not be lost.
        repeat: u8,
    },
    /// Add the shared addresses. Those that are there already are no fault.
    AddAddresses,
    /// Remove them. Those that are gone already are no fault.
    RemoveAddresses,
    /// Tell the network where they are (gratuitous ARP, unsolicited neighbour advertisement).
    Announce,
    /// The state is another now: log, notify, publish.
    Enter {
        /// The new one.
        state: State,
        /// Why.
        cause: Cause,
    },
}

/// Why a state was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It takes part from now on.
    Started,
    /// It owns the addresses (priority 255), so it does not wait for anybody.
    Owner,
    /// No active node was heard for the whole time.
    MasterSilent,
    /// The active node gave up by priority 0.
    MasterResigned {
        /// It.
        from: IpAddr,
    },
    /// The active node has a lower priority than we do.
    Preempted {
        /// It.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// An active node with a better priority, or the same and a higher address.
    BetterMaster {
        /// It.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// Another node became active while this one was stopped for a while.
    TookOverDuringPause {
        /// It.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// Our priority fell below what another node can have.
    OwnPriorityFell {
        /// To this.
        priority: u8,
    },
    /// We do not serve, and a better standby does.
    BetterStandby {
        /// It.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// The operator asked for it.
    HandOver,
    /// Another node asked for it, because its operator did.
    AskedFor {
        /// It.
        by: IpAddr,
    },
    /// The node that we resigned for is active.
    Successor {
        /// It.
        from: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// Nobody better took the addresses when we resigned, so they stay here.
    NobodyTookOver,
    /// Our priority recovered before anybody took over.
    Recovered,
    /// The operator asked for it back.
    TakenBack,
    /// The addresses are removed by somebody else again and again.
    AddressLost,
    /// Cannot take part.
    Fault,
    /// Can take part again.
    FaultCleared,
    /// Takes part no more.
    Shutdown,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => formatter.write_str("started"),
            Self::Owner => formatter.write_str("it owns the addresses (priority 255)"),
            Self::MasterSilent => formatter.write_str("no active node was heard"),
            Self::MasterResigned { from } => write!(formatter, "{from} gave up (priority 0)"),
            Self::Preempted { from, priority } => {
                write!(formatter, "{from} is active with the lower priority {priority}")
            }
            Self::BetterMaster { from, priority } => {
                write!(formatter, "{from} is active and better (priority {priority})")
            }
            Self::TookOverDuringPause { from, priority } => {
                write!(formatter, "{from} took over (priority {priority}) while this node stood still")
            }
            Self::OwnPriorityFell { priority } => {
                write!(formatter, "its priority fell to {priority} and another node may be better")
            }
            Self::BetterStandby { from, priority } => {
                write!(formatter, "it does not serve and {from} does (priority {priority})")
            }
            Self::HandOver => formatter.write_str("planned hand-over"),
            Self::AskedFor { by } => write!(formatter, "planned hand-over to {by} which asks for it"),
            Self::Successor { from, priority } => {
                write!(formatter, "{from} took over (priority {priority})")
            }
            Self::NobodyTookOver => formatter.write_str("no better node took over"),
            Self::Recovered => formatter.write_str("its priority recovered before another node took over"),
            Self::TakenBack => formatter.write_str("taken back as ordered"),
            Self::AddressLost => formatter.write_str("somebody else keeps removing its shared address"),
            Self::Fault => formatter.write_str("it cannot take part"),
            Self::FaultCleared => formatter.write_str("it can take part again"),
            Self::Shutdown => formatter.write_str("shut down"),
        }
    }
}

/// The actions of one event, at most [`Actions::CAPACITY`].
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "the machine takes them for done"]
pub struct Actions {
    actions: [Option<Action>; Self::CAPACITY],
    length: usize,
}

impl Actions {
    /// More than any one event causes: becoming active is four, yielding two.
    pub const CAPACITY: usize = 8;

    pub(super) fn push(&mut self, action: Action) {
        debug_assert!(self.length < Self::CAPACITY, "more actions than any event causes");
        if let Some(place) = self.actions.get_mut(self.length) {
            *place = Some(action);
            self.length += 1;
        }
    }

    /// In the order in which they are to be done.
    pub fn iter(&self) -> impl Iterator<Item = Action> + '_ {
        self.actions.iter().copied().flatten()
    }

    /// Nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, { Self::CAPACITY }>>;

    fn into_iter(self) -> Self::IntoIter {
        self.actions.into_iter().flatten()
    }
}
