//! Reads the small files that a configuration names: certificates, passwords, pages, lists.
//!
//! Called by `config` and `tls`, before anything is started. Never waits: a name may be that of a pipe
//! or a device by mistake.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What was read.
pub struct SmallFile {
    /// At most one byte more than was allowed, so that the caller can tell that it is too large.
    pub bytes: Vec<u8>,
    /// Permissions, as in `chmod`.
    pub mode: u32,
}

/// Reads `most` bytes and one more at most.
///
/// # Errors
/// What the kernel says; `InvalidInput` for what is not a regular file.
pub fn read(path: &Path, most: usize) -> io::Result<SmallFile> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(SmallFile { bytes, mode: metadata.permissions().mode() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_one_byte_more_than_is_allowed_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345678").unwrap();
        assert_eq!(read(&path, 8).unwrap().bytes, b"12345678");
        assert_eq!(read(&path, 4).unwrap().bytes, b"12345");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        for path in [folder.path(), &pipe, Path::new("/dev/zero")] {
            let error = read(path, 8).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{}", path.display());
        }
    }
}
