//! What is done with the parts of an answer as they come: expectations, cookies, persistence.

use std::time::SystemTime;

use httparse::Header;

use super::connection::InFlight;
use super::plan::Plan;
use crate::measure::{Check, ErrorClass, Recorder};
use crate::request::{BodyCheck, Jar, Persistence, Verdict, concerns};
use crate::response::Sink;

/// The parts of a worker that an answer concerns.
pub struct Answer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) recorder: &'a mut Recorder,
    pub(super) persistence: &'a mut Persistence,
    pub(super) jar: Option<&'a mut Jar>,
    pub(super) request: &'a mut InFlight,
    pub(super) body: Option<&'a mut BodyCheck>,
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
        let rule = self.plan.persistence.as_ref();
        let (mut is_set, mut is_named) = (false, false);
        for field in fields {
            if let Some(jar) = &mut self.jar
                && field.name.eq_ignore_ascii_case("set-cookie")
            {
                jar.obey(field.value, SystemTime::now);
                is_set |= rule.is_some_and(|rule| concerns(field.value, rule.cookie.as_bytes()));
            }
            if let Some(name) = &self.plan.server_field
                && field.name.eq_ignore_ascii_case(name)
            {
                self.request.server = self.recorder.server(field.value.trim_ascii());
                is_named = true;
            }
        }
        // Judged whatever else is wrong: what an answer teaches holds for the next ones.
        let broken = rule.and_then(|_| self.judge_persistence(is_set, is_named));
        let fault = self.plan.expectations.judge_fields(fields).or(broken);
        self.request.fault = self.request.fault.or(fault);
    }

    fn judge_persistence(&mut self, is_set: bool, is_named: bool) -> Option<ErrorClass> {
        let request = &mut *self.request;
        // An answer that does not say whose it is proves nothing, and that is told.
        let Some(server) = request.server else {
            if is_set {
                self.persistence.forget(request.user);
            }
            let check = if is_named { Check::Servers } else { Check::Header };
            return Some(ErrorClass::CheckFailed(check));
        };
        let verdict = self.persistence.judge(request.user, request.claim, is_set, server);
        request.verdict = Some(verdict);
        matches!(verdict, Verdict::Broken { .. }).then_some(ErrorClass::WrongServer)
    }
}
