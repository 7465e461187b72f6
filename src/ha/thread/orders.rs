//! Orders of control: hand over, take back, shut down. Each is answered once.

use std::time::Duration;

use super::Election;
use crate::ha::bell::Visitor;
use crate::ha::order::{HandedOver, ORDERS_MAX, Order, may_hand_over, may_take_back};
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
                self.handle(now, Event::HandOver);
                if self.machine.state() == State::Resigning {
                    self.hand_over = Some(reply);
                } else {
                    let _ = reply.send(Ok(HandedOver::NobodyTookIt));
                }
            }
            Order::TakeBack { reply } => {
                let allowed = may_take_back(&self.status(now));
                if allowed.is_ok() {
                    self.handle(now, Event::TakeBack);
                }
                let _ = reply.send(allowed);
            }
            Order::Errand(errand) => errand.0(),
            Order::Shutdown { reply } => {
                self.shut_down(now);
                let _ = reply.send(());
            }
        }
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
        self.hand_over = None;
        self.publish(now);
    }
}
