//! How the control thread wakes a worker: one byte through a socket pair, one byte per message.
//!
//! The messages themselves travel in a bounded mailbox (`proxy::mailbox`); this is only the bell.

use std::io::{self, Write};
use std::os::unix::net::UnixStream as StdStream;

use monoio::io::AsyncReadRent;
use monoio::net::UnixStream;

/// The control thread's end.
#[derive(Debug)]
pub struct Bell(StdStream);

/// The worker's end before it has a runtime.
#[derive(Debug)]
pub struct Ear(StdStream);

/// The worker's end.
pub struct Listening(UnixStream);

/// A connected pair.
///
/// # Errors
/// No descriptors.
pub fn pair() -> io::Result<(Bell, Ear)> {
    let (bell, ear) = StdStream::pair()?;
    bell.set_nonblocking(true)?;
    Ok((Bell(bell), Ear(ear)))
}

impl Bell {
    /// Wakes the worker. A full pipe means that it will wake anyway.
    pub fn ring(&self) {
        let _ = (&self.0).write(&[1]);
    }
}

impl Ear {
    /// To be called on the worker's thread, in its runtime.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn listen(self, nonblocking: bool) -> io::Result<Listening> {
        self.0.set_nonblocking(nonblocking)?;
        Ok(Listening(UnixStream::from_std(self.0)?))
    }
}

impl Listening {
    /// Waits for a ring; `false` when the control thread is gone.
    pub async fn heard(&mut self) -> bool {
        let (result, _) = self.0.read(vec![0u8; 64]).await; // cold: a few times in a process's life
        matches!(result, Ok(count) if count > 0)
    }
}
