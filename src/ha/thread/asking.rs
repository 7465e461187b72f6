//! `torii failover --back` where nodes can speak: what `ha::asking` decides is sent and obeyed here, on
//! both nodes. Control does the hand-over itself, as if its own operator had ordered it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Election, unix_ms};
use crate::ha::asking::{Asker, Outcome, Turn};
use crate::ha::order::{AskedBack, Refusal, Requested, may_hand_over, may_take_back};
use crate::ha::status::PeerHealth;
use crate::ha::transport::dialogue::{Dialogue, Word};
use crate::ha::vrrp::{Cause, State};

/// Whom control asked for, and where its answer goes.
pub(super) struct Asking {
    asker: Asker,
    reply: oneshot::Sender<Result<AskedBack, Refusal>>,
}

impl Election {
    /// Begins to ask the active node for the addresses, if it is worse than this one and can be asked.
    pub(super) fn ask_back(&mut self, now: Duration, reply: oneshot::Sender<Result<AskedBack, Refusal>>) {
        if let Err(refusal) = may_take_back(&self.status(now)) {
            let _ = reply.send(Err(refusal));
            return;
        }
        let can_ask = self.network.channel().is_some_and(|channel| channel.carries_presence());
        let is_worse = |(_, priority): &(IpAddr, u8)| *priority < self.machine.priority();
        let Some((to, _)) = self.machine.followed().filter(is_worse).filter(|_| can_ask) else {
            let _ = reply.send(Ok(AskedBack::NobodyToAsk));
            return;
        };
        // The lower bits: another number each millisecond.
        let asker = Asker::new(now, to, unix_ms() as u32);
        self.asking = Some(Asking { asker, reply });
        self.keep_asking(now);
    }

    /// When the asker has something to do.
    pub(super) fn asking_deadline(&self) -> Option<Duration> {
        self.asking.as_ref().map(|asking| asking.asker.deadline())
    }

    /// Asks again, or gives up.
    pub(super) fn keep_asking(&mut self, now: Duration) {
        let Some(asking) = &mut self.asking else { return };
        match asking.asker.turn(now) {
            Turn::Wait => {}
            Turn::Ask => {
                let (to, number) = (asking.asker.to(), asking.asker.number());
                self.say(to, number, Word::Ask);
            }
            Turn::GiveUp => {
                let name = self.peers.name(asking.asker.to());
                self.end_asking(Ok(AskedBack::NoAnswer(name)));
            }
        }
    }

    /// Something was said to this node.
    pub(super) fn hear_word(&mut self, now: Duration, from: IpAddr, said: Dialogue) {
        if said.word == Word::Ask {
            let mut answerer = std::mem::take(&mut self.answerer);
            let word = answerer.answer(from, said.number, || self.begin_for(now, from));
            self.answerer = answerer;
            self.say(from, said.number, word);
            return;
        }
        let Some(asking) = &mut self.asking else { return };
        if let Some(ground) = asking.asker.hear(now, from, said.number, said.word) {
            let by = self.peers.name(from);
            self.end_asking(Err(Refusal::Declined { by, ground }));
        }
    }

    /// Has control begin a planned hand-over in favour of the node at `from`.
    fn begin_for(&mut self, now: Duration, from: IpAddr) -> Result<Outcome, Refusal> {
        let status = self.status(now);
        may_hand_over(&status, false)?;
        // One that gave up a moment ago has not said yet how it is; it would not ask if it were no better.
        let hopeful = |health: &PeerHealth| matches!(health, PeerHealth::Serving | PeerHealth::NotKnownDead);
        let mut asks = status.peers.into_iter().filter(|peer| peer.address == from);
        let Some(peer) = asks.next().filter(|peer| hopeful(&peer.health)) else {
            return Err(Refusal::NoSuccessor(Vec::new()));
        };
        let (reply, outcome) = oneshot::channel();
        self.requests.try_send(Requested { by: peer.name, reply }).map_err(|_| Refusal::Busy)?;
        Ok(outcome)
    }

    /// This node has entered another state: if somebody waits for the addresses, that is the end of it.
    pub(super) fn note_asked_back(&mut self, state: State, cause: Cause) {
        let Some(asking) = &self.asking else { return };
        let name = self.peers.name(asking.asker.to());
        let asked = asking.asker.to();
        self.end_asking(Ok(match (state, cause) {
            (State::Master, Cause::MasterResigned { from }) if from == asked => AskedBack::HandedBack(name),
            (State::Master, _) => AskedBack::Active(self.named(&cause.to_string())),
            _ => AskedBack::NoAnswer(name),
        }));
    }

    fn end_asking(&mut self, outcome: Result<AskedBack, Refusal>) {
        if let Some(asking) = self.asking.take() {
            // Whoever asked may have gone.
            let _ = asking.reply.send(outcome);
        }
    }

    fn say(&mut self, to: IpAddr, number: u32, word: Word) {
        let virtual_router_id = self.ha.virtual_router_id;
        if let Some(channel) = self.network.channel() {
            // What is lost is asked again; that nothing can be sent is told when an advert fails.
            let _ = channel.send_dialogue(to, Dialogue { virtual_router_id, number, word });
        }
    }
}
