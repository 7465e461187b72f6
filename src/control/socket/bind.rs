//! Making the control socket: nobody but its owner can connect, one that a dead process left is
//! replaced, and one of a living torii never is.
//!
//! Called once, before privileges are given up. That two processes never think that a path is theirs
//! is decided by a lock on a file beside it, which the kernel releases however its holder ends.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::control::privileges::Identity;
use crate::limits::control::CLIENTS;

/// A socket that is ours. Its file goes away with it.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
    /// Held as long as the socket.
    _lock: File,
}

/// Why there is none.
#[derive(Debug)]
pub enum BindError {
    /// Another process has it.
    Taken,
    /// Something that is no socket is at its path.
    InTheWay,
    /// What was being done, and the system's reason.
    System(&'static str, io::Error),
}

/// Listens at `path`, for its owner alone; with an identity that the process will take on, for that
/// one's group too.
///
/// # Errors
/// torii serves without it: what is said is a warning.
pub fn bind(path: &Path, identity: Option<&Identity>) -> Result<Bound, BindError> {
    let system = |what| move |error| BindError::System(what, error);
    make_folder(path, identity).map_err(system("make its folder"))?;
    let lock = lock(path)?;
    clear(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(system("make it"))?;
    // Linux gives the file the mode of the socket: there is no moment in which others could connect.
    fchmod(&socket, Mode::from_bits_truncate(0o600)).map_err(|error| system("make it")(error.into()))?;
    let address = SockAddr::unix(path).map_err(system("make it"))?;
    socket.bind(&address).map_err(system("make it"))?;
    let bound = Bound { listener: UnixListener::from(socket), path: path.to_owned(), _lock: lock };
    if let Some(identity) = identity {
        chown(path, None, Some(identity.group.as_raw())).map_err(system("give it its group"))?;
        fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(system("give it its mode"))?;
    }
    let listening = socket2::SockRef::from(&bound.listener).listen(CLIENTS as i32);
    listening.map_err(system("listen on it"))?;
    bound.listener.set_nonblocking(true).map_err(system("listen on it"))?;
    Ok(bound)
}

/// A folder that is made belongs to whom the process becomes, so that the socket can be removed.
fn make_folder(path: &Path, identity: Option<&Identity>) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    match DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    match identity {
        Some(identity) => chown(folder, Some(identity.user.as_raw()), Some(identity.group.as_raw())),
        None => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File, BindError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let system = |error| BindError::System("lock it", error);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(name)
        .map_err(system)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BindError::Taken),
        Err(TryLockError::Error(error)) => Err(system(error)),
    }
}

/// Removes a socket that nobody listens on.
fn clear(path: &Path) -> Result<(), BindError> {
    let system = |error| BindError::System("look at its path", error);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(BindError::InTheWay),
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(system)?;
    probe.set_nonblocking(true).map_err(system)?;
    match probe.connect(&SockAddr::unix(path).map_err(system)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| BindError::System("replace a dead process's", error))
        }
        // Somebody answers, or has no time to.
        _ => Err(BindError::Taken),
    }
}

impl Bound {
    /// The listening socket, not blocking.
    ///
    /// # Errors
    /// No descriptor.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // An unprivileged process may not be allowed to: the next start finds that nobody listens.
        let _ = fs::remove_file(&self.path);
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str(
                "another process listens there; give each torii of this machine its own `socket` in [control]",
            ),
            Self::InTheWay => f.write_str("there is a file that is no socket; remove it"),
            Self::System(what, error) => write!(
                f,
                "cannot {what}: {error}; let `socket` in [control] name a path that this user may make, or \
                 write \"off\""
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn only_its_owner_may_connect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/control.sock");
        let bound = bind(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!path.exists());
        bind(&path, None).unwrap();
    }

    #[test]
    fn the_group_of_the_process_may_connect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let identity = Identity { user: nix::unistd::getuid(), group: nix::unistd::getgid() };
        let _bound = bind(&path, Some(&identity)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    }

    #[test]
    fn a_socket_that_a_dead_process_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists() && UnixStream::connect(&path).is_err());
        let _bound = bind(&path, None).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_living_socket_is_never_stolen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let first = bind(&path, None).unwrap();
        assert!(matches!(bind(&path, None), Err(BindError::Taken)));
        UnixStream::connect(&path).unwrap();
        // Not even when its file is gone: its owner would remove ours when it ends.
        fs::remove_file(&path).unwrap();
        assert!(matches!(bind(&path, None), Err(BindError::Taken)));
        drop(first);
        // Nor another program's, which holds no lock, however busy it is.
        let other = UnixListener::bind(&path).unwrap();
        assert!(matches!(bind(&path, None), Err(BindError::Taken)));
        drop(other);
        bind(&path, None).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path, None), Err(BindError::InTheWay)));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let beneath_a_file = path.join("control.sock");
        let error = bind(&beneath_a_file, None).unwrap_err().to_string();
        assert!(error.contains("[control]"), "{error}");
    }

    #[test]
    fn of_several_that_replace_a_dead_one_at_once_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        drop(UnixListener::bind(&path).unwrap());
        let bound: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| bind(&path, None))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(bound.iter().filter(|result| result.is_ok()).count(), 1);
        UnixStream::connect(&path).unwrap();
    }
}
