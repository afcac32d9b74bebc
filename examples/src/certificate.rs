//! A certificate of our own, and rustls set to trust it, and it alone. `ring` does the cryptography.

use anyhow::Result;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The name that the certificate is for.
pub const NAME: &str = "handfast.example";

/// A server's configuration with a fresh certificate for [`NAME`], and a client's that trusts it; both speak `protocols`
/// (ALPN, RFC 7301).
///
/// # Errors
/// The cryptography refuses.
pub fn configs(protocols: &[&str]) -> Result<(ServerConfig, ClientConfig)> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let certificate = CertificateDer::from(made.cert);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());

    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let alpn: Vec<_> = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    (server.alpn_protocols, client.alpn_protocols) = (alpn.clone(), alpn);
    Ok((server, client))
}
