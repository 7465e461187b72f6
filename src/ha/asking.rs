//! Asking the active node for the shared addresses, and answering who asks: both ends of a dialogue.
//!
//! Without I/O: the time is an argument, and what is to be sent is returned. Driven by the ha thread.
//!
//! ```text
//! standby: torii failover --back               active node
//!    Ask ──── each 100 ms ────────────────▶  first time: control begins a planned hand-over
//!        ◀──────────── Agreed ─────────────  while it is under way
//!        ◀── Declined ─────────────────────  it did not begin, or nobody took over
//!        ◀── priority 0 (an advert) ───────  it ends: the standby takes over, and asks no more
//! ```
//!
//! A datagram may be lost in either direction: an ask that is repeated begins nothing anew, because its
//! number is known. Who hears nothing for `ASK_PATIENCE` gives up.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::order::Refusal;
use super::transport::dialogue::{Ground, Word};
use crate::limits::ha_thread::{ASK_AGAIN, ASK_PATIENCE};

/// The standby's end.
#[derive(Debug)]
pub struct Asker {
    to: IpAddr,
    number: u32,
    next_at: Duration,
    heard_at: Duration,
}

/// What the asker does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Wait,
    /// Asks, again.
    Ask,
    /// Has heard nothing for too long.
    GiveUp,
}

impl Asker {
    /// Asks `to` from `now` on; `number` is another one each time.
    pub const fn new(now: Duration, to: IpAddr, number: u32) -> Self {
        Self { to, number, next_at: now, heard_at: now }
    }

    /// Who is asked.
    pub const fn to(&self) -> IpAddr {
        self.to
    }

    /// Of this dialogue.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// When `turn` is wanted next.
    pub const fn deadline(&self) -> Duration {
        self.next_at
    }

    /// What is to be done.
    pub fn turn(&mut self, now: Duration) -> Turn {
        if now < self.next_at {
            return Turn::Wait;
        }
        if now.saturating_sub(self.heard_at) >= ASK_PATIENCE {
            return Turn::GiveUp;
        }
        self.next_at = now + ASK_AGAIN;
        Turn::Ask
    }

    /// An answer. Returns why nothing is handed over, when it says so.
    pub fn hear(&mut self, now: Duration, from: IpAddr, number: u32, word: Word) -> Option<Ground> {
        if from != self.to || number != self.number {
            return None;
        }
        match word {
            Word::Ask => None,
            Word::Agreed => {
                self.heard_at = now;
                None
            }
            Word::Declined(ground) => Some(ground),
        }
    }
}

/// How a hand-over that was begun for somebody ends.
pub type Outcome = oneshot::Receiver<Result<(), Refusal>>;

/// The active node's end: remembers the last one who asked.
#[derive(Debug, Default)]
pub struct Answerer(Option<Asked>);

#[derive(Debug)]
struct Asked {
    from: IpAddr,
    number: u32,
    state: Asking,
}

#[derive(Debug)]
enum Asking {
    UnderWay(Outcome),
    Over(Ground),
}

impl Answerer {
    /// The answer to an ask. `begin` is called for one that is new, and begins a hand-over.
    pub fn answer(
        &mut self,
        from: IpAddr,
        number: u32,
        begin: impl FnOnce() -> Result<Outcome, Refusal>,
    ) -> Word {
        let is_known = |asked: &Asked| asked.from == from && asked.number == number;
        if !self.0.as_ref().is_some_and(is_known) {
            if self.word() == Some(Word::Agreed) {
                return Word::Declined(Ground::Busy);
            }
            let state = match begin() {
                Ok(outcome) => Asking::UnderWay(outcome),
                Err(refusal) => Asking::Over(ground(&refusal)),
            };
            self.0 = Some(Asked { from, number, state });
        }
        self.word().unwrap_or(Word::Declined(Ground::Busy))
    }

    /// What whoever asked last is told now.
    fn word(&mut self) -> Option<Word> {
        let asked = self.0.as_mut()?;
        if let Asking::UnderWay(outcome) = &mut asked.state {
            let over = match outcome.try_recv() {
                Err(TryRecvError::Empty) => return Some(Word::Agreed),
                // It has gone to somebody: who asked will see to whom.
                Ok(Ok(())) => Ground::NotActive,
                Ok(Err(refusal)) => ground(&refusal),
                Err(TryRecvError::Closed) => Ground::Busy,
            };
            asked.state = Asking::Over(over);
        }
        match asked.state {
            Asking::Over(ground) => Some(Word::Declined(ground)),
            Asking::UnderWay(_) => None,
        }
    }
}

const fn ground(refusal: &Refusal) -> Ground {
    match refusal {
        Refusal::NotActive(_) | Refusal::NothingHandedOver => Ground::NotActive,
        Refusal::NoSuccessor(_) | Refusal::SuccessorUnknown(_) => Ground::NoSuccessor,
        Refusal::NobodyTookIt => Ground::NobodyTookIt,
        Refusal::Busy | Refusal::Ended | Refusal::Declined { .. } => Ground::Busy,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn node(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn an_asker_asks_again_and_gives_up_without_an_answer() {
        let mut asker = Asker::new(ms(5000), node(12), 7);
        let mut asked = 0;
        loop {
            let now = asker.deadline();
            match asker.turn(now) {
                Turn::Ask => asked += 1,
                Turn::GiveUp => {
                    assert_eq!(now, ms(5000) + ASK_PATIENCE);
                    break;
                }
                Turn::Wait => panic!("its deadline is not when it is due"),
            }
            assert_eq!(asker.turn(now), Turn::Wait);
        }
        assert_eq!(asked, ASK_PATIENCE.as_millis() / ASK_AGAIN.as_millis());
    }

    #[test]
    fn an_answer_keeps_the_asker_waiting_and_only_the_right_one_does() {
        let mut asker = Asker::new(ms(0), node(12), 7);
        let late = ASK_PATIENCE - ms(1);
        assert_eq!(asker.hear(late, node(12), 7, Word::Agreed), None);
        assert_eq!(asker.turn(ASK_PATIENCE), Turn::Ask);
        assert_eq!(asker.hear(late + ASK_PATIENCE, node(13), 7, Word::Agreed), None);
        assert_eq!(asker.hear(late + ASK_PATIENCE, node(12), 6, Word::Agreed), None);
        assert_eq!(asker.hear(late, node(12), 6, Word::Declined(Ground::Busy)), None, "of another time");
        assert_eq!(asker.turn(late + ASK_PATIENCE), Turn::GiveUp);
        assert_eq!(asker.hear(late, node(12), 7, Word::Declined(Ground::Busy)), Some(Ground::Busy));
    }

    #[test]
    fn an_ask_that_is_repeated_begins_one_hand_over_and_learns_its_end() {
        let mut answerer = Answerer::default();
        let (end, outcome) = oneshot::channel();
        assert_eq!(answerer.answer(node(11), 7, || Ok(outcome)), Word::Agreed);
        let never = || panic!("begun twice");
        assert_eq!(answerer.answer(node(11), 7, never), Word::Agreed);
        assert_eq!(answerer.answer(node(13), 7, never), Word::Declined(Ground::Busy));
        assert_eq!(answerer.answer(node(11), 8, never), Word::Declined(Ground::Busy));
        end.send(Err(Refusal::NobodyTookIt)).unwrap();
        for _ in 0..2 {
            assert_eq!(answerer.answer(node(11), 7, never), Word::Declined(Ground::NobodyTookIt));
        }
        // The next order of an operator is another ask.
        let (end, outcome) = oneshot::channel();
        assert_eq!(answerer.answer(node(11), 8, || Ok(outcome)), Word::Agreed);
        end.send(Ok(())).unwrap();
        assert_eq!(answerer.answer(node(11), 8, never), Word::Declined(Ground::NotActive));
    }

    #[test]
    fn a_refusal_is_told_with_its_ground_and_does_not_last() {
        let mut answerer = Answerer::default();
        let refused = answerer.answer(node(11), 7, || Err(Refusal::NoSuccessor(Vec::new())));
        assert_eq!(refused, Word::Declined(Ground::NoSuccessor));
        let (end, outcome) = oneshot::channel();
        assert_eq!(answerer.answer(node(11), 8, || Ok(outcome)), Word::Agreed);
        drop(end);
        assert_eq!(answerer.answer(node(11), 8, || Err(Refusal::Busy)), Word::Declined(Ground::Busy));
    }
}
