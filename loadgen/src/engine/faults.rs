//! Errors of the kernel and of rustls as classes of the taxonomy.

use std::io;

use rustls::{AlertDescription, Error as TlsFault};

use crate::measure::ErrorClass;

/// Numbers of Linux that `io::ErrorKind` does not tell apart.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const ENOBUFS: i32 = 105;
const ENOMEM: i32 = 12;
const EADDRINUSE: i32 = 98;
const EADDRNOTAVAIL: i32 = 99;
/// The answer of an established port range that is used up, when the local port is chosen late.
const EAGAIN: i32 = 11;
const ETIMEDOUT: i32 = 110;
const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;
const ENETUNREACH: i32 = 101;
const EHOSTDOWN: i32 = 112;
const ENETDOWN: i32 = 100;
const EACCES: i32 = 13;
const EPERM: i32 = 1;
const ECONNABORTED: i32 = 103;
const ECONNRESET: i32 = 104;
const EPIPE: i32 = 32;

/// An error of socket, bind or connect.
pub fn of_connecting(error: &io::Error) -> ErrorClass {
    match error.raw_os_error() {
        Some(EMFILE | ENFILE | ENOBUFS | ENOMEM) => ErrorClass::ClientDescriptors,
        Some(EADDRINUSE | EADDRNOTAVAIL | EAGAIN) => ErrorClass::AddrInUse,
        Some(ETIMEDOUT) => ErrorClass::ConnectTimeout,
        Some(ECONNREFUSED) => ErrorClass::ConnectRefused,
        Some(EHOSTUNREACH | ENETUNREACH | EHOSTDOWN | ENETDOWN | EACCES | EPERM) => {
            ErrorClass::ConnectUnreachable
        }
        Some(ECONNRESET | ECONNABORTED | EPIPE) => ErrorClass::ConnectReset,
        _ => ErrorClass::ConnectReset,
    }
}

/// An error of reading: whatever its number, the connection is gone before the answer was complete.
/// Only the kernel's own giving up on a peer that has vanished is a time-out.
pub fn of_reading(error: &io::Error) -> ErrorClass {
    match error.raw_os_error() {
        Some(ETIMEDOUT | EHOSTUNREACH | ENETUNREACH) => ErrorClass::ReadTimeout,
        _ => ErrorClass::ReadReset,
    }
}

/// An error of writing.
pub fn of_writing(error: &io::Error) -> ErrorClass {
    match error.raw_os_error() {
        Some(ETIMEDOUT | EHOSTUNREACH | ENETUNREACH) => ErrorClass::WriteTimeout,
        _ => ErrorClass::WriteReset,
    }
}

/// An error of TLS.
pub fn of_tls(error: &TlsFault) -> ErrorClass {
    match error {
        TlsFault::AlertReceived(alert) => ErrorClass::TlsAlert(alert_number(*alert)),
        TlsFault::InvalidCertificate(_)
        | TlsFault::NoCertificatesPresented
        | TlsFault::InvalidCertRevocationList(_)
        | TlsFault::UnsupportedNameType => ErrorClass::TlsCertificate,
        _ => ErrorClass::TlsProtocol,
    }
}

fn alert_number(alert: AlertDescription) -> u8 {
    u8::from(alert)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_and_the_target_are_told_apart() {
        let class = |number| of_connecting(&io::Error::from_raw_os_error(number));
        assert_eq!(class(EADDRNOTAVAIL), ErrorClass::AddrInUse);
        assert_eq!(class(EMFILE), ErrorClass::ClientDescriptors);
        assert_eq!(class(ECONNREFUSED), ErrorClass::ConnectRefused);
        assert_eq!(class(ENETUNREACH), ErrorClass::ConnectUnreachable);
        assert_eq!(
            of_tls(&TlsFault::AlertReceived(AlertDescription::HandshakeFailure)),
            ErrorClass::TlsAlert(40)
        );
    }
}
