//! The bundled web server: fast, and as slow, chunked or chatty as it is told to be.
//!
//! For demos, benches and tests: what it answers is rendered before the first request, and it says
//! who it is. It is no web server for anything else.

mod answers;
mod connection;
mod delay;
mod request;
mod server;

pub use answers::AnswerShape;
pub use delay::Delay;
pub use server::{Origin, OriginPlan};
