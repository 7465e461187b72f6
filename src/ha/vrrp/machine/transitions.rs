//! The ways from state to state, each with its actions in their order, and the active node's adverts.

use std::net::IpAddr;

use super::super::{Action, Actions, Advert, Cause, State, Time};
use super::Machine;
use crate::limits::ha::{ANSWERS_PER_INTERVAL, RESIGN_REPEAT};

impl Machine {
    fn enter(&mut self, state: State, cause: Cause, out: &mut Actions) {
        self.state = state;
        self.since = self.now;
        self.is_listening = false;
        self.announce_owed = false;
        self.restored = None;
        self.preempt_at = None;
        self.was_late = false;
        self.followed = None;
        out.push(Action::Enter { state, cause });
    }

    /// To MASTER. The advert goes first, so that whoever has the addresses lets go of them.
    pub(super) fn become_master(&mut self, cause: Cause, out: &mut Actions) {
        self.send_advert(out);
        out.push(Action::AddAddresses);
        out.push(Action::Announce);
        self.enter(State::Master, cause, out);
        self.handed_over = false;
    }

    /// From MASTER or RESIGNING to BACKUP: another node is active.
    pub(super) fn yield_to(&mut self, advert: &Advert, from: IpAddr, cause: Cause, out: &mut Actions) {
        out.push(Action::RemoveAddresses);
        self.enter(State::Backup, cause, out);
        self.follow(advert, from);
    }

    /// To BACKUP without knowing of anybody who is active.
    pub(super) fn wait_for_master(&mut self, cause: Cause, out: &mut Actions) {
        self.enter(State::Backup, cause, out);
        self.master_interval = self.settings.interval;
        self.expiry = Cause::MasterSilent;
        self.timer = Some(self.now + self.master_down_interval());
    }

    /// From INIT or FAULT to where a node begins. The owner waits for nobody.
    pub(super) fn begin(&mut self, cause: Cause, out: &mut Actions) {
        if self.is_owner() && !self.handed_over {
            self.become_master(Cause::Owner, out);
        } else {
            self.wait_for_master(cause, out);
        }
    }

    /// From MASTER to RESIGNING.
    pub(super) fn resign(&mut self, by_order: bool, cause: Cause, out: &mut Actions) {
        self.send_resignation(out);
        self.enter(State::Resigning, cause, out);
        // Whoever gave up before may be the one who comes now.
        self.resigned = None;
        self.by_order = by_order;
        self.master_interval = self.settings.interval;
        self.resigning_until = self.now + self.master_down_interval();
        self.timer = Some(self.now + self.settings.interval);
    }

    /// RESIGNING: nobody has answered yet. Another one that resigns, after a cut between the two, has to
    /// learn that it is not alone.
    pub(super) fn resign_again(&mut self, out: &mut Actions) {
        out.push(Action::Send { priority: 0, repeat: 1 });
        self.timer = Some((self.now + self.settings.interval).min(self.resigning_until));
    }

    /// From any state to one that takes no part.
    pub(super) fn leave(&mut self, state: State, cause: Cause, out: &mut Actions) {
        self.give_up_addresses(out);
        self.enter(state, cause, out);
        self.timer = None;
    }

    /// MASTER, RESIGNING: tells the others and lets go.
    pub(super) fn give_up_addresses(&mut self, out: &mut Actions) {
        if self.holds_addresses() {
            self.send_resignation(out);
            out.push(Action::RemoveAddresses);
        }
    }

    fn send_resignation(&mut self, out: &mut Actions) {
        out.push(Action::Send { priority: 0, repeat: RESIGN_REPEAT });
    }

    /// MASTER: the advert that was due at `due`. The next one counts from there, so that a late turn of
    /// the thread does not add up.
    pub(super) fn advertise_on_time(&mut self, due: Time, out: &mut Actions) {
        self.is_listening = false;
        self.send_advert(out);
        let next = due + self.settings.interval;
        if next > self.now {
            self.timer = Some(next);
        }
    }

    /// MASTER: an advert that somebody else has provoked: at once, or as soon as the last one is a part
    /// of an interval ago.
    pub(super) fn answer(&mut self, out: &mut Actions) {
        let earliest = self.last_sent + self.settings.interval / ANSWERS_PER_INTERVAL;
        if self.now >= earliest {
            self.send_advert(out);
        } else {
            self.timer = Some(self.timer.map_or(earliest, |timer| timer.min(earliest)));
        }
    }

    fn send_advert(&mut self, out: &mut Actions) {
        out.push(Action::Send { priority: self.priority, repeat: 1 });
        if std::mem::take(&mut self.announce_owed) {
            out.push(Action::Announce);
        }
        self.last_sent = self.now;
        self.timer = Some(self.now + self.settings.interval);
    }
}
