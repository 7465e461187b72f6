//! `[ha]` and `[[ha.node]]`: an error here is a pair that would not have failed over.
//!
//! * `whole` puts the parts together; `addresses`, `nodes`, `priorities`, `protocol`, `transport`
//!   and `notify` judge one concern each.
//!
//! What only the machine that runs the file can tell, such as whether the interface exists, is
//! `ha::identity`'s and is seen at start.

mod addresses;
mod nodes;
mod notify;
mod priorities;
mod protocol;
mod transport;
mod whole;

pub use whole::check;
