//! What our own side does to the machine: start, health, faults, the operator, a lost address.

use super::super::{Action, Actions, Cause, State};
use super::Machine;

impl Machine {
    pub(super) fn start(&mut self, out: &mut Actions) {
        match self.state {
            State::Init if self.is_faulty => self.leave(State::Fault, Cause::Fault, out),
            State::Init => self.begin(Cause::Started, out),
            State::Backup | State::Master | State::Resigning | State::Fault => {}
        }
    }

    /// Our effective priority is another now. The owner's is not health's to change.
    pub(super) fn change_priority(&mut self, priority: u8, out: &mut Actions) {
        if self.is_owner() {
            return;
        }
        let old_priority = self.priority;
        let old_skew = self.skew_time();
        self.priority = Self::clamped(priority);
        let is_beaten = self.best_peer(None).is_some_and(|peer| peer.0 > self.priority);
        match self.state {
            State::Backup => {
                // The wait moves by the difference of the skew times, as in keepalived.
                self.timer = self.timer.map(|timer| (timer + self.skew_time()).saturating_sub(old_skew));
            }
            State::Master if self.priority < old_priority && is_beaten => {
                let cause = Cause::OwnPriorityFell { priority: self.priority };
                self.resign(false, cause, out);
            }
            State::Resigning if !self.by_order && !is_beaten => self.become_master(Cause::Recovered, out),
            State::Master | State::Resigning | State::Init | State::Fault => {}
        }
    }

    pub(super) fn change_fault(&mut self, is_faulty: bool, out: &mut Actions) {
        self.is_faulty = is_faulty;
        match (self.state, is_faulty) {
            (State::Backup | State::Master | State::Resigning, true) => {
                self.leave(State::Fault, Cause::Fault, out);
            }
            (State::Fault, false) => self.begin(Cause::FaultCleared, out),
            _ => {}
        }
    }

    /// Only an active node has something to hand over, and only to somebody.
    pub(super) fn hand_over(&mut self, is_remembered: bool, cause: Cause, out: &mut Actions) {
        match self.state {
            State::Master if !self.settings.peers.is_empty() => {
                self.resign(true, cause, out);
                self.is_remembered = is_remembered;
            }
            State::Resigning => (self.by_order, self.is_remembered) = (true, is_remembered),
            State::Master | State::Init | State::Backup | State::Fault => {}
        }
    }

    /// Takes the addresses at once from an active node of lower priority, also without `preempt`: that is
    /// what the operator asks for. From a better one they come when it gives up.
    pub(super) fn take_back(&mut self, out: &mut Actions) {
        self.handed_over = false;
        match self.state {
            State::Backup if self.followed.is_some_and(|(_, priority)| priority < self.priority) => {
                self.become_master(Cause::TakenBack, out);
            }
            State::Resigning if self.by_order => self.become_master(Cause::TakenBack, out),
            _ => {}
        }
    }

    pub(super) fn shut_down(&mut self, out: &mut Actions) {
        self.handed_over = false;
        if self.state != State::Init {
            self.leave(State::Init, Cause::Shutdown, out);
        }
    }

    /// However many addresses were lost at once: one event.
    pub(super) fn restore_address(&mut self, out: &mut Actions) {
        if !self.holds_addresses() {
            return;
        }
        let patience = self.master_down_interval();
        if self.restored.is_some_and(|at| self.now.saturating_sub(at) < patience) {
            self.give_up_addresses(out);
            self.wait_for_master(Cause::AddressLost, out);
            self.timer = Some(self.now + self.skew_time());
            return;
        }
        self.restored = Some(self.now);
        out.push(Action::AddAddresses);
        out.push(Action::Announce);
    }
}
