//! The addresses that requests and credentials go to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Why a text is no address that requests may go to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither `https://` nor `http://` in front.
    #[error("it doesn't begin with https://")]
    Scheme,
    /// Plain `http` to a host that isn't this one: the token could be read on
    /// the way.
    #[error(
        "plain http would send the credentials unprotected; write https:// (http is for loopback alone)"
    )]
    PlainHttp,
    /// `user:password@` in front of the host.
    #[error(
        "it holds credentials before the host; give them with `credentials` or the environment instead"
    )]
    UserInfo,
    /// No host, or characters that no host has.
    #[error("the host isn't one")]
    Host,
    /// No port from 1 to 65535.
    #[error("the port isn't a number from 1 to 65535")]
    Port,
    /// A query, a fragment, white space, or a `..` in the path.
    #[error(
        "the path holds what a base address can't have: a query, a fragment, white space, or a `.` or `..` step"
    )]
    Path,
}

/// An address: scheme, host, port and path. Without credentials, query and
/// fragment, so it can be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether the scheme is `https`.
    pub secure: bool,
    /// The host in lower case; an IPv6 address without its brackets.
    pub host: String,
    /// The port, the scheme's own where none was written.
    pub port: u16,
    /// The path, empty or beginning with `/`, and without a `/` at its end.
    pub path: String,
}

impl HttpUrl {
    /// Takes an address apart.
    ///
    /// # Errors
    /// See [`UrlError`]; the text isn't quoted in it, for it may hold a secret.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(UrlError::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = Self::split_authority(authority)?;
        let path = path.trim_end_matches('/');
        if !is_plain_path(path) {
            return Err(UrlError::Path);
        }
        let url = Self {
            secure,
            host,
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            path: path.to_owned(),
        };
        if !secure && !url.is_loopback() {
            return Err(UrlError::PlainHttp);
        }
        Ok(url)
    }

    fn split_authority(authority: &str) -> Result<(String, Option<u16>), UrlError> {
        let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']').ok_or(UrlError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host)?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or(UrlError::Host)?),
            };
            (address.to_string(), port)
        } else {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            if !is_host_name(host) {
                return Err(UrlError::Host);
            }
            (host.to_ascii_lowercase(), port)
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(
                port.parse()
                    .ok()
                    .filter(|&port| port > 0)
                    .ok_or(UrlError::Port)?,
            ),
            Some(_) => return Err(UrlError::Port),
        };
        Ok((host, port))
    }

    /// Whether the host is this machine: 127.0.0.0/8, ::1 or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// Host and port as the `Host` header has them: the scheme's own port is
    /// left out, an IPv6 address stands in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The same origin with another path, which begins with `/`.
    #[must_use]
    pub fn with_path(&self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..self.clone()
        }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// Letters, digits, `-`, `_` and dots between labels. An IPv4 address is of
/// that form too.
fn is_host_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// A path of visible ASCII characters, without query, fragment or a step that
/// leads out of it.
fn is_plain_path(path: &str) -> bool {
    (path.is_empty() || path.starts_with('/'))
        && path.bytes().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\' | b'{' | b'}')
        })
        && !path.split('/').any(|step| matches!(step, "." | ".."))
}
