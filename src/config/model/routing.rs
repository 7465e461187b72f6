//! Routes and redirects, checked.

use crate::http::answer::Answer;
use crate::http::redirect::{RedirectStatus, RedirectTo};
use crate::http::route::Conditions;

/// A route of a listener; the first that matches wins.
#[derive(Debug, Clone)]
pub struct Route {
    /// When it matches.
    pub conditions: Conditions,
    /// What is done then.
    pub action: Action,
}

/// What a listener does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Index into `Config::backends`.
    Backend(usize),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// torii answers.
    Answer(Answer),
}

/// Where a client is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Place.
    pub to: RedirectTo,
    /// Status.
    pub status: RedirectStatus,
}
