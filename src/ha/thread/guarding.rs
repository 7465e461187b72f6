//! The guard process, as the election cares for it: is it there, and does it know the interface.

use std::time::Duration;

use super::Election;
use crate::ha::guard::News;
use crate::observe::log::Level;

impl Election {
    /// Sees whether the guard lives; has it replaced when it does not, or when the interface is another one.
    pub(super) fn look_at_guard(&mut self, now: Duration) {
        if let Some(interface) = self.network.interface() {
            self.guard.follow(&self.ha, self.own, interface);
        }
        let Some(news) = self.guard.look(now) else { return };
        self.report.make_due();
        match news {
            News::Died => self.notices.notice(
                Level::Warning,
                "pair: the guard process has died (was it killed, or was there no memory?); another one is \
                 being started",
            ),
            News::Replaced => self.notices.notice(Level::Notice, "pair: the guard process was replaced"),
            News::Unguarded(_) => self.tell_whether_guarded(),
        }
    }

    /// Says that there is no guard, and what that means.
    pub(super) fn tell_whether_guarded(&self) {
        let Some(reason) = self.guard.unguarded() else { return };
        self.notices.notice(
            Level::Warning,
            format!(
                "pair: there is no guard process: {reason}. Should torii die while it is active, the other node \
                 has to wait until adverts are missing, and this machine goes on answering for the addresses"
            ),
        );
    }
}
