//! Orders of control: hand over, take back, shut down. Each is answered once.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Election;
use crate::ha::bell::Visitor;
use crate::ha::order::{HandedOver, ORDERS_MAX, Order, Refusal, TakenBack};
use crate::ha::order::{may_hand_over, may_step_aside, may_take_back};
use crate::ha::vrrp::{Event, State};

impl Election {
    /// Does what was asked for.
    pub(super) fn obey(&mut self, now: Duration) {
        // As many as can wait, and one that came meanwhile.
        for _ in 0..=ORDERS_MAX {
            match self.doorbell.answer() {
                Visitor::Order(order) => self.carry_out(now, order),
                Visitor::Deserted => return self.shut_down(now),
                Visitor::Nobody => return,
            }
            if self.is_over {
                return;
            }
        }
    }

    fn carry_out(&mut self, now: Duration, order: Order) {
        self.report.make_due();
        match order {
            Order::HandOver { force, reply } => {
                if let Err(refusal) = may_hand_over(&self.status(now), force) {
                    let _ = reply.send(Err(refusal));
                    return;
                }
                self.resign(now, Event::HandOver, reply);
            }
            Order::StepAside { to, reply } => match may_step_aside(&self.status(now), to) {
                Ok(_) => self.resign(now, Event::StepAside { by: to }, reply),
                Err(refusal) => {
                    let _ = reply.send(Err(refusal));
                }
            },
            Order::AskBack { reply } => self.ask_back(now, reply),
            Order::TakeBack { reply } => {
                let _ = reply.send(self.take_back(now));
            }
            Order::Errand(errand) => errand.0(),
            Order::Shutdown { reply } => {
                self.shut_down(now);
                let _ = reply.send(());
            }
        }
    }

    fn resign(
        &mut self,
        now: Duration,
        event: Event<'_>,
        reply: oneshot::Sender<Result<HandedOver, Refusal>>,
    ) {
        self.handle(now, event);
        if self.machine.state() == State::Resigning {
            self.hand_over = Some(reply);
        } else {
            let _ = reply.send(Ok(HandedOver::NobodyTookIt));
        }
    }

    fn take_back(&mut self, now: Duration) -> Result<TakenBack, Refusal> {
        if self.machine.state() == State::Master {
            return Ok(TakenBack::Already);
        }
        may_take_back(&self.status(now))?;
        self.can_take()?;
        self.handle(now, Event::TakeBack);
        // The kernel may have refused the addresses.
        self.can_take()?;
        Ok(if self.machine.state() == State::Master { TakenBack::AtOnce } else { TakenBack::Stands })
    }

    /// Gives everything up; the loop ends.
    fn shut_down(&mut self, now: Duration) {
        self.is_over = true;
        self.handle(now, Event::Shutdown);
        // Whatever the machine believed: nothing of ours stays behind.
        if self.network.holds_addresses() {
            let _ = self.network.remove_addresses();
        }
        self.guard.end();
        self.give_sign_of_life();
        (self.hand_over, self.asking) = (None, None);
        self.publish(now);
    }
}
