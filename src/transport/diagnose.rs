//! From a library's chain of errors to the one cause that a person needs.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::{Cause, Origin, TlsFlaw};

/// The cause at the root of an error's chain, told for the origin.
pub(crate) fn diagnose(error: &(dyn Error + 'static), origin: &Origin) -> Cause {
    let mut deepest = error.to_string();
    let mut in_name_lookup = false;
    let mut link = Some(error);
    while let Some(current) = link {
        if let Some(tls) = tls_error(current) {
            return Cause::Tls {
                host: origin.host().to_owned(),
                flaw: tls_flaw(tls),
            };
        }
        let text = current.to_string();
        if text.starts_with("tunnel error") {
            return Cause::Proxy(text.trim_start_matches("tunnel error: ").to_owned());
        }
        // The connector's own error type isn't public; its text is its only mark.
        in_name_lookup |= text == "dns error";
        if let Some(hyper_error) = current.downcast_ref::<hyper::Error>()
            && let Some(cause) = hyper_cause(hyper_error)
        {
            return cause;
        }
        if let Some(io_error) = current.downcast_ref::<io::Error>()
            && !in_name_lookup
            && let Some(cause) = io_cause(io_error, origin)
        {
            return cause;
        }
        deepest = text;
        link = current.source();
    }
    if in_name_lookup {
        // getaddrinfo's EAI_AGAIN reaches us as text only.
        let temporary = deepest.to_ascii_lowercase().contains("temporary");
        return Cause::Dns {
            host: origin.host().to_owned(),
            temporary,
        };
    }
    Cause::Other(deepest)
}

/// A TLS error, also where it travels inside an I/O error (as it does through
/// every layer between the handshake and us).
fn tls_error<'chain>(link: &'chain (dyn Error + 'static)) -> Option<&'chain rustls::Error> {
    if let Some(found) = link.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    let inner = link.downcast_ref::<io::Error>()?.get_ref()?;
    tls_error(inner)
}

fn tls_flaw(error: &rustls::Error) -> TlsFlaw {
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => TlsFlaw::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFlaw::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFlaw::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFlaw::WrongHost
            }
            CertificateError::Revoked => TlsFlaw::Revoked,
            other => TlsFlaw::Other(other.to_string()),
        },
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            TlsFlaw::NotTls
        }
        other => TlsFlaw::Other(other.to_string()),
    }
}

fn hyper_cause(error: &hyper::Error) -> Option<Cause> {
    if error.is_timeout() {
        return Some(Cause::Timeout);
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Some(Cause::Reset);
    }
    if error.is_parse() {
        return Some(Cause::Other(format!("reply isn't HTTP/1.1: {error}")));
    }
    None
}

fn io_cause(error: &io::Error, origin: &Origin) -> Option<Cause> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::ConnectRefused {
            origin: origin.to_string(),
        }),
        io::ErrorKind::TimedOut => Some(Cause::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(Cause::Reset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: io::Error,
    }

    fn diagnosed(text: &'static str, source: io::Error) -> Cause {
        let origin = Origin::parse("https://api.example.com").unwrap();
        diagnose(&Link { text, source }, &origin)
    }

    #[test]
    fn a_name_that_is_wrong_is_told_from_a_name_server_that_is_away() {
        let host = "api.example.com".to_owned();
        let wrong =
            io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(
            diagnosed("dns error", wrong),
            Cause::Dns {
                host: host.clone(),
                temporary: false
            }
        );
        let away = io::Error::other(
            "failed to lookup address information: Temporary failure in name resolution",
        );
        assert_eq!(
            diagnosed("dns error", away),
            Cause::Dns {
                host,
                temporary: true
            }
        );
    }

    #[test]
    fn the_root_of_the_chain_is_what_is_told() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(diagnosed("error sending request", reset), Cause::Reset);
        let proxy = diagnosed("tunnel error: unsuccessful", io::Error::other("x"));
        assert_eq!(proxy, Cause::Proxy("unsuccessful".to_owned()));
        let other = diagnosed(
            "tcp connect error",
            io::Error::other("network is unreachable"),
        );
        assert_eq!(other, Cause::Other("network is unreachable".to_owned()));
    }
}
