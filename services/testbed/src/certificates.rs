//! Certificates for a server of one test.

/// An authority, and a certificate for `localhost` and 127.0.0.1 that it vouches for. All in PEM.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate, for clients to trust.
    pub authority: String,
    /// The server's certificate.
    pub server: String,
    /// Its key.
    pub key: String,
}

impl Certificates {
    /// Certificates that nobody had before.
    ///
    /// # Errors
    /// Where they cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let mut authority = rcgen::CertificateParams::new(Vec::new())?;
        // A name of its own: a certificate whose issuer has its own name would count as signed by itself.
        authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority of one test");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let issuer = rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate()?)?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = rcgen::KeyPair::generate()?;
        let server = rcgen::CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        Ok(Self { authority: issuer.pem(), server: server.pem(), key: key.serialize_pem() })
    }
}
