//! The grants as bytes to send: client credentials (RFC 6749, section 4.4), a
//! user's name and password (section 4.3), and a refresh token (section 6).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::RefreshToken;
use super::header::{self, TokenHeader, sensitive};
use crate::transport::SharedHeaders;

/// All but the unreserved characters of RFC 3986: a subset of what
/// `application/x-www-form-urlencoded` leaves alone, so every reader agrees.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where client id and secret go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CredentialsIn {
    /// In a Basic `Authorization` header, as RFC 6749 asks servers to support.
    #[default]
    Basic,
    /// In the form, as `client_id` and `client_secret`.
    Form,
    /// In both places; some endpoints want that.
    Both,
    /// No token is asked for: the secret is one, and goes along with each request.
    TokenItself,
    /// No token is asked for: id and secret go along with each request in a
    /// Basic header.
    BasicItself,
}

/// What an application shows to get a token.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The client id; not secret.
    pub client_id: String,
    /// The client secret; can't be printed.
    pub client_secret: SecretString,
    /// The user whom the application acts for; none where it acts for itself.
    pub user: Option<User>,
    /// What a user has given the application instead of name and password; none
    /// where the grant wants none.
    pub refresh_token: Option<RefreshToken>,
}

/// A user, as the password grant shows one: often an access key, whose id and
/// secret stand for name and password.
#[derive(Clone, Debug)]
pub struct User {
    /// The name, or the access key's id.
    pub name: SecretString,
    /// The password, or the access key's secret.
    pub password: SecretString,
}

impl User {
    /// Bytes of name and password.
    fn length(&self) -> usize {
        self.name.expose_secret().len() + self.password.expose_secret().len()
    }
}

/// What a rule of the connector says about a reply of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MintVerdict {
    /// The credentials or the scope are refused; asking again won't help.
    Refused,
    /// Too many token requests: wait, then ask again.
    Throttled,
    /// A passing failure: ask again a little later.
    Passing,
}

/// The connector's rules about the token endpoint's replies: status and body
/// in, a verdict out where a rule matches. Where none does, the status and the
/// error code of RFC 6749 decide.
pub type MintRules = Arc<dyn Fn(u16, &[u8]) -> Option<MintVerdict> + Send + Sync>;

/// Where tokens come from.
#[derive(Clone)]
pub struct TokenEndpoint {
    /// The whole URL.
    pub url: String,
    /// The scopes to ask for, separated by spaces; none to take the default.
    pub scope: Option<String>,
    /// Where id and secret go.
    pub credentials_in: CredentialsIn,
    /// The headers that carry a token. Empty: `Authorization: Bearer …`, of a
    /// token that the endpoint calls a bearer token.
    pub headers: Vec<TokenHeader>,
    /// Where a reply tells the API's address, as a JSON pointer; none where it
    /// doesn't.
    pub address_at: Option<String>,
    /// What the platform's replies mean, where they mean something special.
    pub rules: MintRules,
}

/// A grant ready to be sent: a header, a form, or both. Can't be printed; its
/// buffers are wiped when dropped.
pub struct TokenRequest {
    /// The Basic header, marked sensitive.
    pub authorization: Option<HeaderValue>,
    /// The form's body.
    pub form: Bytes,
}

impl TokenEndpoint {
    /// The headers that carry a token; `None` for one that no header may hold.
    pub(super) fn headers_with(&self, token: &str, client_id: &str) -> Option<SharedHeaders> {
        match self.headers.as_slice() {
            [] => header::filled(&[TokenHeader::bearer()], token, client_id),
            own => header::filled(own, token, client_id),
        }
    }

    /// The headers of every request, where no token is asked for; `None` too for
    /// a secret that no header may hold.
    pub(super) fn fixed_headers(&self, credentials: &Credentials) -> Option<SharedHeaders> {
        let secret = credentials.client_secret.expose_secret();
        match self.credentials_in {
            CredentialsIn::TokenItself => self.headers_with(secret, &credentials.client_id),
            CredentialsIn::BasicItself => {
                Some(header::alone(basic(&credentials.client_id, secret)))
            }
            CredentialsIn::Basic | CredentialsIn::Form | CredentialsIn::Both => None,
        }
    }
}

impl TokenRequest {
    /// The grant: by `refresh_token` or the user's where there is one, else the
    /// client's own.
    ///
    /// RFC 6749, section 2.3.1, has id and secret form-encoded before Basic
    /// puts them together. Next to no client does so (curl and Go's
    /// `SetBasicAuth` send them raw), and servers compare raw values; so they
    /// are sent raw, as RFC 7617 has it. Only an id with a `:`, which Basic
    /// can't carry, is encoded.
    #[must_use]
    pub fn new(
        endpoint: &TokenEndpoint,
        credentials: &Credentials,
        refresh_token: Option<&SecretString>,
    ) -> Self {
        let secret = credentials.client_secret.expose_secret();
        let in_header = matches!(
            endpoint.credentials_in,
            CredentialsIn::Basic | CredentialsIn::Both
        );
        let in_form = matches!(
            endpoint.credentials_in,
            CredentialsIn::Form | CredentialsIn::Both
        );
        // Encoding at most triples it; a growing buffer would leave copies behind.
        let mut form = Zeroizing::new(String::with_capacity(
            128 + 3
                * (credentials.client_id.len()
                    + secret.len()
                    + credentials.user.as_ref().map_or(0, User::length)
                    + refresh_token.map_or(0, |token| token.expose_secret().len())
                    + endpoint.scope.as_ref().map_or(0, String::len)),
        ));
        match (refresh_token, &credentials.user) {
            (Some(token), _) => {
                form.push_str("grant_type=refresh_token");
                push_field(&mut form, "refresh_token", token.expose_secret());
            }
            (None, None) => form.push_str("grant_type=client_credentials"),
            (None, Some(user)) => {
                form.push_str("grant_type=password");
                push_field(&mut form, "username", user.name.expose_secret());
                push_field(&mut form, "password", user.password.expose_secret());
            }
        }
        if let Some(scope) = &endpoint.scope {
            push_field(&mut form, "scope", scope);
        }
        if in_form {
            push_field(&mut form, "client_id", &credentials.client_id);
            push_field(&mut form, "client_secret", secret);
        }
        Self {
            authorization: in_header.then(|| basic(&credentials.client_id, secret)),
            form: Bytes::from_owner(form),
        }
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenRequest([redacted])")
    }
}

fn push_field(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    form.extend(utf8_percent_encode(value, ENCODED));
}

fn basic(client_id: &str, secret: &str) -> HeaderValue {
    let mut pair = Zeroizing::new(String::with_capacity(
        3 * (client_id.len() + secret.len()) + 1,
    ));
    if client_id.contains(':') {
        pair.extend(utf8_percent_encode(client_id, ENCODED));
    } else {
        pair.push_str(client_id);
    }
    pair.push(':');
    pair.push_str(secret);
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    sensitive("Basic ", &encoded, "").expect("base64 is printable ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(credentials_in: CredentialsIn) -> TokenEndpoint {
        TokenEndpoint {
            url: "https://id.example.com/oauth/token".to_owned(),
            scope: Some("contact:write contact:read".to_owned()),
            credentials_in,
            headers: Vec::new(),
            address_at: None,
            rules: Arc::new(|_, _| None),
        }
    }

    fn credentials(client_id: &str, client_secret: &str) -> Credentials {
        Credentials {
            client_id: client_id.to_owned(),
            client_secret: SecretString::from(client_secret),
            user: None,
            refresh_token: None,
        }
    }

    fn decoded_basic(client_id: &str, client_secret: &str) -> String {
        let request = TokenRequest::new(
            &endpoint(CredentialsIn::Basic),
            &credentials(client_id, client_secret),
            None,
        );
        let header = request.authorization.unwrap();
        assert!(header.is_sensitive());
        let text = header
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap()
            .to_owned();
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn basic_is_sent_raw_but_for_an_id_that_it_can_not_carry() {
        assert_eq!(decoded_basic("app", "s3cret-._~"), "app:s3cret-._~");
        assert_eq!(
            decoded_basic("app@vendor", "a/b+c=%!:d ü"),
            "app@vendor:a/b+c=%!:d ü"
        );
        assert_eq!(decoded_basic("a:b", "x"), "a%3Ab:x");
    }

    #[test]
    fn the_form_holds_the_secret_only_where_it_is_asked_to() {
        let form = |place| {
            let request = TokenRequest::new(&endpoint(place), &credentials("app", "a&b c+"), None);
            (
                String::from_utf8(request.form.to_vec()).unwrap(),
                request.authorization.is_some(),
            )
        };
        let bare = "grant_type=client_credentials&scope=contact%3Awrite%20contact%3Aread";
        assert_eq!(form(CredentialsIn::Basic), (bare.to_owned(), true));
        let full = format!("{bare}&client_id=app&client_secret=a%26b%20c%2B");
        assert_eq!(form(CredentialsIn::Form), (full.clone(), false));
        assert_eq!(form(CredentialsIn::Both), (full, true));
    }

    #[test]
    fn a_user_is_shown_in_the_form_and_the_client_in_the_header() {
        let mut credentials = credentials("app", "s3cret");
        credentials.user = Some(User {
            name: SecretString::from("AK/1"),
            password: SecretString::from("a=b&c"),
        });
        let endpoint = TokenEndpoint {
            scope: None,
            ..endpoint(CredentialsIn::Basic)
        };
        let request = TokenRequest::new(&endpoint, &credentials, None);
        assert_eq!(
            request.form,
            "grant_type=password&username=AK%2F1&password=a%3Db%26c"
        );
        assert!(request.authorization.is_some());
        let printed = format!("{credentials:?}");
        assert!(!printed.contains("AK") && !printed.contains("a=b"));
    }

    #[test]
    fn a_refresh_token_is_shown_in_the_form() {
        let token = SecretString::from("r/1+x");
        let endpoint = endpoint(CredentialsIn::Form);
        let request = TokenRequest::new(&endpoint, &credentials("app", "s3cret"), Some(&token));
        assert_eq!(
            request.form,
            "grant_type=refresh_token&refresh_token=r%2F1%2Bx&scope=contact%3Awrite%20contact%3Aread\
             &client_id=app&client_secret=s3cret"
        );
        assert_eq!(request.authorization, None);
    }

    #[test]
    fn nothing_printable_holds_the_secret() {
        let credentials = credentials("app", "hunter2");
        let request = TokenRequest::new(&endpoint(CredentialsIn::Both), &credentials, None);
        let printed = format!("{credentials:?} {request:?} {:?}", request.authorization);
        assert!(
            !printed.contains("hunter2") && !printed.contains(&STANDARD.encode("app:hunter2")),
            "{printed}"
        );
    }
}
