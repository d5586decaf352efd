//! TLS settings, made once and shared by every connection of the process.

use std::sync::{Arc, OnceLock};

use hyper_rustls::ConfigBuilderExt;
use rustls::crypto::ring;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::{Scheme, SetupError};

/// HTTP/1.1 is all that is spoken: one connection per request under way is what
/// the data plane counts with, and HTTP/2 would put them all behind one socket.
const ALPN: &[u8] = b"http/1.1";

/// The TLS settings for a scheme. Reading the machine's roots costs
/// milliseconds, so it is done on the first https origin and never for http.
pub(crate) fn client_config(scheme: Scheme) -> Result<Arc<ClientConfig>, SetupError> {
    static TRUSTING: OnceLock<Result<Arc<ClientConfig>, SetupError>> = OnceLock::new();
    static TRUSTING_NOBODY: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    match scheme {
        Scheme::Http => {
            Ok(Arc::clone(TRUSTING_NOBODY.get_or_init(|| {
                Arc::new(config_with_roots(RootCertStore::empty()))
            })))
        }
        Scheme::Https => TRUSTING
            .get_or_init(|| machine_config().map(Arc::new))
            .clone(),
    }
}

/// TLS settings that trust the given roots and nobody else.
pub(crate) fn config_with_roots(roots: RootCertStore) -> ClientConfig {
    speaking_http1(
        builder()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// TLS settings that trust what this machine trusts; `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` are honoured.
fn machine_config() -> Result<ClientConfig, SetupError> {
    let builder = builder()
        .with_native_roots()
        .map_err(|cause| SetupError::NoRoots {
            what: cause.to_string(),
        })?;
    Ok(speaking_http1(builder.with_no_client_auth()))
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the ring provider supports TLS 1.2 and 1.3")
}

fn speaking_http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}
