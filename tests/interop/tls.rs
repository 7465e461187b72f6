//! OpenSSL as a TLS client: versions, the certificate chosen by name, ALPN.

use std::path::Path;

use crate::origin::Origin;
use crate::peers;
use crate::proxies::{self, Kind, Proxy, Setup, Syslog};

#[test]
fn openssl_agrees_on_versions_names_and_alpn() {
    let mut programs = vec!["nginx", "curl", "openssl"];
    programs.extend((proxies::subject() == Kind::Haproxy).then_some("haproxy"));
    if !peers::available(&programs) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let certificates = folder.path().join("certificates");
    std::fs::create_dir(&certificates).unwrap();
    proxies::write_certificate(&certificates.join("a.pem"), &["a.example"]);
    proxies::write_certificate(&certificates.join("b.pem"), &["b.example", "*.b.example"]);
    let (origins, log) = (Origin::start_three(folder.path()), Syslog::udp());
    let setup = Setup {
        folder: folder.path(),
        servers: origins.iter().map(Into::into).collect(),
        certificates,
        log: log.target.clone(),
    };
    let proxy = Proxy::start(proxies::subject(), &setup);
    let port = proxy.tls;

    for (version, shown) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        for (name, subject) in [
            ("a.example", "CN = a.example"),
            ("b.example", "CN = b.example"),
            ("B.EXAMPLE", "CN = b.example"),
            ("www.b.example", "CN = b.example"),
            // The first file in order of name answers for a name that none of them carries.
            ("unknown.example", "CN = a.example"),
        ] {
            let (ended_well, text) =
                handshake(folder.path(), port, &[version, "-servername", name, "-alpn", "http/1.1"]);
            assert!(ended_well, "{version} {name}: {text}");
            assert!(text.contains(&format!("New, {shown}, ")), "{version} {name}: {text}");
            assert!(text.contains(&format!("subject={subject}\n")), "{version} {name}: {text}");
            assert!(text.contains("ALPN protocol: http/1.1"), "{version} {name}: {text}");
        }
    }
    let (ended_well, text) = handshake(folder.path(), port, &["-tls1_2", "-noservername"]);
    assert!(ended_well && text.contains("subject=CN = a.example\n"), "{text}");
    assert!(text.contains("No ALPN negotiated"), "{text}");
    // The client itself would refuse 1.1 at its usual security level; at level 0 the server has to.
    let (ended_well, text) = handshake(folder.path(), port, &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    // Its hello lacks the signature algorithms that 1.2 needs, which may be what is complained of first.
    let refused = text.contains("alert protocol version") || text.contains("alert handshake failure");
    assert!(!ended_well && refused, "{text}");
}

/// One handshake by `openssl s_client`: whether it succeeded, and everything it printed.
fn handshake(folder: &Path, port: u16, arguments: &[&str]) -> (bool, String) {
    let mut openssl = peers::command("openssl");
    openssl.current_dir(folder).args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(arguments);
    let (output, text) = peers::run(&mut openssl);
    (output.status.success(), text)
}
