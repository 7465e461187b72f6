//! What a listener does with a request: its routes in the order of the file, and what is left to do
//! where none matches. Built by `build`, asked by `proxy::plan` for every request.

use crate::http::answer::Answer;
use crate::http::header_rules::HeaderRules;
use crate::http::redirect::Redirect;
use crate::http::route::{Asked, Conditions};

/// The routes of one listener. The first that matches wins.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Box<[(Conditions, Action)]>,
    /// Where none matches.
    default: Action,
}

/// Number of a route in its listener; one past the last is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteIndex(usize);

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// A server of a backend answers it.
    Forward(Forward),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// torii answers it.
    Answer(Answer),
}

/// A backend, and what is changed on the way to it and back: the listener's rules and its own, in one.
#[derive(Debug, Clone)]
pub struct Forward {
    /// Backend index.
    pub backend: usize,
    /// For requests.
    pub request_headers: Option<HeaderRules>,
    /// For responses.
    pub response_headers: Option<HeaderRules>,
}

impl Routes {
    /// Routes in order, and what happens where none matches.
    pub fn new(routes: Vec<(Conditions, Action)>, default: Action) -> Self {
        Self { routes: routes.into(), default }
    }

    /// No route: every request goes to this backend as it is.
    pub fn to_backend(backend: usize) -> Self {
        Self::new(
            Vec::new(),
            Action::Forward(Forward { backend, request_headers: None, response_headers: None }),
        )
    }

    /// Whether, in tcp mode, the server name that a client asks for decides.
    pub fn need_server_name(&self) -> bool {
        self.routes.iter().any(|(conditions, _)| !conditions.is_empty())
    }

    /// The backend of a connection in tcp mode, whose client asks for this server, or for none if it is
    /// empty; `None` where it is to end. There, hosts are compared with the server name.
    pub fn backend_of_connection(&self, server_name: &[u8]) -> Option<usize> {
        let route = self.find(|| Asked { method: b"", host: server_name, path: b"" });
        match self.action(route) {
            Action::Forward(forward) => Some(forward.backend),
            Action::Redirect(_) | Action::Answer(_) => None,
        }
    }

    /// The first route that matches; `asked` is called only where there are routes.
    #[inline]
    pub fn find<'a>(&self, asked: impl FnOnce() -> Asked<'a>) -> RouteIndex {
        if self.routes.is_empty() {
            return RouteIndex(0);
        }
        let asked = asked();
        let found = self.routes.iter().position(|(conditions, _)| conditions.match_request(&asked));
        RouteIndex(found.unwrap_or(self.routes.len()))
    }

    /// What a route does.
    #[inline]
    pub fn action(&self, index: RouteIndex) -> &Action {
        self.routes.get(index.0).map_or(&self.default, |(_, action)| action)
    }

    /// The rules for responses to requests that took this route.
    #[inline]
    pub fn response_headers(&self, index: RouteIndex) -> Option<&HeaderRules> {
        match self.action(index) {
            Action::Forward(forward) => forward.response_headers.as_ref(),
            Action::Redirect(_) | Action::Answer(_) => None,
        }
    }
}
