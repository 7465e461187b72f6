//! The first bytes of a TLS connection: our reading of the server name beside that of rustls.

use rustls::server::Acceptor;
use torii::tls::client_hello::{self, Verdict};

use super::cuts::check_beginnings;

/// One input.
pub fn run(data: &[u8]) {
    check_beginnings(data, |part| match client_hello::read(part) {
        Verdict::NeedMore => None,
        verdict => Some(verdict),
    });
    let ours = client_hello::read(data);
    if let Verdict::Hello { server_name: Some(name) } = ours {
        let name = name.as_str();
        assert!(!name.is_empty() && name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    let Some(theirs) = name_by_rustls(data) else { return };
    match ours {
        Verdict::Hello { server_name } => {
            // rustls takes an address for no name at all.
            let ours = server_name.filter(|name| name.as_str().parse::<std::net::IpAddr>().is_err());
            let ours = ours.map(|name| name.as_str().to_ascii_lowercase());
            assert_eq!(ours, theirs.map(|name| name.to_ascii_lowercase()));
        }
        Verdict::NeedMore => panic!("rustls has a whole ClientHello where we wait for more"),
        // We are stricter: two host names, a size beyond ours.
        Verdict::NotTls | Verdict::TooLarge => {}
    }
}

/// The server name if rustls takes the bytes for a whole ClientHello that it understands.
fn name_by_rustls(data: &[u8]) -> Option<Option<String>> {
    let mut acceptor = Acceptor::default();
    let mut rest = data;
    while !rest.is_empty() {
        if acceptor.read_tls(&mut rest).ok()? == 0 {
            return None;
        }
        if let Some(accepted) = acceptor.accept().ok()? {
            return Some(accepted.client_hello().server_name().map(str::to_owned));
        }
    }
    None
}
