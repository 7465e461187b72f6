//! Where connections go: resolved addresses, and the name that TLS asks for.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use rustls::pki_types::ServerName;

use super::target::TargetUrl;

/// Addresses of one name that are used, in turn.
const ADDRESSES_MAX: usize = 64;

/// What is needed to speak TLS to an endpoint.
#[derive(Debug, Clone)]
pub struct Secure {
    /// Sent as SNI, and what the certificate has to be valid for.
    pub name: ServerName<'static>,
}

/// One host and port.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// For display: host and port.
    pub name: String,
    /// Where to connect to: the first address, unless all are asked for.
    pub addresses: Vec<SocketAddr>,
    /// `None`: no TLS.
    pub secure: Option<Secure>,
}

/// Why an endpoint cannot be used.
#[derive(Debug)]
pub enum EndpointError {
    /// The name has no address.
    Dns(String, io::Error),
    /// The name cannot be asked for in TLS.
    ServerName(String),
}

impl std::fmt::Display for EndpointError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name, error) => write!(formatter, "dns: {name} has no address: {error}"),
            Self::ServerName(name) => write!(formatter, "{name:?} is no name that TLS could ask for"),
        }
    }
}

impl Endpoint {
    /// Resolves a URL's host once, so that the run never waits for DNS.
    ///
    /// `connect_to` replaces the addresses (to reach one node of several under the public name),
    /// `server_name` the name for TLS, and `all` has connections go to all addresses in turn.
    ///
    /// # Errors
    /// The name has no address, or is none for TLS.
    pub fn resolve(
        url: &TargetUrl,
        connect_to: Option<SocketAddr>,
        server_name: Option<&str>,
        all: bool,
    ) -> Result<Self, EndpointError> {
        let name = format!("{}:{}", url.host, url.port);
        let mut addresses: Vec<SocketAddr> = match connect_to {
            Some(address) => vec![address],
            None => (url.host.as_str(), url.port)
                .to_socket_addrs()
                .map_err(|error| EndpointError::Dns(url.host.clone(), error))?
                .take(if all { ADDRESSES_MAX } else { 1 })
                .collect(),
        };
        addresses.dedup();
        if addresses.is_empty() {
            return Err(EndpointError::Dns(url.host.clone(), io::ErrorKind::NotFound.into()));
        }
        let server_name = server_name.unwrap_or(&url.host).to_owned();
        let secure = match url.secure {
            false => None,
            true => Some(Secure {
                name: ServerName::try_from(server_name.clone())
                    .map_err(|_| EndpointError::ServerName(server_name))?,
            }),
        };
        Ok(Self { name, addresses, secure })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_need_no_resolver_and_a_wrong_name_says_dns() {
        let url: TargetUrl = "https://127.0.0.1:8443/".parse().unwrap();
        let endpoint = Endpoint::resolve(&url, None, None, false).unwrap();
        assert_eq!(endpoint.addresses, ["127.0.0.1:8443".parse().unwrap()]);
        assert!(endpoint.secure.is_some());
        let other = "192.0.2.1:1".parse().unwrap();
        let endpoint = Endpoint::resolve(&url, Some(other), Some("example.com"), false).unwrap();
        assert_eq!(endpoint.addresses, [other]);
        assert_eq!(endpoint.secure.unwrap().name.to_str(), "example.com");
        let url: TargetUrl = "http://no-such-name.invalid/".parse().unwrap();
        let error = Endpoint::resolve(&url, None, None, false).unwrap_err();
        assert!(error.to_string().starts_with("dns: no-such-name.invalid"), "{error}");
    }
}
