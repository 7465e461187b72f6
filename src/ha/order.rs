//! What control may ask of the ha thread, and when a hand-over is refused.
//!
//! A bounded mailbox; the thread answers each order once. A sender whose thread has ended gets no
//! answer and takes that as `Refusal::Ended`.

use std::fmt;
use std::net::IpAddr;

use tokio::sync::{mpsc, oneshot};

use super::status::{PairState, PairStatus, PeerHealth};
use super::transport::dialogue::Ground;

/// Orders that may wait.
pub const ORDERS_MAX: usize = 8;

/// One order, with where its answer goes.
#[derive(Debug)]
pub enum Order {
    /// Give the shared addresses to another node: priority 0, wait for the successor, take the addresses
    /// away, stay standby until `TakeBack`. Answered when that is over, or refused at once.
    HandOver {
        /// Although nothing good is known of a successor.
        force: bool,
        /// How it ended.
        reply: oneshot::Sender<Result<HandedOver, Refusal>>,
    },
    /// The same because another node asks for the addresses: nothing is remembered afterwards.
    StepAside {
        /// It.
        to: IpAddr,
        /// How it ended.
        reply: oneshot::Sender<Result<HandedOver, Refusal>>,
    },
    /// Ask the active node to hand the addresses over to this one.
    AskBack {
        /// What came of it.
        reply: oneshot::Sender<Result<AskedBack, Refusal>>,
    },
    /// Stand for election again with the full priority, and take the addresses at once from a worse node.
    TakeBack {
        /// Whether it took them.
        reply: oneshot::Sender<Result<TakenBack, Refusal>>,
    },
    /// Give everything up and end the thread: priority 0 if active, addresses away, orderly end of the
    /// guard.
    Shutdown {
        /// When nothing is left.
        reply: oneshot::Sender<()>,
    },
    /// Do something short for control that needs the thread's rights, which control gave up. It answers
    /// by itself.
    Errand(Errand),
}

/// What is to be done. It must not wait for anything: adverts wait for it.
pub struct Errand(pub Box<dyn FnOnce() + Send>);

impl fmt::Debug for Errand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Errand")
    }
}

/// Control's end.
pub type Orders = mpsc::Sender<Order>;

/// The thread's end.
pub type OrderQueue = mpsc::Receiver<Order>;

/// A connected pair.
pub fn mailbox() -> (Orders, OrderQueue) {
    mpsc::channel(ORDERS_MAX)
}

/// Another node asks this one, over the network, to hand the addresses over.
#[derive(Debug)]
pub struct Requested {
    /// Its name.
    pub by: String,
    /// Where it is.
    pub from: IpAddr,
    /// How it ended. Until then whoever asks is told that it is under way. Closed: it asks no more.
    pub reply: oneshot::Sender<Result<(), Refusal>>,
}

/// The thread's end of what other nodes ask control for.
pub type Requests = mpsc::Sender<Requested>;

/// Control's end.
pub type RequestQueue = mpsc::Receiver<Requested>;

/// A connected pair. One may wait: there is one hand-over at a time, and who asks asks again.
pub fn requests() -> (Requests, RequestQueue) {
    mpsc::channel(1)
}

/// What came of asking the active node for the addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedBack {
    /// That node handed over as planned: this one is active.
    HandedBack(String),
    /// This node became active meanwhile for another reason.
    Active(String),
    /// Nobody was asked: the transport carries no such words, or the active node is no worse.
    NobodyToAsk,
}

/// What came of standing for election again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// This node is active: it took the addresses from a worse one, which was not asked.
    AtOnce,
    /// This node is active already.
    Already,
    /// Another node stays active.
    Stands,
}

/// How a hand-over ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandedOver {
    /// Another node advertises, and this one no longer has the addresses.
    TakenBy(String),
    /// Nobody was heard in time, so this node keeps the addresses or took them again.
    NobodyTookIt,
}

/// Why an order is not obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This node has nothing to give.
    NotActive(PairState),
    /// `TakeBack`, but nothing was handed over.
    NothingHandedOver,
    /// Every other node is known to be dead or not to serve; each with what is known.
    NoSuccessor(Vec<(String, PeerHealth)>),
    /// Nothing is known of any other node.
    SuccessorUnknown(Vec<String>),
    /// Priority 0 was sent and nobody was heard in time: this node keeps the addresses.
    NobodyTookIt,
    /// The active node was asked for the addresses and does not hand them over.
    Declined {
        /// It.
        by: String,
        /// Why.
        ground: Ground,
    },
    /// The active node was asked and says nothing: nothing is taken, since it may not hear this node.
    NoAnswer {
        /// It.
        by: String,
    },
    /// It promised to hand over, and did not in the time for it.
    TookTooLong {
        /// It.
        by: String,
    },
    /// This node cannot have the addresses, and why.
    CannotTake(String),
    /// A hand-over is under way.
    Busy,
    /// Whoever wanted it does not any more, or this node ends.
    CalledOff,
    /// The ha thread has ended.
    Ended,
}

impl Refusal {
    /// What to do about it, if there is anything.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::NotActive(_) | Self::Busy => "see: torii status",
            Self::NothingHandedOver => "`torii failover` on the active node gives the addresses to the other",
            Self::NoSuccessor(_) => {
                "bring the other node back first; with --force the addresses are without a node meanwhile"
            }
            Self::SuccessorUnknown(_) => {
                "look at the other node (torii status there); if it is standby, repeat with --force"
            }
            Self::NobodyTookIt => {
                "look at the other node: its log says what it heard and why it did not take over"
            }
            Self::Declined { .. } => {
                "nothing was moved; look at `torii status` on both nodes, or order it there: torii failover; to \
                 take them all the same: torii failover --back --force"
            }
            Self::NoAnswer { .. } => {
                "nothing was moved; to take the addresses all the same: torii failover --back --force"
            }
            Self::TookTooLong { .. } => "see `torii status` and the log of that node, then ask again",
            Self::CannotTake(_) => "nothing was taken; see: torii status",
            Self::CalledOff | Self::Ended => return None,
        };
        Some(help.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive(state) => {
                write!(f, "this node is {state}, not active: run it on the active node")
            }
            Self::NothingHandedOver => f.write_str("this node has not handed anything over"),
            Self::NoSuccessor(peers) => {
                let known: Vec<String> =
                    peers.iter().map(|(name, health)| format!("{name} is {health}")).collect();
                write!(f, "no other node could take over: {}", known.join("; "))
            }
            Self::SuccessorUnknown(names) => write!(
                f,
                "{} was never heard since this node started, so nobody knows whether it would take over",
                names.join(", ")
            ),
            Self::NobodyTookIt => {
                f.write_str("no other node took the shared addresses over in time: this node keeps them")
            }
            Self::Declined { by, ground } => write!(f, "{by} does not hand over: {ground}"),
            Self::NoAnswer { by } => write!(
                f,
                "{by} advertises but does not answer: its torii is older, or it does not hear this node; if it \
                 does not hear this node, both would be active"
            ),
            Self::TookTooLong { by } => write!(f, "{by} agreed to hand over and did not do so in time"),
            Self::CannotTake(reason) => write!(f, "this node cannot take part: {reason}"),
            Self::Busy => f.write_str("a hand-over is under way"),
            Self::CalledOff => f.write_str("it was called off before the addresses moved"),
            Self::Ended => f.write_str("the election has ended on this node"),
        }
    }
}

/// Whether a hand-over may begin. Asked before connections are softened, and again by the thread when
/// the order arrives.
///
/// # Errors
/// Why not. With `force` only a node that is not active, or is handing over already, refuses.
pub fn may_hand_over(status: &PairStatus, force: bool) -> Result<(), Refusal> {
    match status.state {
        PairState::Active => {}
        PairState::HandingOver => return Err(Refusal::Busy),
        other => return Err(Refusal::NotActive(other)),
    }
    let hopeful = |health: &PeerHealth| matches!(health, PeerHealth::Serving | PeerHealth::NotKnownDead);
    if force || status.peers.iter().any(|peer| hopeful(&peer.health)) {
        return Ok(());
    }
    let unknown: Vec<String> = status
        .peers
        .iter()
        .filter(|peer| peer.health == PeerHealth::NeverHeard)
        .map(|peer| peer.name.clone())
        .collect();
    if !unknown.is_empty() {
        return Err(Refusal::SuccessorUnknown(unknown));
    }
    Err(Refusal::NoSuccessor(
        status.peers.iter().map(|peer| (peer.name.clone(), peer.health.clone())).collect(),
    ))
}

/// Whether the addresses may go to the node at `to`, which asks for them, and its name. Asked when it does,
/// and again by the thread when its connections are finished.
///
/// # Errors
/// Why not; unlike at an operator's order, that very node has to be the better one.
pub fn may_step_aside(status: &PairStatus, to: IpAddr) -> Result<String, Refusal> {
    may_hand_over(status, false)?;
    let is_better = |priority: Option<u8>| priority.is_some_and(|priority| priority > status.priority);
    let hopeful = |health: &PeerHealth| matches!(health, PeerHealth::Serving | PeerHealth::NotKnownDead);
    let mut asks = status.peers.iter().filter(|peer| peer.address == to);
    let fit = asks.next().filter(|peer| hopeful(&peer.health) && is_better(peer.priority));
    fit.map(|peer| peer.name.clone()).ok_or_else(|| Refusal::NoSuccessor(Vec::new()))
}

/// Whether `torii failover --back` has anything to take back.
///
/// # Errors
/// Nothing was handed over by this node.
pub fn may_take_back(status: &PairStatus) -> Result<(), Refusal> {
    if status.handed_over { Ok(()) } else { Err(Refusal::NothingHandedOver) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ha::test_support::status;

    fn with_peer(state: PairState, health: PeerHealth) -> PairStatus {
        let mut status = status();
        status.state = state;
        status.peers[0].health = health;
        status
    }

    #[test]
    fn only_an_active_node_hands_over() {
        for state in [PairState::Standby, PairState::Starting, PairState::Fault] {
            for force in [false, true] {
                let judged = may_hand_over(&with_peer(state, PeerHealth::Serving), force);
                assert_eq!(judged, Err(Refusal::NotActive(state)));
            }
        }
        let under_way = with_peer(PairState::HandingOver, PeerHealth::Serving);
        assert_eq!(may_hand_over(&under_way, true), Err(Refusal::Busy));
    }

    #[test]
    fn refuses_without_a_successor_unless_forced() {
        let dead = PeerHealth::Dead("protocol unreachable".into());
        for health in [dead, PeerHealth::NotServing, PeerHealth::NeverHeard] {
            let status = with_peer(PairState::Active, health.clone());
            let refusal = may_hand_over(&status, false);
            match health {
                PeerHealth::NeverHeard => assert!(matches!(refusal, Err(Refusal::SuccessorUnknown(_)))),
                _ => assert!(matches!(refusal, Err(Refusal::NoSuccessor(_))), "{refusal:?}"),
            }
            assert_eq!(may_hand_over(&status, true), Ok(()));
        }
        for health in [PeerHealth::Serving, PeerHealth::NotKnownDead] {
            assert_eq!(may_hand_over(&with_peer(PairState::Active, health), false), Ok(()));
        }
    }

    #[test]
    fn one_good_peer_of_several_is_enough() {
        let mut status = with_peer(PairState::Active, PeerHealth::NotServing);
        let mut good = status.peers[0].clone();
        good.health = PeerHealth::Serving;
        status.peers.push(good);
        assert_eq!(may_hand_over(&status, false), Ok(()));
    }

    #[test]
    fn only_a_better_node_that_is_fit_is_stepped_aside_for() {
        let mut status = with_peer(PairState::Active, PeerHealth::Serving);
        let (to, own) = (status.peers[0].address, status.priority);
        let mut judged = |priority, health| {
            (status.peers[0].priority, status.peers[0].health) = (priority, health);
            may_step_aside(&status, to).is_ok()
        };
        assert!(judged(Some(own + 1), PeerHealth::Serving));
        assert!(!judged(Some(own), PeerHealth::Serving));
        assert!(!judged(Some(0), PeerHealth::NotKnownDead) && !judged(None, PeerHealth::NotKnownDead));
        assert!(!judged(Some(own + 1), PeerHealth::NotServing));
        assert!(may_step_aside(&status, IpAddr::from([192, 0, 2, 99])).is_err());
    }

    #[test]
    fn only_what_was_handed_over_is_taken_back() {
        let mut status = status();
        assert_eq!(may_take_back(&status), Err(Refusal::NothingHandedOver));
        status.handed_over = true;
        assert_eq!(may_take_back(&status), Ok(()));
    }

    #[test]
    fn a_refusal_names_each_node_and_the_reason() {
        let refusal = Refusal::NoSuccessor(vec![
            ("b".into(), PeerHealth::NotServing),
            ("c".into(), PeerHealth::Dead("silent for 5 s".into())),
        ]);
        let text = refusal.to_string();
        assert_eq!(text, "no other node could take over: b is not serving; c is dead: silent for 5 s");
    }
}
