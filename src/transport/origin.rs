//! Where a token or a body may go: scheme, host and port, and nothing else.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use thiserror::Error;

/// The two schemes that a tenant can be reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text; only for loopback.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL that no request may go to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OriginError {
    /// It isn't an absolute URL with a host. The URL itself isn't repeated: it
    /// may hold a password.
    #[error("{what} isn't a URL with a scheme and a host; write it like https://api.example.com")]
    NotAbsolute {
        /// What was wrong, as the parser says it.
        what: String,
    },
    /// The scheme is neither http nor https.
    #[error("scheme {scheme} isn't supported for {host}; use https")]
    Scheme {
        /// The scheme as written.
        scheme: String,
        /// The host it was written for.
        host: String,
    },
    /// Plain http to another machine would send the token in the clear.
    #[error(
        "plain http to {host} would send the token unencrypted; use https (http is for loopback only)"
    )]
    PlainHttp {
        /// The host it was written for.
        host: String,
    },
    /// A user name or password stands in the URL.
    #[error(
        "the URL of {host} holds a user name or password; give credentials by environment, file or command"
    )]
    UserInfo {
        /// The host behind the `@`.
        host: String,
    },
}

/// Scheme, host and port of a tenant: what a transport is bound to for life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    /// Lower case; an IPv6 address keeps its brackets, as in a `Host` header.
    host: String,
    port: u16,
}

impl Origin {
    /// Reads the origin of an absolute URL; path and query are left aside.
    ///
    /// # Errors
    /// [`OriginError`] where the URL isn't absolute, isn't http(s), is plain
    /// http to another machine, or holds a user name.
    pub fn parse(url: &str) -> Result<Self, OriginError> {
        let uri: Uri = url.trim().parse().map_err(|cause: http::uri::InvalidUri| {
            OriginError::NotAbsolute {
                what: cause.to_string(),
            }
        })?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(OriginError::NotAbsolute {
                what: "the base URL".to_owned(),
            });
        };
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() || host == "[]" {
            return Err(OriginError::NotAbsolute {
                what: "the base URL".to_owned(),
            });
        }
        if authority.as_str().contains('@') {
            return Err(OriginError::UserInfo { host });
        }
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => {
                return Err(OriginError::Scheme {
                    scheme: other.to_owned(),
                    host,
                });
            }
        };
        let port = authority
            .port_u16()
            .unwrap_or_else(|| scheme.default_port());
        let origin = Self { scheme, host, port };
        if scheme == Scheme::Http && !origin.is_loopback() {
            return Err(OriginError::PlainHttp { host: origin.host });
        }
        Ok(origin)
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case, an IPv6 address with its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is this machine: `localhost` (RFC 6761), 127.0.0.0/8 or ::1.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
        }
    }

    /// The value of the `Host` header: the port only where it isn't the scheme's own.
    pub(crate) fn host_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.authority())
            .expect("a host that a URL parser accepted is a legal header value")
    }

    /// The origin as a URI with the path `/`, for connectors that want one.
    pub(crate) fn uri(&self) -> Uri {
        format!("{self}/")
            .parse()
            .expect("an origin that was parsed parses again")
    }

    fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_forgets_path_and_query_and_keeps_a_port_that_matters() {
        let origin = Origin::parse("https://API.example.com:443/v2/contacts?page=1").unwrap();
        assert_eq!(origin.to_string(), "https://api.example.com");
        let origin = Origin::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(origin.to_string(), "http://127.0.0.1:8080");
        assert_eq!(origin.host_header(), "127.0.0.1:8080");
        assert_eq!(Origin::parse("http://[::1]:81").unwrap().host(), "[::1]");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for allowed in [
            "http://localhost",
            "http://tenant.localhost:1",
            "http://[::1]",
            "http://127.9.9.9",
        ] {
            assert!(Origin::parse(allowed).is_ok(), "{allowed}");
        }
        for refused in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://[::2]",
        ] {
            assert!(
                matches!(Origin::parse(refused), Err(OriginError::PlainHttp { .. })),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_without_repeating_a_password() {
        let error = Origin::parse("https://user:hunter2@example.com").unwrap_err();
        assert_eq!(
            error,
            OriginError::UserInfo {
                host: "example.com".to_owned()
            }
        );
        assert!(!error.to_string().contains("hunter2"));
        for refused in [
            "",
            "/v2",
            "example.com",
            "ftp://example.com",
            "https://",
            "not a url",
        ] {
            assert!(Origin::parse(refused).is_err(), "{refused}");
        }
    }
}
