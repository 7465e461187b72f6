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
//! number is known. Both ends give up: the asker after so many asks without an answer, or so many in all
//! (asks, not time: whose machine stood still heard nothing, and has to be given another chance); the
//! active node when nobody asks any more, or when the hand-over takes longer than it may.

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
    /// Asks that are left in all, and how many of them were not answered in a row.
    left: u32,
    unanswered: u32,
    is_agreed: bool,
}

/// Asks in a row that may stay without an answer.
const UNANSWERED_MAX: u32 = (ASK_PATIENCE.as_millis() / ASK_AGAIN.as_millis()) as u32;

/// What the asker does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Wait,
    /// Asks, again.
    Ask,
    /// Has heard nothing for too long.
    GiveUp,
    /// Was told that it is under way, for longer than that may take.
    TookTooLong,
}

impl Asker {
    /// Asks `to` from `now` on, for `limit` at most; `number` is another one each time.
    pub fn new(now: Duration, to: IpAddr, number: u32, limit: Duration) -> Self {
        let left = u32::try_from(limit.as_millis() / ASK_AGAIN.as_millis()).unwrap_or(u32::MAX);
        Self { to, number, next_at: now, left, unanswered: 0, is_agreed: false }
    }

    /// Who is asked.
    pub const fn to(&self) -> IpAddr {
        self.to
    }

    /// Of this dialogue.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether a planned hand-over was promised.
    pub const fn is_agreed(&self) -> bool {
        self.is_agreed
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
        if self.unanswered == UNANSWERED_MAX {
            return Turn::GiveUp;
        }
        if self.left == 0 {
            return if self.is_agreed { Turn::TookTooLong } else { Turn::GiveUp };
        }
        self.left -= 1;
        self.unanswered += 1;
        self.next_at = now + ASK_AGAIN;
        Turn::Ask
    }

    /// An answer. Returns why nothing is handed over, when it says so.
    pub fn hear(&mut self, from: IpAddr, number: u32, word: Word) -> Option<Ground> {
        if from != self.to || number != self.number {
            return None;
        }
        match word {
            Word::Ask => None,
            Word::Agreed => {
                (self.unanswered, self.is_agreed) = (0, true);
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
    /// When it was last asked, and until when it may be under way.
    asked_at: Duration,
    until: Duration,
    state: Asking,
}

#[derive(Debug)]
enum Asking {
    UnderWay(Outcome),
    Over(Ground),
}

impl Answerer {
    /// The answer to an ask. `begin` is called for one that is new, and begins a hand-over, which may take
    /// `limit`.
    pub fn answer(
        &mut self,
        now: Duration,
        from: IpAddr,
        number: u32,
        limit: Duration,
        begin: impl FnOnce() -> Result<Outcome, Refusal>,
    ) -> Word {
        self.forget(now);
        let is_known = |asked: &&mut Asked| asked.from == from && asked.number == number;
        if let Some(asked) = self.0.as_mut().filter(is_known) {
            asked.asked_at = now;
        } else {
            if self.word() == Some(Word::Agreed) {
                return Word::Declined(Ground::Busy);
            }
            let state = match begin() {
                Ok(outcome) => Asking::UnderWay(outcome),
                Err(refusal) => Asking::Over(ground(&refusal)),
            };
            self.0 = Some(Asked { from, number, asked_at: now, until: now + limit, state });
        }
        self.word().unwrap_or(Word::Declined(Ground::Busy))
    }

    /// Gives up a hand-over for somebody who asks no more, or that takes too long: its begin is told by the
    /// end of `Outcome`.
    pub fn forget(&mut self, now: Duration) {
        let Some(asked) = &mut self.0 else { return };
        let is_over = now >= asked.until || now.saturating_sub(asked.asked_at) >= ASK_PATIENCE;
        // What is over already keeps its answer.
        if is_over && self.word() == Some(Word::Agreed) {
            self.end_with(Ground::Busy);
        }
    }

    fn end_with(&mut self, ground: Ground) {
        if let Some(asked) = &mut self.0 {
            asked.state = Asking::Over(ground);
        }
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
        Refusal::Busy
        | Refusal::Ended
        | Refusal::CalledOff
        | Refusal::CannotTake(_)
        | Refusal::NoAnswer { .. }
        | Refusal::TookTooLong { .. }
        | Refusal::Declined { .. } => Ground::Busy,
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

    const LIMIT: Duration = Duration::from_secs(10);

    /// Lets it ask until it no longer does, answered so many times. Returns how it ends, and the asks.
    fn ask(asker: &mut Asker, mut answers: u32, distance: Duration) -> (Turn, u32) {
        let (mut now, mut asked) = (asker.deadline(), 0);
        loop {
            match asker.turn(now) {
                Turn::Ask => asked += 1,
                Turn::Wait => panic!("its deadline is not when it is due"),
                end => return (end, asked),
            }
            assert_eq!(asker.turn(now), Turn::Wait);
            if answers > 0 {
                answers -= 1;
                assert_eq!(asker.hear(node(12), 7, Word::Agreed), None);
            }
            assert_eq!(asker.deadline(), now + ASK_AGAIN);
            now += distance.max(ASK_AGAIN);
        }
    }

    #[test]
    fn an_asker_asks_again_and_gives_up_without_an_answer() {
        let mut asker = Asker::new(ms(5000), node(12), 7, LIMIT);
        assert_eq!(ask(&mut asker, 0, ASK_AGAIN), (Turn::GiveUp, UNANSWERED_MAX));
        assert!(!asker.is_agreed());
        // However long its machine stands still between two asks.
        let mut asker = Asker::new(ms(5000), node(12), 7, LIMIT);
        assert_eq!(ask(&mut asker, 0, LIMIT), (Turn::GiveUp, UNANSWERED_MAX));
    }

    #[test]
    fn an_answer_keeps_the_asker_waiting_but_not_for_ever() {
        let mut asker = Asker::new(ms(0), node(12), 7, LIMIT);
        assert_eq!(ask(&mut asker, 30, ASK_AGAIN), (Turn::GiveUp, 30 + UNANSWERED_MAX));
        let mut asker = Asker::new(ms(0), node(12), 7, LIMIT);
        assert_eq!(ask(&mut asker, u32::MAX, ASK_AGAIN), (Turn::TookTooLong, 100));
        assert!(asker.is_agreed());
    }

    #[test]
    fn only_the_right_answer_counts() {
        let mut asker = Asker::new(ms(0), node(12), 7, LIMIT);
        assert_eq!(asker.hear(node(13), 7, Word::Agreed), None);
        assert_eq!(asker.hear(node(12), 6, Word::Agreed), None);
        assert_eq!(asker.hear(node(12), 6, Word::Declined(Ground::Busy)), None, "of another time");
        assert!(!asker.is_agreed());
        assert_eq!(asker.hear(node(12), 7, Word::Declined(Ground::Busy)), Some(Ground::Busy));
    }

    #[test]
    fn what_nobody_asks_for_any_more_and_what_takes_too_long_is_given_up() {
        let under_way = |answerer: &mut Answerer| {
            let (end, outcome) = oneshot::channel();
            assert_eq!(answerer.answer(ms(0), node(11), 7, LIMIT, || Ok(outcome)), Word::Agreed);
            end
        };
        let never = || panic!("begun twice");
        let mut answerer = Answerer::default();
        let end = under_way(&mut answerer);
        assert_eq!(answerer.answer(ms(1500), node(11), 7, LIMIT, never), Word::Agreed);
        answerer.forget(ms(3499));
        assert!(!end.is_closed());
        answerer.forget(ms(3500));
        assert!(end.is_closed());
        let mut answerer = Answerer::default();
        let end = under_way(&mut answerer);
        for time in (0..10_000).step_by(100) {
            assert_eq!(answerer.answer(ms(time), node(11), 7, LIMIT, never), Word::Agreed);
        }
        let word = answerer.answer(LIMIT, node(11), 7, LIMIT, never);
        assert_eq!(word, Word::Declined(Ground::Busy));
        assert!(end.is_closed());
        // The answer of what was over before lasts.
        let mut answerer = Answerer::default();
        under_way(&mut answerer).send(Err(Refusal::NobodyTookIt)).unwrap();
        let word = answerer.answer(LIMIT, node(11), 7, LIMIT, never);
        assert_eq!(word, Word::Declined(Ground::NobodyTookIt));
    }

    #[test]
    fn an_ask_that_is_repeated_begins_one_hand_over_and_learns_its_end() {
        let mut answerer = Answerer::default();
        let (end, outcome) = oneshot::channel();
        assert_eq!(answerer.answer(ms(0), node(11), 7, LIMIT, || Ok(outcome)), Word::Agreed);
        let never = || panic!("begun twice");
        assert_eq!(answerer.answer(ms(0), node(11), 7, LIMIT, never), Word::Agreed);
        assert_eq!(answerer.answer(ms(0), node(13), 7, LIMIT, never), Word::Declined(Ground::Busy));
        assert_eq!(answerer.answer(ms(0), node(11), 8, LIMIT, never), Word::Declined(Ground::Busy));
        end.send(Err(Refusal::NobodyTookIt)).unwrap();
        for _ in 0..2 {
            assert_eq!(
                answerer.answer(ms(0), node(11), 7, LIMIT, never),
                Word::Declined(Ground::NobodyTookIt)
            );
        }
        // The next order of an operator is another ask.
        let (end, outcome) = oneshot::channel();
        assert_eq!(answerer.answer(ms(0), node(11), 8, LIMIT, || Ok(outcome)), Word::Agreed);
        end.send(Ok(())).unwrap();
        assert_eq!(answerer.answer(ms(0), node(11), 8, LIMIT, never), Word::Declined(Ground::NotActive));
    }

    #[test]
    fn a_refusal_is_told_with_its_ground_and_does_not_last() {
        let mut answerer = Answerer::default();
        let refused = answerer.answer(ms(0), node(11), 7, LIMIT, || Err(Refusal::NoSuccessor(Vec::new())));
        assert_eq!(refused, Word::Declined(Ground::NoSuccessor));
        let (end, outcome) = oneshot::channel();
        assert_eq!(answerer.answer(ms(0), node(11), 8, LIMIT, || Ok(outcome)), Word::Agreed);
        drop(end);
        assert_eq!(
            answerer.answer(ms(0), node(11), 8, LIMIT, || Err(Refusal::Busy)),
            Word::Declined(Ground::Busy)
        );
    }
}
