//! The rights (capabilities) of the ha thread: to send raw packets, to move addresses, to run first.
//!
//! Capabilities belong to threads. This thread keeps three through the change to the user of `[process]`;
//! every other thread loses all of them, or is made to.

use std::io;

use caps::errors::CapsError;
use caps::{CapSet, Capability};

/// All that the thread ever needs; the last only until it has its place in the scheduler.
const RIGHTS: [Capability; 3] =
    [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW, Capability::CAP_SYS_NICE];

/// The calling thread keeps its permitted set when the user is changed (capabilities(7), SECBIT_KEEP_CAPS).
///
/// # Errors
/// The system refuses.
pub fn keep() -> io::Result<()> {
    caps::securebits::set_keepcaps(true).map_err(refused)
}

/// After the change of user: makes the kept rights effective again, and gives up all others.
///
/// # Errors
/// One of them was not kept, as it was never there. CAP_SYS_NICE may be missing.
pub fn raise() -> io::Result<()> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(refused)?;
    let rights = RIGHTS.into_iter().filter(|right| permitted.contains(right)).collect();
    caps::clear(None, CapSet::Ambient).map_err(refused)?;
    caps::clear(None, CapSet::Inheritable).map_err(refused)?;
    caps::set(None, CapSet::Effective, &rights).map_err(refused)?;
    caps::set(None, CapSet::Permitted, &rights).map_err(refused)?;
    let wanted = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];
    match wanted.into_iter().find(|right| !rights.contains(right)) {
        Some(missing) => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{missing} is missing")))
        }
        None => Ok(()),
    }
}

/// The calling thread has its place in the scheduler and needs no right to another.
pub fn drop_scheduling() {
    drop_one(Capability::CAP_SYS_NICE);
}

/// The calling thread, and all that it starts from now on, has none of the ha thread's rights. Where
/// torii runs as root for good, root keeps them.
pub fn drop_all() {
    if nix::unistd::Uid::effective().is_root() {
        return;
    }
    RIGHTS.into_iter().for_each(drop_one);
}

/// What cannot be dropped was not there.
fn drop_one(right: Capability) {
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        let _ = caps::drop(None, set, right);
    }
}

fn refused(error: CapsError) -> io::Error {
    io::Error::other(error.to_string())
}
