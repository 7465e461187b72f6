//! From root to the user of `[process]`, once everything that needs root is done.

use std::io;

use nix::unistd::{Gid, Group, Uid, User, initgroups, setgid, setgroups, setuid};

use super::error::StartError;
use crate::config::model::Process;

/// Becomes the configured user, in all threads of the process. Without a user, or when the process
/// already runs as that user, nothing changes.
///
/// # Errors
/// There is no such user or group, or the process is not allowed to change.
pub fn give_up(process: &Process) -> Result<(), StartError> {
    let Some(name) = &process.user else { return Ok(()) };
    let user = User::from_name(name).map_err(refused)?;
    let user = user.ok_or_else(|| StartError::NoSuchUser { kind: "user", name: name.clone() })?;
    let group = match &process.group {
        None => user.gid,
        Some(name) => match Group::from_name(name).map_err(refused)? {
            Some(group) => group.gid,
            None => return Err(StartError::NoSuchUser { kind: "group", name: name.clone() }),
        },
    };
    if Uid::effective() == user.uid && Gid::effective() == group {
        return Ok(());
    }
    // Groups first: after the user is changed there is no right to change them.
    match std::ffi::CString::new(user.name) {
        Ok(name) => initgroups(&name, group).map_err(refused)?,
        Err(_) => setgroups(&[group]).map_err(refused)?,
    }
    setgid(group).map_err(refused)?;
    setuid(user.uid).map_err(refused)
}

fn refused(error: nix::Error) -> StartError {
    StartError::Privileges(io::Error::from(error))
}
