//! `torii failover --back` where nodes can speak: what `ha::asking` decides is sent and obeyed here, on
//! both nodes. Control does the hand-over itself, as if its own operator had ordered it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Election, now, unix_ms};
use crate::ha::asking::{Asker, Outcome, Turn};
use crate::ha::order::{AskedBack, Refusal, Requested, may_step_aside, may_take_back};
use crate::ha::transport::dialogue::{Dialogue, Word};
use crate::ha::vrrp::{Cause, Event, State};
use crate::limits::ha_thread::ASK_SPARE;

/// Whom control asked for, and where its answer goes.
pub(super) struct Asking {
    asker: Asker,
    reply: oneshot::Sender<Result<AskedBack, Refusal>>,
}

impl Election {
    /// Begins to ask the active node for the addresses, if it is worse than this one and can be asked.
    pub(super) fn ask_back(&mut self, now: Duration, reply: oneshot::Sender<Result<AskedBack, Refusal>>) {
        let allowed = may_take_back(&self.status(now)).and_then(|()| self.can_take());
        if let Err(refusal) = allowed {
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
        let asker = Asker::new(now, to, unix_ms() as u32, self.asking_limit());
        self.asking = Some(Asking { asker, reply });
        self.handle(now, Event::AskBack(true));
        // It has to know that this one is better.
        self.give_sign_of_life();
        self.keep_asking(now);
    }

    /// How long a hand-over that is asked for may take.
    fn asking_limit(&self) -> Duration {
        self.ha.drain + self.machine.master_down_interval() + ASK_SPARE
    }

    /// Whether this node could have the addresses.
    ///
    /// # Errors
    /// What hinders it.
    pub(super) fn can_take(&self) -> Result<(), Refusal> {
        match self.machine.state() {
            State::Fault => Err(Refusal::CannotTake(self.hindrance.clone().unwrap_or_default())),
            _ => Ok(()),
        }
    }

    /// When the asker has something to do.
    pub(super) fn asking_deadline(&self) -> Option<Duration> {
        self.asking.as_ref().map(|asking| asking.asker.deadline())
    }

    /// Asks again, or gives up; and gives up what nobody asks this node for any more.
    pub(super) fn keep_asking(&mut self, now: Duration) {
        self.answerer.forget(now);
        let Some(asking) = &mut self.asking else { return };
        if asking.reply.is_closed() {
            // Control has called it off.
            return self.end_asking(Err(Refusal::CalledOff));
        }
        match asking.asker.turn(now) {
            Turn::Wait => {}
            Turn::Ask => {
                let (to, number) = (asking.asker.to(), asking.asker.number());
                self.say(to, number, Word::Ask);
            }
            Turn::GiveUp => {
                let by = self.peers.name(asking.asker.to());
                self.end_asking(Err(Refusal::NoAnswer { by }));
            }
            Turn::TookTooLong => {
                let by = self.peers.name(asking.asker.to());
                self.end_asking(Err(Refusal::TookTooLong { by }));
            }
        }
    }

    /// Something was said to this node.
    pub(super) fn hear_word(&mut self, now: Duration, from: IpAddr, said: Dialogue) {
        if said.word == Word::Ask {
            let mut answerer = std::mem::take(&mut self.answerer);
            let limit = self.asking_limit();
            let word = answerer.answer(now, from, said.number, limit, || self.begin_for(now, from));
            self.answerer = answerer;
            self.say(from, said.number, word);
            return;
        }
        let Some(asking) = &mut self.asking else { return };
        if let Some(ground) = asking.asker.hear(from, said.number, said.word) {
            let by = self.peers.name(from);
            self.end_asking(Err(Refusal::Declined { by, ground }));
        }
    }

    /// Has control begin a planned hand-over in favour of the node at `from`.
    fn begin_for(&mut self, now: Duration, from: IpAddr) -> Result<Outcome, Refusal> {
        let by = may_step_aside(&self.status(now), from)?;
        let (reply, outcome) = oneshot::channel();
        self.requests.try_send(Requested { by, from, reply }).map_err(|_| Refusal::Busy)?;
        Ok(outcome)
    }

    /// This node has entered another state: if somebody waits for the addresses, that is the end of it.
    pub(super) fn note_asked_back(&mut self, state: State, cause: Cause) {
        let Some(asking) = &self.asking else { return };
        let (asked, is_agreed) = (asking.asker.to(), asking.asker.is_agreed());
        if state == State::Master && self.address_refused.is_some() {
            return; // It is a fault next.
        }
        let outcome = match (state, cause) {
            (State::Master, Cause::MasterResigned { from }) if from == asked && is_agreed => {
                Ok(AskedBack::HandedBack(self.peers.name(asked)))
            }
            (State::Master, _) => Ok(AskedBack::Active(self.named(&cause.to_string()))),
            (State::Init, _) => Err(Refusal::Ended),
            _ => Err(Refusal::CannotTake(self.hindrance.clone().unwrap_or_default())),
        };
        self.end_asking(outcome);
    }

    fn end_asking(&mut self, outcome: Result<AskedBack, Refusal>) {
        let Some(asking) = self.asking.take() else { return };
        // Nothing is to be done for it.
        let _ = self.machine.handle(now(), Event::AskBack(false));
        // Whoever asked may have gone.
        let _ = asking.reply.send(outcome);
    }

    fn say(&mut self, to: IpAddr, number: u32, word: Word) {
        let virtual_router_id = self.ha.virtual_router_id;
        if let Some(channel) = self.network.channel() {
            // What is lost is asked again; that nothing can be sent is told when an advert fails.
            let _ = channel.send_dialogue(to, Dialogue { virtual_router_id, number, word });
        }
    }
}
