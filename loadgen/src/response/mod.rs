//! Answers, and the framing of requests, as an independent judge reads them: heads by httparse, framing by
//! RFC 9112 section 6.3.
//!
//! No socket and no clock: bytes go in as they come, and out come the head's fields, pieces of the
//! body, and one of three ends. The proxy that is measured has a parser of its own; a fault of one
//! is not hidden by the same fault in the other.

mod chunked;
mod framing;
mod reader;

pub use chunked::Chunked;
pub use framing::{Framing, decide_request};
pub use reader::{Fault, Fed, Reader, Sink};
