//! Sans-IO HTTP/1.1: bytes in, decisions and bytes out. No socket, no clock, no allocation on the
//! steady path. `proxy` drives it; fuzzers and tables test it at full speed.
//!
//! * `scan` finds delimiters, `head` holds what a parsed head is made of, `request` and `response`
//!   parse one, `obsolete` rewrites
//!   what old servers still write, `framing` decides how its body is delimited, once.
//! * `chunked` follows a chunked body, `cookie` and `cacheable` answer persistence's questions.
//! * `upgrade` decides which protocols may be offered and accepted.
//! * `route` says which requests a route is about, `header_rules` which fields the configuration changes.
//! * `rewrite` writes the head that is forwarded, `answer` and `redirect` the responses that are our
//!   own, `error_page` the operator's bodies for them.

pub mod answer;
pub mod cacheable;
pub mod chunked;
pub mod cookie;
pub mod error_page;
pub mod fields;
pub mod forwarded;
pub mod framing;
pub mod head;
pub mod header_rules;
pub mod obsolete;
pub mod redirect;
pub mod request;
pub mod response;
pub mod rewrite;
pub mod route;
pub mod scan;
pub mod target;
pub mod upgrade;
