//! The demo's self-signed certificate: ECDSA P-256, for `localhost` and `127.0.0.1`, for a few days.
//!
//! Called once by `run`. The key exists in memory and in the demo's private folder, nowhere else.

use chrono::{DateTime, Datelike, Days, Utc};
use rcgen::{CertificateParams, DnType, Error, KeyPair, date_time_ymd};

/// Names that the certificate is for.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Days from yesterday to the end of its validity; longer than anybody lets a demo run.
const DAYS: u64 = 30;

/// A certificate and its key, one after the other, as torii reads them. `now`: the present.
///
/// # Errors
/// The cryptographic library has no random numbers.
pub(super) fn pem(now: DateTime<Utc>) -> Result<String, Error> {
    let mut parameters = CertificateParams::new(NAMES.map(str::to_owned))?;
    parameters.distinguished_name.push(DnType::CommonName, "torii demo");
    // A month is 1 to 12 and a day 1 to 31.
    let midnight = |day: DateTime<Utc>| date_time_ymd(day.year(), day.month() as u8, day.day() as u8);
    // From yesterday on: a clock may be set back a little while the demo runs.
    parameters.not_before = midnight(now - Days::new(1));
    parameters.not_after = midnight(now + Days::new(DAYS));
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn is_made_on_any_day() {
        for day in ["2024-02-29T00:00:00Z", "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"] {
            let text = pem(day.parse().unwrap()).unwrap();
            assert!(text.starts_with("-----BEGIN CERTIFICATE-----") && text.contains("PRIVATE KEY-----"));
        }
    }
}
