//! Choice of a certificate by name and key type.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

use super::*;
use crate::tls::certificates::provider;
use crate::tls::{MinVersion, server_config};

const ECDSA: [SignatureScheme; 1] = [SignatureScheme::ECDSA_NISTP256_SHA256];
const ED25519: [SignatureScheme; 1] = [SignatureScheme::ED25519];

fn certificate_of_kind(names: &[&str], kind: &'static rcgen::SignatureAlgorithm) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate_for(kind).unwrap();
    let certificate = CertificateParams::new(names.clone()).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = vec![certificate.der().clone()];
    let certified_key = CertifiedKey::from_der(chain, key, &provider()).unwrap();
    Certificate { path: PathBuf::new(), certified_key: Arc::new(certified_key), names }
}

fn certificate(names: &[&str]) -> Certificate {
    certificate_of_kind(names, &PKCS_ECDSA_P256_SHA256)
}

#[test]
fn prefers_the_exact_name_then_the_wildcard_then_the_first() {
    let certificates =
        [certificate(&["first.example"]), certificate(&["*.example.com"]), certificate(&["www.example.com"])];
    let resolver = SniResolver::new(&certificates).unwrap();
    let cases = [
        (Some("www.example.com"), 2),
        (Some("WWW.Example.COM"), 2),
        (Some("shop.example.com"), 1),
        (Some("a.shop.example.com"), 0),
        (Some("example.com"), 0),
        (Some("first.example"), 0),
        (Some("unknown"), 0),
        (Some(""), 0),
        (None, 0),
    ];
    for (name, expected) in cases {
        let chosen = resolver.choose(name, &ECDSA);
        assert!(Arc::ptr_eq(&chosen, &certificates[expected].certified_key), "{name:?}");
    }
}

#[test]
fn the_earlier_of_two_certificates_for_a_name_serves_it() {
    let certificates = [certificate(&["a.example"]), certificate(&["a.example"])];
    let chosen = SniResolver::new(&certificates).unwrap().choose(Some("a.example"), &ECDSA);
    assert!(Arc::ptr_eq(&chosen, &certificates[0].certified_key));
}

#[test]
fn takes_the_key_type_that_the_client_can_verify() {
    let certificates = [certificate(&["a.example"]), certificate_of_kind(&["a.example"], &PKCS_ED25519)];
    let resolver = SniResolver::new(&certificates).unwrap();
    let chosen = resolver.choose(Some("a.example"), &ED25519);
    assert!(Arc::ptr_eq(&chosen, &certificates[1].certified_key));
    assert!(Arc::ptr_eq(&resolver.choose(Some("a.example"), &[]), &certificates[0].certified_key));
}

#[test]
fn needs_a_certificate() {
    assert!(SniResolver::new(&[]).is_none());
    assert!(server_config(&[], MinVersion::Tls12, &[]).is_err());
}

/// A handshake in memory, with a client that trusts every given certificate.
fn handshake(
    certificates: &[Certificate],
    name: &'static str,
    min_version: MinVersion,
    client_versions: &[&'static rustls::SupportedProtocolVersion],
    client_alpn: &[&str],
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.certified_key.cert[0].clone()).unwrap();
    }
    let mut client = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(client_versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = client_alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(name).unwrap()).unwrap();
    let mut server = ServerConnection::new(server_config(certificates, min_version, &[b"http/1.1"])?)?;
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            server.read_tls(&mut unread).unwrap();
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets()?;
        }
        if !client.is_handshaking() && !server.is_handshaking() {
            return Ok((client, server));
        }
    }
    panic!("the handshake did not come to an end");
}

#[test]
fn serves_the_certificate_of_the_name_in_both_versions() {
    let certificates = [certificate(&["a.example"]), certificate(&["b.example"])];
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (client, server) =
            handshake(&certificates, "b.example", MinVersion::Tls12, &[version], &["h2", "http/1.1"])
                .unwrap();
        let sent = &client.peer_certificates().unwrap()[0];
        assert_eq!(*sent, certificates[1].certified_key.cert[0]);
        assert_eq!(server.protocol_version(), Some(version.version));
        assert_eq!(client.alpn_protocol(), Some(b"http/1.1".as_slice()));
    }
}

#[test]
fn serves_a_client_without_alpn() {
    let certificates = [certificate(&["a.example"])];
    let (client, _) =
        handshake(&certificates, "a.example", MinVersion::Tls13, &[&rustls::version::TLS13], &[]).unwrap();
    assert_eq!(client.alpn_protocol(), None);
}

#[test]
fn refuses_a_version_below_the_minimum() {
    let certificates = [certificate(&["a.example"])];
    let refused = handshake(&certificates, "a.example", MinVersion::Tls13, &[&rustls::version::TLS12], &[]);
    assert!(refused.is_err());
}
