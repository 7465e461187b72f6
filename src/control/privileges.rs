//! From root to the user of `[process]`, once everything that needs root is done.

use std::io;

use nix::unistd::{Gid, Group, Uid, User, initgroups, setgid, setgroups, setuid};

use super::error::StartError;
use crate::config::model::Process;

/// Whom the process becomes.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The user.
    pub user: Uid,
    /// Its main group.
    pub group: Gid,
}

/// Becomes the configured user, in all threads of the process. Without a user, or when the process
/// already runs as that user, nothing changes.
///
/// # Errors
/// There is no such user or group, or the process is not allowed to change.
pub fn give_up(process: &Process) -> Result<(), StartError> {
    let Some((user, group)) = look_up(process)? else { return Ok(()) };
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

/// Whom the process becomes; `None` without a user.
///
/// # Errors
/// There is no such user or group.
pub fn identity(process: &Process) -> Result<Option<Identity>, StartError> {
    Ok(look_up(process)?.map(|(user, group)| Identity { user: user.uid, group }))
}

fn look_up(process: &Process) -> Result<Option<(User, Gid)>, StartError> {
    let Some(name) = &process.user else { return Ok(None) };
    let user = User::from_name(name).map_err(refused)?;
    let user = user.ok_or_else(|| StartError::NoSuchUser { kind: "user", name: name.clone() })?;
    let group = match &process.group {
        None => user.gid,
        Some(name) => match Group::from_name(name).map_err(refused)? {
            Some(group) => group.gid,
            None => return Err(StartError::NoSuchUser { kind: "group", name: name.clone() }),
        },
    };
    Ok(Some((user, group)))
}

fn refused(error: nix::Error) -> StartError {
    StartError::Privileges(io::Error::from(error))
}
