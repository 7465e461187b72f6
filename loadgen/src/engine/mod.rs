//! What sends requests: a thread per core, each with its own connections, and nothing shared.
//!
//! ```text
//!            ┌──────────────── one thread (worker) ────────────────┐
//! schedule ─▶│ launch ─▶ free connection? ─▶ write ──▶ socket      │
//!            │    │no        ▲                            │       │
//!            │    ├▶ open ───┘ (up to the limit)          ▼       │
//!            │    └▶ queue ──▶ as soon as one is free   receive   │─▶ Recorder
//!            └──────────────────── epoll ─────────────────────────┘
//! ```
//!
//! A thread is one loop over epoll, not the proxy's runtime (monoio): it sleeps until a planned nanosecond,
//! where monoio's timers count milliseconds and wake 1.2 ms late in the middle; it sees at once when a server
//! closes an idle connection; and it shares no code of the path it measures. A request costs the same with
//! either.
//! Steady requests cost one write, one read and their part of a wait; nothing is locked, formatted or
//! allocated for them (rustls allocates each record that it decrypts).

mod answer;
mod clock;
mod connection;
mod exchange;
mod faults;
mod launch;
mod observer;
mod plan;
mod pool;
mod queue;
mod reactor;
mod receive;
mod run;
mod table;
mod tickets;
mod users;
mod worker;

pub use clock::RunClock;
pub use observer::{Fate, Outcome};
pub use plan::{Load, Plan, Think, Timeouts};
pub use reactor::{Reactor, Ready};
pub use run::{Finished, RunError, Stop, Watch, run};
