//! The demo's folder: private, made anew, and gone with everything in it when dropped.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Names tried before the folder for temporary files is given up.
const NAMES: u32 = 100;

/// A folder that nobody else may enter.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes one in the folder for temporary files (`TMPDIR`, else /tmp).
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn make() -> io::Result<Self> {
        Self::make_in(&std::env::temp_dir())
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        for number in 0..NAMES {
            let suffix = if number == 0 { String::new() } else { format!("-{number}") };
            let path = parent.join(format!("torii-demo-{}{suffix}", std::process::id()));
            // One that exists, a link included, is somebody else's: never entered.
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where something in it is.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner can read, over one that is there.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(self.path_of(name))?;
        file.write_all(text.as_bytes())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn is_private_and_gone_when_dropped() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::make_in(parent.path()).unwrap();
        folder.write("a", "long text").unwrap();
        folder.write("a", "text").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path_of("a")).unwrap(), "text");
        assert_eq!((mode(&folder.path), mode(&folder.path_of("a"))), (0o700, 0o600));
        drop(folder);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn never_enters_what_is_already_there() {
        let parent = tempfile::tempdir().unwrap();
        let first = Folder::make_in(parent.path()).unwrap();
        let second = Folder::make_in(parent.path()).unwrap();
        assert_ne!(first.path, second.path);
    }
}
