//! The headers that carry a token, or a user's name and password.
//!
//! RFC 6750 has a token behind `Bearer` in `Authorization`, and most platforms
//! do. Others want another word before it, or a header of their own.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::transport::SharedHeaders;

/// A header that goes along with each request: its name, and what stands before
/// and behind the one thing that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    /// The header's name.
    pub name: HeaderName,
    /// Text before what it carries, such as `Token token=`.
    pub before: String,
    /// What it carries.
    pub carries: Carried,
    /// Text behind it.
    pub after: String,
}

/// What a header carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The token.
    Token,
    /// The client's id.
    ClientId,
}

impl TokenHeader {
    /// `Authorization: Bearer …`, as RFC 6750 has it.
    #[must_use]
    pub fn bearer() -> Self {
        Self {
            name: AUTHORIZATION,
            before: "Bearer ".to_owned(),
            carries: Carried::Token,
            after: String::new(),
        }
    }
}

/// The headers with a token and a client's id in them, in a form that requests
/// share. None where one of the two can't stand in a header.
pub(super) fn filled(
    headers: &[TokenHeader],
    token: &str,
    client_id: &str,
) -> Option<SharedHeaders> {
    let filled = headers.iter().map(|header| {
        let carried = match header.carries {
            Carried::Token => token,
            Carried::ClientId => client_id,
        };
        let value = sensitive(&header.before, carried, &header.after)?;
        Some((header.name.clone(), value))
    });
    filled.collect()
}

/// An `Authorization` header alone, as [`SharedHeaders`].
pub(super) fn alone(authorization: HeaderValue) -> SharedHeaders {
    Arc::new([(AUTHORIZATION, authorization)])
}

/// A header's value that is never printed, and whose buffer is wiped when the
/// last copy is dropped; none where the secret can't stand in a header.
pub(super) fn sensitive(before: &str, secret: &str, after: &str) -> Option<HeaderValue> {
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let length = before.len() + secret.len() + after.len();
    let mut text = Zeroizing::new(Vec::with_capacity(length));
    for piece in [before, secret, after] {
        text.extend_from_slice(piece.as_bytes());
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_carries_one_thing_and_none_can_be_printed() {
        let own = |name: &'static str, before: &str, carries| TokenHeader {
            name: HeaderName::from_static(name),
            before: before.to_owned(),
            carries,
            after: String::new(),
        };
        let headers = [
            own("authorization", "Token token=", Carried::Token),
            own("x-api-key", "", Carried::ClientId),
        ];
        let sent = filled(&headers, "hunter2", "app").expect("they can be sent");
        assert_eq!(sent[0].1, "Token token=hunter2");
        assert_eq!(
            (sent[1].0.as_str(), &sent[1].1),
            ("x-api-key", &"app".parse().expect("plain"))
        );
        assert!(sent.iter().all(|(_, value)| value.is_sensitive()));
        assert!(!format!("{sent:?}").contains("hunter2"));
        for token in ["", "a b", "a\nb", "ü"] {
            assert_eq!(filled(&headers, token, "app"), None, "{token:?}");
        }
    }
}
