//! Certificates and keys from PEM files, as HAProxy's `crt` reads them.
//!
//! Called by `config::check` and `cli::demo` with a file (leaf, chain and key in one, the leaf
//! being the first certificate, the key anywhere; or the key beside it in `FILE.key`), or with a
//! folder of such files. It reads files and nothing else, and never puts key bytes into an error.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};

use super::names::{LeafFacts, read_leaf};
use crate::limits;
use crate::small_file;

/// One certificate with its chain and key, ready to serve.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The file it came from.
    pub path: PathBuf,
    /// Chain and key for `rustls`; the key is known to belong to the leaf.
    pub certified_key: Arc<CertifiedKey>,
    /// DNS names in lower case, wildcards included.
    pub names: Vec<String>,
}

/// What one file or folder gave.
#[derive(Debug)]
pub struct Loaded {
    /// At least one, a folder's in alphabetical order.
    pub certificates: Vec<Certificate>,
    /// Certificates that load but that clients will refuse.
    pub warnings: Vec<CertificateWarning>,
}

/// What does not keep a certificate from serving, but should not be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateWarning {
    /// Its last day has passed.
    Expired(PathBuf),
    /// Its first day is still to come.
    NotYetValid(PathBuf),
    /// Every user of this machine can read this file, which holds the private key.
    KeyForEverybody(PathBuf),
}

/// Why a file or folder cannot serve. `Display` names the file; [`CertificateError::help`] the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateError {
    /// The file or folder cannot be read.
    Unreadable(PathBuf, io::ErrorKind),
    /// A device, pipe or socket.
    NotAFile(PathBuf),
    /// Larger than `limits::PEM_FILE_SIZE`.
    FileTooLarge(PathBuf),
    /// Not PEM: a section without an end, or damaged base64.
    DamagedPem(PathBuf),
    /// No certificate in it.
    NoCertificate(PathBuf),
    /// More than `limits::PEM_CERTIFICATES`.
    TooManyCertificates(PathBuf),
    /// No private key in it nor in `FILE.key`.
    NoKey(PathBuf),
    /// More than one private key.
    SeveralKeys(PathBuf),
    /// The private key needs a pass phrase.
    EncryptedKey(PathBuf),
    /// A certificate is not X.509.
    DamagedCertificate(PathBuf),
    /// The private key is damaged or of a kind that is not supported.
    UnusableKey(PathBuf),
    /// The private key belongs to none of the certificates.
    KeyMismatch(PathBuf),
    /// The private key belongs to a certificate that is not the first.
    LeafNotFirst(PathBuf),
    /// A folder without a usable file name.
    EmptyFolder(PathBuf),
    /// A folder with more than `limits::CERTIFICATE_FOLDER_ENTRIES` entries.
    FolderTooLarge(PathBuf),
}

/// Loads a file or a folder. Every bad file of a folder is reported. `now` dates the warnings.
pub fn load(path: &Path, now: SystemTime) -> Result<Loaded, Vec<CertificateError>> {
    let unreadable = |error: io::Error| vec![CertificateError::Unreadable(path.into(), error.kind())];
    let files = if fs::metadata(path).map_err(unreadable)?.is_dir() {
        folder_files(path).map_err(|error| vec![error])?
    } else {
        vec![path.to_path_buf()]
    };
    let mut loaded = Loaded { certificates: Vec::new(), warnings: Vec::new() };
    let mut errors = Vec::new();
    for file in files {
        match load_file(&file, now, &mut loaded.warnings) {
            Ok(certificate) => loaded.certificates.push(certificate),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(loaded) } else { Err(errors) }
}

/// HAProxy's rule for `crt DIR`: alphabetical, without dot files and side files.
fn folder_files(folder: &Path) -> Result<Vec<PathBuf>, CertificateError> {
    let unreadable = |error: io::Error| CertificateError::Unreadable(folder.into(), error.kind());
    let mut files = Vec::new();
    for (index, entry) in fs::read_dir(folder).map_err(unreadable)?.enumerate() {
        if index >= limits::CERTIFICATE_FOLDER_ENTRIES {
            return Err(CertificateError::FolderTooLarge(folder.into()));
        }
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_side_file = [".key", ".issuer", ".ocsp", ".sctl"].iter().any(|end| name.ends_with(end));
        if !name.starts_with('.') && !is_side_file && !entry.path().is_dir() {
            files.push(entry.path());
        }
    }
    if files.is_empty() {
        return Err(CertificateError::EmptyFolder(folder.into()));
    }
    files.sort();
    Ok(files)
}

fn load_file(
    path: &Path,
    now: SystemTime,
    warnings: &mut Vec<CertificateWarning>,
) -> Result<Certificate, CertificateError> {
    let pem = read_pem(path)?;
    let (chain, key) = sections(&pem, path)?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate(path.into()));
    }
    let (key, key_path) = match key {
        Some(key) => (key, path.to_path_buf()),
        None => side_key(path)?,
    };
    let facts = read_leaf(&chain[0]).ok_or_else(|| CertificateError::DamagedCertificate(path.into()))?;
    let certified_key = match_key(chain, key, path)?;
    warnings.extend(validity_warning(&facts, path, now));
    if is_readable_by_everybody(&key_path) {
        warnings.push(CertificateWarning::KeyForEverybody(key_path));
    }
    Ok(Certificate { path: path.into(), certified_key: Arc::new(certified_key), names: facts.names })
}

/// Reads at most `limits::PEM_FILE_SIZE` bytes.
fn read_pem(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let mut pem = match small_file::read(path, limits::PEM_FILE_SIZE) {
        Ok(read) => read.bytes,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(CertificateError::NotAFile(path.into()));
        }
        Err(error) => return Err(CertificateError::Unreadable(path.into(), error.kind())),
    };
    if pem.len() > limits::PEM_FILE_SIZE {
        return Err(CertificateError::FileTooLarge(path.into()));
    }
    // Windows editors put a mark before the text, where a PEM reader looks for a section.
    if pem.starts_with(BYTE_ORDER_MARK) {
        pem.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(pem)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn is_readable_by_everybody(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

type Sections = (Vec<CertificateDer<'static>>, Option<PrivateKeyDer<'static>>);

/// Certificates in their order, and the key wherever it stands. Parameters and requests are skipped.
fn sections(pem: &[u8], path: &Path) -> Result<Sections, CertificateError> {
    if is_encrypted(pem) {
        return Err(CertificateError::EncryptedKey(path.into()));
    }
    let mut chain = Vec::new();
    let mut key = None;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|_| CertificateError::DamagedPem(path.into()))?;
        if kind == SectionKind::Certificate {
            chain.push(CertificateDer::from(der));
            if chain.len() > limits::PEM_CERTIFICATES {
                return Err(CertificateError::TooManyCertificates(path.into()));
            }
        } else if let Some(found) = PrivateKeyDer::from_pem(kind, der)
            && key.replace(found).is_some()
        {
            return Err(CertificateError::SeveralKeys(path.into()));
        }
    }
    Ok((chain, key))
}

/// Both forms that OpenSSL writes: an own section name, or a header inside the section.
fn is_encrypted(pem: &[u8]) -> bool {
    [b"BEGIN ENCRYPTED PRIVATE KEY".as_slice(), b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| memchr::memmem::find(pem, mark).is_some())
}

/// The key in `FILE.key`, where HAProxy looks when the file itself has none.
fn side_key(path: &Path) -> Result<(PrivateKeyDer<'static>, PathBuf), CertificateError> {
    let mut side = path.as_os_str().to_owned();
    side.push(".key");
    let side = PathBuf::from(side);
    if !side.exists() {
        return Err(CertificateError::NoKey(path.into()));
    }
    let (_, key) = sections(&read_pem(&side)?, &side)?;
    match key {
        Some(key) => Ok((key, side)),
        None => Err(CertificateError::NoKey(side)),
    }
}

fn match_key(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    path: &Path,
) -> Result<CertifiedKey, CertificateError> {
    let provider = provider();
    let signing_key = provider.key_provider.load_private_key(key);
    let signing_key = signing_key.map_err(|_| CertificateError::UnusableKey(path.into()))?;
    let certified_key = CertifiedKey::new(chain, signing_key);
    match certified_key.keys_match() {
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified_key),
        Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) if fits_another(&certified_key) => {
            Err(CertificateError::LeafNotFirst(path.into()))
        }
        Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(CertificateError::KeyMismatch(path.into()))
        }
        Err(_) => Err(CertificateError::DamagedCertificate(path.into())),
    }
}

/// Whether the key belongs to a certificate after the first.
fn fits_another(certified_key: &CertifiedKey) -> bool {
    certified_key.cert.iter().skip(1).any(|certificate| {
        let alone = CertifiedKey::new(vec![certificate.clone()], certified_key.key.clone());
        alone.keys_match().is_ok()
    })
}

fn validity_warning(facts: &LeafFacts, path: &Path, now: SystemTime) -> Option<CertificateWarning> {
    if now > facts.not_after {
        return Some(CertificateWarning::Expired(path.into()));
    }
    (now < facts.not_before).then(|| CertificateWarning::NotYetValid(path.into()))
}

/// The one cryptographic provider of torii, never the process default.
pub fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

impl CertificateError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreadable(_, io::ErrorKind::NotFound) => {
                "write the path of a PEM file or of a folder of PEM files"
            }
            Self::NotAFile(_) => "write the path of a PEM file or of a folder of PEM files",
            Self::Unreadable(..) => "make the file readable for the user that starts torii",
            Self::FileTooLarge(_) => "keep one leaf certificate, its chain and its key in a file",
            Self::DamagedPem(_) => "copy the file again: a PEM section lacks its end or is damaged",
            Self::NoCertificate(_) => "put the certificate, its chain and its key into this one file",
            Self::TooManyCertificates(_) => {
                "keep only the leaf and its chain; a bundle of all authorities is not needed"
            }
            Self::NoKey(_) => {
                "append the private key to the file, or put it beside it with `.key` added to the name"
            }
            Self::SeveralKeys(_) => "keep only the key of the leaf certificate",
            Self::EncryptedKey(_) => "remove the pass phrase: openssl pkey -in OLD.pem -out NEW.pem",
            Self::DamagedCertificate(_) => {
                "ask for the certificate again; openssl x509 -in FILE -text shows what is in it"
            }
            Self::UnusableKey(_) => {
                "use an RSA (2048 to 8192 bits), ECDSA (P-256, P-384, P-521) or Ed25519 key"
            }
            Self::KeyMismatch(_) => "use the key that the certificate was requested with",
            Self::LeafNotFirst(_) => {
                "move the certificate of the key to the top of the file, its chain below"
            }
            Self::EmptyFolder(_) => {
                "put at least one PEM file into the folder; names that begin with a dot do not count"
            }
            Self::FolderTooLarge(_) => "keep nothing but certificates in the folder",
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, fault) = match self {
            Self::Unreadable(path, io::ErrorKind::NotFound) => (path, "does not exist".into()),
            Self::Unreadable(path, kind) => (path, format!("cannot be read: {kind}")),
            Self::NotAFile(path) => (path, "is not a file".into()),
            Self::FileTooLarge(path) => (path, format!("is larger than {} bytes", limits::PEM_FILE_SIZE)),
            Self::DamagedPem(path) => (path, "is not a proper PEM file".into()),
            Self::NoCertificate(path) => (path, "holds no certificate".into()),
            Self::TooManyCertificates(path) => {
                (path, format!("holds more than {} certificates", limits::PEM_CERTIFICATES))
            }
            Self::NoKey(path) => (path, "holds no private key".into()),
            Self::SeveralKeys(path) => (path, "holds more than one private key".into()),
            Self::EncryptedKey(path) => {
                (path, "holds a private key that is protected by a pass phrase".into())
            }
            Self::DamagedCertificate(path) => (path, "holds a damaged certificate".into()),
            Self::UnusableKey(path) => {
                (path, "holds a private key that is damaged or of an unknown kind".into())
            }
            Self::KeyMismatch(path) => {
                (path, "holds a private key that does not belong to its certificate".into())
            }
            Self::LeafNotFirst(path) => {
                (path, "does not begin with the certificate of its private key".into())
            }
            Self::EmptyFolder(path) => (path, "is a folder without a certificate file".into()),
            Self::FolderTooLarge(path) => {
                (path, format!("is a folder of more than {} entries", limits::CERTIFICATE_FOLDER_ENTRIES))
            }
        };
        write!(formatter, "{} {fault}", path.display())
    }
}

impl std::error::Error for CertificateError {}

impl CertificateWarning {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Expired(_) | Self::NotYetValid(_) => {
                "browsers will refuse it: put a current certificate there, or set this machine's clock"
            }
            Self::KeyForEverybody(_) => "chmod o-r: torii reads it before it gives up its rights",
        }
    }
}

impl fmt::Display for CertificateWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(path) => write!(formatter, "the certificate in {} has expired", path.display()),
            Self::NotYetValid(path) => {
                write!(formatter, "the certificate in {} is not valid yet", path.display())
            }
            Self::KeyForEverybody(path) => {
                write!(formatter, "everybody can read the private key in {}", path.display())
            }
        }
    }
}

#[cfg(test)]
mod tests;
