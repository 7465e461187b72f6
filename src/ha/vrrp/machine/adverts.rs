//! What the adverts of others do in each state; RFC 9568 section 6.4.

use std::net::IpAddr;
use std::time::Duration;

use super::super::{Actions, Advert, Cause, State, Takeover, Version};
use super::{Heard, Machine, Resigned, Word};
use crate::limits::ha::OFFER_REST;

impl Machine {
    /// A checked advert.
    pub(super) fn hear(&mut self, advert: &Advert, from: IpAddr, out: &mut Actions) {
        let takes_part = !matches!(self.state, State::Init | State::Fault);
        if !takes_part || from == self.settings.own_address || self.was_overtaken(advert, from) {
            return;
        }
        let Advert { priority, interval, .. } = *advert;
        self.heard = Some(Heard { at: self.now, from, priority, interval });
        if priority == 0 {
            self.note_resignation(from, interval);
        }
        let word = Word { at: self.now, priority, is_handed_over: false, better_since: None };
        self.note_word(from, word);
        match self.state {
            State::Backup if priority == 0 => self.hear_resignation(from, out),
            State::Backup => self.hear_active(advert, from),
            State::Master => self.hear_rival(advert, from, out),
            State::Resigning => self.hear_successor(advert, from, out),
            State::Init | State::Fault => {}
        }
    }

    /// Priority 0 comes three times or more; the first one tells when it was.
    fn note_resignation(&mut self, from: IpAddr, interval: Duration) {
        let priority = self.last_word(from).map(|word| word.priority);
        if priority != Some(0) {
            self.resigned = Some(Resigned { from, priority, until: self.now + interval / 2 });
        }
    }

    /// An advert that was sent before its sender gave up, and arrives later.
    fn was_overtaken(&self, advert: &Advert, from: IpAddr) -> bool {
        self.resigned.is_some_and(|resigned| {
            let may_be_older = resigned.priority.is_none_or(|priority| priority == advert.priority);
            resigned.from == from && advert.priority != 0 && may_be_older && self.now < resigned.until
        })
    }

    /// BACKUP: somebody is active.
    fn hear_active(&mut self, advert: &Advert, from: IpAddr) {
        if self.follows(advert.priority) {
            self.follow(advert, from);
        } else {
            // It is to be preempted, but not at once: what is left of the timer still runs.
            self.expiry = Cause::Preempted { from, priority: advert.priority };
        }
    }

    /// Whether a standby leaves the addresses to an active node of this priority. Equal is enough: the
    /// addresses of the nodes decide between two active ones only.
    fn follows(&mut self, priority: u8) -> bool {
        if priority >= self.priority {
            self.preempt_at = None;
            return true;
        }
        // The owner preempts whatever the file says (RFC 9568 section 6.1, Preempt_Mode).
        if self.handed_over || !(self.settings.preempt || self.is_owner()) {
            return true;
        }
        let preempt_at = *self.preempt_at.get_or_insert(self.now + self.settings.preempt_delay);
        self.now < preempt_at
    }

    /// The active node is alive: the wait for its silence begins anew.
    pub(super) fn follow(&mut self, advert: &Advert, from: IpAddr) {
        self.learn(advert.interval);
        self.followed = Some((from, advert.priority));
        self.expiry = Cause::MasterSilent;
        self.was_late = false;
        self.timer = Some(self.now + self.master_down_interval());
    }

    /// Version 3: a standby counts in the active node's interval. In version 2 both are the same.
    fn learn(&mut self, interval: Duration) {
        if self.settings.version == Version::V3 {
            self.master_interval = interval;
        }
    }

    /// BACKUP: somebody gives up.
    fn hear_resignation(&mut self, from: IpAddr, out: &mut Actions) {
        if self.followed.is_some_and(|(followed, _)| followed != from) {
            return; // It says nothing about the node that we follow.
        }
        let has_others = self.settings.peers.iter().any(|peer| peer.address != from);
        if self.handed_over && !self.asks_back && has_others {
            // They take over first. If none does, what is left of the timer still runs.
            self.expiry = Cause::MasterResigned { from };
            return;
        }
        let is_best = self.best_peer(Some(from)).is_none_or(|peer| peer < self.rank());
        if self.settings.takeover == Takeover::Immediate && is_best {
            self.become_master(Cause::MasterResigned { from }, out);
            return;
        }
        // Never later than before: priority 0 again and again must not put the takeover off.
        let after_skew = self.now + self.skew_time();
        self.timer = Some(self.timer.map_or(after_skew, |timer| timer.min(after_skew)));
        self.expiry = Cause::MasterResigned { from };
    }

    /// MASTER: somebody else speaks.
    fn hear_rival(&mut self, advert: &Advert, from: IpAddr, out: &mut Actions) {
        let Advert { priority, .. } = *advert;
        if priority != 0 && (priority, from) > self.rank() {
            self.yield_to(advert, from, Cause::BetterMaster { from, priority }, out);
        } else if priority != 0 && self.is_listening && self.follows(priority) {
            self.yield_to(advert, from, Cause::TookOverDuringPause { from, priority }, out);
        } else {
            // RFC 9568 section 6.4.3: tell it at once, and the network too if it claimed the addresses.
            self.is_listening = false;
            self.announce_owed |= priority != 0;
            self.answer(out);
        }
    }

    /// A standby says that it lives. An active node that does not serve gives way to one that does: without
    /// `preempt` it would not be asked to. Two that do not serve leave things as they are, and so does one
    /// whose operator wants it to be standby.
    pub(super) fn hear_standby(&mut self, from: IpAddr, said: Word, serves: bool, out: &mut Actions) {
        let Word { priority, is_handed_over, .. } = said;
        let is_wanted = self.state == State::Master && self.lacks_health() && !is_handed_over;
        let is_better = is_wanted && serves && priority > self.priority;
        let before = self.last_word(from).filter(|word| self.is_fresh(word));
        let since = before.and_then(|word| word.better_since).unwrap_or(self.now);
        self.note_word(from, Word { better_since: is_better.then_some(since), ..said });
        let is_due = self.now >= since + self.settings.preempt_delay;
        let is_resting = self.next_offer.is_some_and(|at| self.now < at);
        if is_better && is_due && !is_resting {
            self.resign(false, Cause::BetterStandby { from, priority }, out);
            self.next_offer = Some(self.now + self.master_down_interval() * OFFER_REST);
        }
    }

    /// RESIGNING: is that the successor?
    fn hear_successor(&mut self, advert: &Advert, from: IpAddr, out: &mut Actions) {
        let Advert { priority, .. } = *advert;
        if priority == 0 {
            // Two that resign, after a cut between them, would wait for each other.
            self.become_master(Cause::NobodyTookOver, out);
        } else if self.by_order || (priority, from) > self.rank() {
            self.handed_over |= self.by_order && self.is_remembered;
            self.yield_to(advert, from, Cause::Successor { from, priority }, out);
        } else {
            // It serves no better than we do: as between any two active nodes, the better one stays.
            self.become_master(Cause::NobodyTookOver, out);
        }
    }
}
