//! What is done with the parts of an answer as they come: expectations, cookies, persistence.

use httparse::Header;

use super::connection::InFlight;
use super::plan::Plan;
use crate::measure::{Check, ErrorClass, Recorder};
use crate::request::{BodyCheck, Jar, Persistence, Verdict};
use crate::response::Sink;

/// The parts of a worker that an answer concerns.
pub struct Answer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) recorder: &'a mut Recorder,
    pub(super) persistence: &'a mut Persistence,
    pub(super) jar: Option<&'a mut Jar>,
    pub(super) request: &'a mut InFlight,
    pub(super) body: Option<&'a mut BodyCheck>,
    pub(super) sent_cookie: &'a [u8],
}

impl Sink for Answer<'_> {
    #[inline]
    fn head(&mut self, status: u16, fields: &[Header<'_>]) {
        self.request.fault = self.plan.expectations.judge_status(status);
        if self.plan.looks_at_fields() {
            self.look_at(fields);
        }
    }

    #[inline]
    fn body(&mut self, piece: &[u8]) {
        if let Some(body) = &mut self.body {
            body.feed(piece, &self.plan.expectations);
        }
    }
}

impl Answer<'_> {
    fn look_at(&mut self, fields: &[Header<'_>]) {
        for field in fields {
            if let Some(jar) = &mut self.jar
                && field.name.eq_ignore_ascii_case("set-cookie")
            {
                jar.obey(field.value);
            }
            if let Some(name) = &self.plan.server_field
                && field.name.eq_ignore_ascii_case(name)
            {
                self.request.server = self.recorder.server(field.value.trim_ascii());
            }
        }
        let fault = self.plan.expectations.judge_fields(fields).or_else(|| self.judge_persistence());
        self.request.fault = self.request.fault.or(fault);
    }

    fn judge_persistence(&mut self) -> Option<ErrorClass> {
        let rule = self.plan.persistence.as_ref()?;
        // An answer that does not say whose it is proves nothing, and that is told.
        let Some(server) = self.request.server else {
            return Some(ErrorClass::CheckFailed(Check::Header));
        };
        let sent = (!self.sent_cookie.is_empty()).then_some(self.sent_cookie);
        let set = self.jar.as_ref().and_then(|jar| jar.value(rule.cookie.as_bytes()));
        match self.persistence.judge(sent, set, server) {
            Verdict::Kept => None,
            Verdict::Broken { .. } => Some(ErrorClass::WrongServer),
        }
    }
}
