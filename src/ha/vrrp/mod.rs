//! VRRP without I/O (RFC 9568, RFC 3768): what is on the wire and who is active. Time is an argument.

mod options;

pub use options::{Checksum, Takeover, Version};
