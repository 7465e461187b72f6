//! One worker: from the accepted connection to the last byte of the response.
//!
//! In the order a request meets them:
//! * `spawn` starts a worker's thread; `worker` is what its tasks share; `mailbox` what control says.
//! * `accept` takes connections, `connection` parks the idle ones, `client` is one with or without TLS.
//! * `proxy_header` reads what a balancer in front says of the client, `identity` who that is taken to be.
//! * `opening` is what comes before: PROXY protocol header, TLS handshake.
//! * `session` reads request heads (slow ones are `set_aside`), `plan` decides where a request goes and
//!   rewrites its head.
//! * `exchange` carries one request to a server (`balancer`, `upstream`) and its response back, with
//!   `relay` for bodies, `upload` for requests still arriving (at what `pace`), `respond` for response
//!   heads, and `announced` for servers that want the client's address ahead.
//! * `local` answers what a route has torii answer itself.
//! * `stream` brings a connection in tcp mode to its server, `server_name` says which one a TLS client wants.
//! * `tunnel` relays bytes both ways, in tcp mode or once a protocol was switched; `shared_permit` is what it
//!   holds.
//! * `refusal` is the table of what becomes of a request that gets no server's answer.
//! * `account` turns what happened into counters and one access record.

mod accept;
mod account;
mod announced;
mod balancer;
mod choose;
mod client;
mod connection;
mod exchange;
mod handshake;
mod identity;
mod local;
pub mod mailbox;
mod opening;
mod pace;
mod plan;
mod proxy_header;
mod queue;
mod refusal;
mod relay;
mod respond;
mod server_name;
mod session;
mod set_aside;
mod shared_permit;
pub mod spawn;
mod stream;
mod tunnel;
mod turnstile;
mod upload;
mod upstream;
mod worker;

pub use spawn::{WorkerSpec, spawn};
