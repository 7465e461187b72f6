//! ClientHellos byte by byte, for what no proper client would send.

/// A ClientHello under construction.
#[derive(Debug, Clone)]
pub struct ClientHello {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u8>,
}

/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, which every test certificate can do.
const CIPHER: u16 = 0xc02b;

impl ClientHello {
    /// For TLS 1.2, whose certificate comes unencrypted.
    pub fn tls12() -> Self {
        let hello = Self { version: 0x0303, ciphers: vec![CIPHER, 0x00ff], extensions: Vec::new() };
        // secp256r1; uncompressed points; ecdsa_secp256r1_sha256 and rsa_pss_rsae_sha256.
        hello
            .extension(10, &[0, 2, 0, 23])
            .extension(11, &[1, 0])
            .extension(13, &[0, 4, 4, 3, 8, 4])
            .extension(23, &[])
    }

    /// Another version in the hello itself.
    pub fn version(self, version: u16) -> Self {
        Self { version, ..self }
    }

    /// Other cipher suites.
    pub fn ciphers(self, ciphers: &[u16]) -> Self {
        Self { ciphers: ciphers.to_vec(), ..self }
    }

    /// One more extension.
    pub fn extension(mut self, kind: u16, content: &[u8]) -> Self {
        self.extensions.extend(kind.to_be_bytes());
        self.extensions.extend((content.len() as u16).to_be_bytes());
        self.extensions.extend(content);
        self
    }

    /// A server name, whatever its bytes.
    pub fn name(self, name: &[u8]) -> Self {
        let length = name.len() as u16;
        let entry = [&[0][..], &length.to_be_bytes(), name].concat();
        let list = [&(entry.len() as u16).to_be_bytes()[..], &entry].concat();
        self.extension(0, &list)
    }

    /// Protocols for the application layer.
    pub fn alpn(self, protocol: &[u8]) -> Self {
        let entry = [&[protocol.len() as u8][..], protocol].concat();
        let list = [&(entry.len() as u16).to_be_bytes()[..], &entry].concat();
        self.extension(16, &list)
    }

    /// The handshake message.
    pub fn message(&self) -> Vec<u8> {
        let ciphers: Vec<u8> = self.ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()).collect();
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend((ciphers.len() as u16).to_be_bytes());
        body.extend(ciphers);
        body.extend([1, 0]);
        body.extend((self.extensions.len() as u16).to_be_bytes());
        body.extend(&self.extensions);
        let length = (body.len() as u32).to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    /// The message in records of at most this many bytes.
    pub fn records(&self, size: usize) -> Vec<u8> {
        self.message().chunks(size).flat_map(|piece| record(22, 0x0301, piece)).collect()
    }

    /// The message in as few records as it takes.
    pub fn bytes(&self) -> Vec<u8> {
        self.records(1 << 14)
    }
}

/// A record.
pub fn record(kind: u8, version: u16, content: &[u8]) -> Vec<u8> {
    [&[kind][..], &version.to_be_bytes(), &(content.len() as u16).to_be_bytes(), content].concat()
}
