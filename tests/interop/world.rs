//! The usual scene of a test: three nginx, a certificate, a log, and the subject before them.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::origin::Origin;
use crate::peers;
use crate::proxies::{self, Kind, Proxy, Setup, Syslog};

/// Everything a test needs; all of it ends when it is dropped. Proxies go before what they talk to.
pub struct World {
    pub proxy: Proxy,
    pub log: Syslog,
    pub origins: Vec<Origin>,
    pub certificate: PathBuf,
    pub folder: TempDir,
}

impl World {
    /// The scene, or `None` after a printed reason when a program is missing. `programs`: those that the
    /// test itself runs.
    pub fn build(programs: &[&str]) -> Option<Self> {
        let mut needed = vec!["nginx", "curl"];
        needed.extend(programs);
        if proxies::subject() == Kind::Haproxy {
            needed.push("haproxy");
        }
        if !peers::available(&needed) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("localhost.pem");
        proxies::write_certificate(&certificate, &["localhost", "127.0.0.1"]);
        let origins = Origin::start_three(folder.path());
        let log = Syslog::udp();
        let proxy = Proxy::start(
            proxies::subject(),
            &Setup {
                folder: folder.path(),
                servers: origins.iter().map(Into::into).collect(),
                certificates: certificate.clone(),
                log: log.target.clone(),
            },
        );
        Some(Self { proxy, log, origins, certificate, folder })
    }

    /// A real HAProxy with the same servers, beside the subject, and its log.
    pub fn haproxy(&self) -> (Proxy, Syslog) {
        let log = Syslog::udp();
        let folder = self.folder.path().join("haproxy");
        std::fs::create_dir(&folder).unwrap();
        let setup = Setup {
            folder: &folder,
            servers: self.origins.iter().map(Into::into).collect(),
            certificates: self.certificate.clone(),
            log: log.target.clone(),
        };
        (Proxy::start(Kind::Haproxy, &setup), log)
    }
}
