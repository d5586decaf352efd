//! Why no reply came, and whether the request may have arrived.

use std::fmt;

use thiserror::Error;

use super::OriginError;

/// How far the request had got when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// No byte of it left: it can be sent again without a thought.
    NotSent,
    /// It may have left, whole or in part: the tenant may have acted on it.
    NoReply,
}

/// What is wrong with the other side's TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFlaw {
    /// No trusted root vouches for the certificate.
    UnknownIssuer,
    /// The certificate's time is over.
    Expired,
    /// The certificate's time hasn't begun.
    NotYetValid,
    /// The certificate is another host's.
    WrongHost,
    /// The certificate was withdrawn.
    Revoked,
    /// The other side doesn't speak TLS at all.
    NotTls,
    /// Anything else, in the TLS library's words.
    Other(String),
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing listens there.
    ConnectRefused {
        /// The origin as a URL.
        origin: String,
    },
    /// The host's name has no address.
    Dns {
        /// The name that was looked up.
        host: String,
        /// The resolver said to try again: the network rather than the name is at fault.
        temporary: bool,
    },
    /// The other side's certificate or handshake can't be accepted.
    Tls {
        /// The host that was to be proved.
        host: String,
        /// What is wrong.
        flaw: TlsFlaw,
    },
    /// The proxy refused or broke the way; in its own words.
    Proxy(String),
    /// The time was over.
    Timeout,
    /// The connection ended without a reply.
    Reset,
    /// Anything else, in the library's words.
    Other(String),
}

/// A request without a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError {
    /// Whether the request may have left.
    pub stage: Stage,
    /// What went wrong.
    pub cause: Cause,
}

impl SendError {
    /// A failure at a stage.
    #[must_use]
    pub fn new(stage: Stage, cause: Cause) -> Self {
        Self { stage, cause }
    }

    /// Whether trying again is unlikely to help: a certificate, a proxy or a
    /// host's name stays wrong until somebody changes it. A hint; the caller
    /// may try a little longer at the start of a run.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match &self.cause {
            Cause::Tls { .. } | Cause::Proxy(_) => true,
            Cause::Dns { temporary, .. } => !temporary,
            Cause::ConnectRefused { .. } | Cause::Timeout | Cause::Reset | Cause::Other(_) => false,
        }
    }

    /// What the user can do, as a sentence; none where only time helps.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.cause {
            Cause::ConnectRefused { .. } => {
                Some("Check the host and the port, and that nothing blocks the way.")
            }
            Cause::Dns {
                temporary: true, ..
            } => Some("Check this machine's network and name server."),
            Cause::Dns {
                temporary: false, ..
            } => Some("Check the region or the base URL for a wrong host name."),
            Cause::Tls { flaw, .. } => Some(match flaw {
                TlsFlaw::UnknownIssuer => {
                    "If a company proxy or a private authority signs certificates here, \
                     point SSL_CERT_FILE at its root certificate (PEM)."
                }
                TlsFlaw::Expired | TlsFlaw::NotYetValid => {
                    "Check this machine's clock; if it is right, the host's owner has to renew the certificate."
                }
                TlsFlaw::WrongHost => {
                    "Check the region or the base URL: the certificate belongs to another host."
                }
                TlsFlaw::Revoked => {
                    "Don't go on; ask the host's owner why the certificate was withdrawn."
                }
                TlsFlaw::NotTls => "Check the port: the other side doesn't speak TLS there.",
                TlsFlaw::Other(_) => {
                    "Check what stands between this machine and the host, such as a TLS proxy."
                }
            }),
            Cause::Proxy(_) => Some(
                "Check HTTPS_PROXY and its user name and password; NO_PROXY names hosts to go to directly.",
            ),
            Cause::Timeout | Cause::Reset | Cause::Other(_) => None,
        }
    }
}

impl fmt::Display for TlsFlaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer => formatter.write_str("its issuer isn't known here"),
            Self::Expired => formatter.write_str("it has expired"),
            Self::NotYetValid => formatter.write_str("it isn't valid yet"),
            Self::WrongHost => formatter.write_str("it belongs to another host"),
            Self::Revoked => formatter.write_str("it was revoked"),
            Self::NotTls => formatter.write_str("the other side doesn't speak TLS"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectRefused { origin } => write!(formatter, "connection refused by {origin}"),
            Self::Dns {
                host,
                temporary: false,
            } => write!(formatter, "no address found for host {host}"),
            Self::Dns {
                host,
                temporary: true,
            } => write!(formatter, "name server didn't answer for host {host}"),
            Self::Tls {
                host,
                flaw: flaw @ (TlsFlaw::NotTls | TlsFlaw::Other(_)),
            } => {
                write!(formatter, "TLS with {host} failed: {flaw}")
            }
            Self::Tls { host, flaw } => {
                write!(formatter, "certificate of {host} can't be accepted: {flaw}")
            }
            Self::Proxy(text) => write!(formatter, "proxy failed: {text}"),
            Self::Timeout => formatter.write_str("timed out"),
            Self::Reset => formatter.write_str("connection closed without a reply"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::NotSent => "request not sent",
            Stage::NoReply => "no reply",
        };
        write!(formatter, "{stage}: {}", self.cause)
    }
}

impl std::error::Error for SendError {}

/// A transport that can't be set up; nothing was sent.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SetupError {
    /// The base URL can't be used.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// No root certificate can be read.
    #[error(
        "no root certificates found on this machine ({what}); install its ca-certificates package or point SSL_CERT_FILE at a PEM file"
    )]
    NoRoots {
        /// What the search ran into.
        what: String,
    },
    /// The proxy that the environment names can't be used.
    #[error("proxy can't be used: {what}; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY")]
    Proxy {
        /// What is wrong, without the proxy's password.
        what: String,
    },
    /// The HTTP client refused its own settings.
    #[error("HTTP client can't be set up: {what}")]
    Client {
        /// The client's words.
        what: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_stage_its_cause_and_what_to_do() {
        let error = SendError::new(
            Stage::NotSent,
            Cause::Tls {
                host: "api.example.com".to_owned(),
                flaw: TlsFlaw::UnknownIssuer,
            },
        );
        assert_eq!(
            error.to_string(),
            "request not sent: certificate of api.example.com can't be accepted: its issuer isn't known here"
        );
        assert!(error.is_permanent());
        assert!(error.hint().unwrap().contains("SSL_CERT_FILE"));
        assert!(!SendError::new(Stage::NoReply, Cause::Timeout).is_permanent());
    }
}
