//! Certificate files and folders: good, incomplete, mismatched.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;

struct Pem {
    certificate: String,
    key: String,
}

fn issue(names: &[&str]) -> Pem {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    Pem { certificate: certificate.pem(), key: key.serialize_pem() }
}

fn write(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    path
}

fn error_of(content: impl AsRef<[u8]>) -> CertificateError {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "site.pem", content);
    let errors = load(&path, SystemTime::now()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("site.pem"));
    assert!(!errors[0].help().is_empty());
    errors[0].clone()
}

#[test]
fn takes_the_key_before_and_behind_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let Pem { certificate, key } = issue(&["www.example.com"]);
    for content in [
        format!("{certificate}{key}"),
        format!("{key}{certificate}"),
        format!("text\n{key}\n\n{certificate}"),
    ] {
        let path = write(&folder, "site.pem", content);
        let loaded = load(&path, SystemTime::now()).unwrap();
        assert_eq!(loaded.certificates[0].names, ["www.example.com"]);
        assert_eq!(loaded.certificates[0].certified_key.cert.len(), 1);
        assert_eq!(loaded.certificates[0].path, path);
        assert!(loaded.warnings.is_empty());
    }
}

#[test]
fn takes_the_key_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let Pem { certificate, key } = issue(&["a.example"]);
    let path = write(&folder, "site.pem", certificate);
    write(&folder, "site.pem.key", key);
    assert_eq!(load(&path, SystemTime::now()).unwrap().certificates.len(), 1);
}

#[test]
fn keeps_the_chain_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let (leaf, authority) = (issue(&["a.example"]), issue(&["authority.example"]));
    let path =
        write(&folder, "site.pem", format!("{}{}{}", leaf.certificate, authority.certificate, leaf.key));
    let loaded = load(&path, SystemTime::now()).unwrap();
    assert_eq!(loaded.certificates[0].certified_key.cert.len(), 2);
    assert_eq!(loaded.certificates[0].names, ["a.example"]);
}

#[test]
fn reads_alternative_names_and_the_common_name_in_lower_case() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["WWW.Example.com".to_owned(), "*.example.com".to_owned(), "192.0.2.1".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Common.Example");
    let certificate = params.self_signed(&key).unwrap();
    let path = write(&folder, "site.pem", certificate.pem() + &key.serialize_pem());
    let loaded = load(&path, SystemTime::now()).unwrap();
    assert_eq!(loaded.certificates[0].names, ["www.example.com", "*.example.com", "common.example"]);
}

#[test]
fn says_what_is_missing_or_wrong() {
    let (pem, other) = (issue(&["a.example"]), issue(&["b.example"]));
    assert!(matches!(error_of(""), CertificateError::NoCertificate(_)));
    assert!(matches!(error_of("hello"), CertificateError::NoCertificate(_)));
    assert!(matches!(error_of(&pem.key), CertificateError::NoCertificate(_)));
    assert!(matches!(error_of(&pem.certificate), CertificateError::NoKey(_)));
    let mismatched = pem.certificate.clone() + &other.key;
    assert!(matches!(error_of(mismatched), CertificateError::KeyMismatch(_)));
    let reversed = format!("{}{}{}", other.certificate, pem.certificate, pem.key);
    assert!(matches!(error_of(reversed), CertificateError::LeafNotFirst(_)));
    let two_keys = format!("{}{}{}", pem.certificate, pem.key, other.key);
    assert!(matches!(error_of(two_keys), CertificateError::SeveralKeys(_)));
    let cut = &pem.certificate[..pem.certificate.len() / 2];
    assert!(matches!(error_of(cut), CertificateError::DamagedPem(_)));
    let crowd = pem.certificate.repeat(limits::PEM_CERTIFICATES + 1) + &pem.key;
    assert!(matches!(error_of(crowd), CertificateError::TooManyCertificates(_)));
    assert!(matches!(error_of(vec![b'x'; limits::PEM_FILE_SIZE + 1]), CertificateError::FileTooLarge(_)));
}

#[test]
fn tells_an_encrypted_key_from_a_missing_one() {
    let certificate = issue(&["a.example"]).certificate;
    let modern = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIB\n\
        -----END RSA PRIVATE KEY-----\n";
    for key in [modern, old] {
        assert!(matches!(error_of(format!("{certificate}{key}")), CertificateError::EncryptedKey(_)));
    }
}

#[test]
fn refuses_bytes_that_are_no_certificate_or_key() {
    let pem = issue(&["a.example"]);
    let junk = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    assert!(matches!(error_of(junk("CERTIFICATE") + &pem.key), CertificateError::DamagedCertificate(_)));
    assert!(matches!(error_of(pem.certificate + &junk("PRIVATE KEY")), CertificateError::UnusableKey(_)));
}

#[test]
fn a_missing_file_says_so() {
    let errors = load(Path::new("/nonexistent/site.pem"), SystemTime::now()).unwrap_err();
    assert_eq!(errors[0].to_string(), "/nonexistent/site.pem does not exist");
}

#[test]
fn loads_a_folder_in_alphabetical_order_without_side_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.pem", "a.pem", "c"] {
        let pem = issue(&[&format!("{}.example", &name[..1])]);
        write(&folder, name, pem.certificate + &pem.key);
    }
    for name in [".hidden", "a.pem.ocsp", "b.pem.issuer", "c.sctl", "old.key"] {
        write(&folder, name, "not a certificate");
    }
    fs::create_dir(folder.path().join("folder")).unwrap();
    let loaded = load(folder.path(), SystemTime::now()).unwrap();
    let names: Vec<&str> = loaded.certificates.iter().map(|one| one.names[0].as_str()).collect();
    assert_eq!(names, ["a.example", "b.example", "c.example"]);
}

#[test]
fn reports_every_bad_file_of_a_folder_and_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let empty = load(folder.path(), SystemTime::now()).unwrap_err();
    assert!(matches!(empty[..], [CertificateError::EmptyFolder(_)]));
    write(&folder, "a.pem", "");
    write(&folder, "b.pem", issue(&["b.example"]).certificate);
    let errors = load(folder.path(), SystemTime::now()).unwrap_err();
    assert!(matches!(errors[..], [CertificateError::NoCertificate(_), CertificateError::NoKey(_)]));
}

#[test]
fn warns_outside_the_days_of_validity() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let path = write(&folder, "site.pem", certificate.pem() + &key.serialize_pem());
    let warnings = |unix_seconds| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds);
        load(&path, now).unwrap().warnings
    };
    assert_eq!(warnings(1_500_000_000), [CertificateWarning::NotYetValid(path.clone())]);
    assert_eq!(warnings(1_590_000_000), []);
    assert_eq!(warnings(1_700_000_000), [CertificateWarning::Expired(path.clone())]);
}

#[test]
fn warns_of_a_key_that_everybody_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let Pem { certificate, key } = issue(&["a.example"]);
    let alone = write(&folder, "alone.pem", format!("{certificate}{key}"));
    let path = write(&folder, "site.pem", certificate);
    let side = write(&folder, "site.pem.key", key);
    let warnings = |path: &Path| load(path, SystemTime::now()).unwrap().warnings;
    assert_eq!((warnings(&alone), warnings(&path)), (vec![], vec![]));
    for file in [&alone, &path, &side] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    assert_eq!(warnings(&alone), [CertificateWarning::KeyForEverybody(alone)]);
    assert_eq!(warnings(&path), [CertificateWarning::KeyForEverybody(side)], "the certificate is no secret");
}

#[test]
fn reads_what_editors_of_other_systems_write() {
    let folder = tempfile::tempdir().unwrap();
    let Pem { certificate, key } = issue(&["a.example"]);
    let text = format!("{certificate}{key}").replace("\r\n", "\n");
    for content in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
    ] {
        let path = write(&folder, "site.pem", content);
        assert_eq!(load(&path, SystemTime::now()).unwrap().certificates[0].names, ["a.example"]);
    }
}

/// A file that is read while it is being written never serves in part.
#[test]
fn refuses_every_part_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let Pem { certificate, key } = issue(&["a.example"]);
    let whole = format!("{certificate}{key}");
    for length in 0..whole.trim_end().len() {
        let path = write(&folder, "site.pem", &whole[..length]);
        assert!(load(&path, SystemTime::now()).is_err(), "{length} bytes of {}", whole.len());
    }
}

/// Parameters that are written out instead of named (RFC 5480 section 2.1.1 forbids it), and are not
/// quite those of P-256.
#[test]
fn refuses_a_curve_that_is_none_of_the_known() {
    const EXPLICIT: &str = "-----BEGIN EC PRIVATE KEY-----
MIIBaAIBAQQg7sQfUIGbJugBKTnNhGBGYRzdNWXvPNFAhsk9CP3/SuSggfowgfcC
AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////
MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Qr
vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE
axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W
K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8
YyVRAgEBoUQDQgAEqe9eInS/lZmBk4aW1gz7h3vL+NoSCYVMqqnEASyJwVecfVFy
ewUJPBSf4cl2PA1efzOSmq1TNlQab1VyoX4ShA==
-----END EC PRIVATE KEY-----
";
    let error = error_of(issue(&["a.example"]).certificate + EXPLICIT);
    assert!(matches!(error, CertificateError::UnusableKey(_)), "{error:?}");
}
