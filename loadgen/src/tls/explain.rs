//! rustls' errors in words, with what to do next. Called by the engine for the first example of an error;
//! it must never hide what it does not know: that is shown as rustls says it.

use rustls::{CertificateError, Error};

/// What a certificate that is an authority's is called by the checker below rustls, which tells it by this
/// name alone.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// An error in words.
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::NoCertificatesPresented => "the server showed no certificate".to_owned(),
        Error::AlertReceived(alert) => {
            format!("the server ended the handshake with the alert {} ({alert:?})", u8::from(*alert))
        }
        Error::InvalidMessage(_) => format!("{error}; does the server speak TLS on this port?"),
        error => error.to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    let next = match error {
        CertificateError::UnknownIssuer => {
            "no authority that is believed has signed the server's certificate: name its authority with --cacert, \
             or believe anybody with -k"
        }
        CertificateError::Other(other) if other.0.to_string() == AUTHORITY_AS_SERVER => {
            "the server's certificate is itself an authority's (as `openssl req -x509` makes them), which no server \
             may use: make a certificate that this authority signs, or believe anybody with -k"
        }
        CertificateError::BadSignature => {
            "an authority of the name that the server's certificate states is believed, and has not signed it: is \
             --cacert the right one? -k believes anybody"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            return format!("{error}: ask for a name that is in it, with --sni, or believe anybody with -k");
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            return format!(
                "{error}: the server needs a new one (is this machine's clock right?); -k goes on"
            );
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            return format!("{error}: is this machine's clock right? -k goes on all the same");
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            return format!(
                "{error}: the certificate is not made for servers (extended key usage); -k goes on"
            );
        }
        error => return format!("the server's certificate is not acceptable: {error}"),
    };
    next.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;

    /// What is said about this certificate of `web.example`, with this authority believed.
    fn said(
        certificate: &CertificateDer<'static>,
        authority: &CertificateDer<'static>,
        name: &str,
    ) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        use rustls::client::danger::ServerCertVerifier;
        let verified = verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now());
        explain(&verified.unwrap_err())
    }

    fn made(name: &str, is_authority: bool) -> CertificateDer<'static> {
        let mut parameters = CertificateParams::new(vec!["web.example".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        if is_authority {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn every_common_fault_of_a_certificate_names_the_next_step() {
        let (authority, other, plain) = (made("a", true), made("b", true), made("a", false));
        let own = said(&authority, &authority, "web.example");
        assert!(own.contains("itself an authority's") && own.contains("-k"), "{own}");
        let unknown = said(&plain, &other, "web.example");
        assert!(unknown.contains("--cacert"), "{unknown}");
        let name = said(&plain, &plain, "other.example");
        assert!(name.contains("--sni") && name.contains("web.example"), "{name}");
        let forged = said(&plain, &authority, "web.example");
        assert!(forged.contains("has not signed it"), "{forged}");
        for said in [own, unknown, name, forged] {
            assert!(!said.contains("OtherError") && !said.contains("CaUsedAsEndEntity"), "{said}");
        }
    }

    #[test]
    fn alerts_and_peers_without_tls_are_told_in_words() {
        let alert = explain(&Error::AlertReceived(rustls::AlertDescription::HandshakeFailure));
        assert!(alert.contains("alert 40 (HandshakeFailure)"), "{alert}");
        let plain = explain(&Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
        assert!(plain.contains("does the server speak TLS"), "{plain}");
    }
}
