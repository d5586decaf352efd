//! What a token endpoint answers, read with suspicion.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{MintedToken, TokenEndpoint};
use crate::transport::Reply;

/// A life beyond this is taken as this: nothing runs longer, and dates stay computable.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);
/// How much of an endpoint's own words is shown.
const SHOWN_CHARS: usize = 300;

/// RFC 6749, section 5.1; everything optional, so that what is missing can be named.
#[derive(Deserialize)]
struct GrantedFields {
    access_token: Option<String>,
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Value,
    scope: Option<String>,
}

/// RFC 6749, section 5.2, and the names that others use.
#[derive(Default, Deserialize)]
struct RefusedFields {
    #[serde(default)]
    error: Value,
    #[serde(default)]
    error_description: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    description: Value,
}

/// Reads a granted token; the error says what is wrong with the reply.
pub(crate) fn read_granted(
    body: &[u8],
    endpoint: &TokenEndpoint,
    client_id: &str,
) -> Result<MintedToken, String> {
    let fields: GrantedFields = serde_json::from_slice(body).map_err(|cause| {
        format!(
            "isn't a token's JSON (line {}, column {})",
            cause.line(),
            cause.column()
        )
    })?;
    let token = Zeroizing::new(fields.access_token.unwrap_or_default());
    if token.is_empty() {
        return Err("holds no access_token".to_owned());
    }
    // "Bearer" by RFC 6750; gateways are known to say "BearerToken". Where the
    // connector says how a token is sent, its kind is no question any more.
    let kind = fields.token_type.unwrap_or_else(|| "Bearer".to_owned());
    let is_bearer = (kind.get(..6)).is_some_and(|prefix| prefix.eq_ignore_ascii_case("bearer"));
    if !is_bearer && endpoint.headers.is_empty() {
        return Err(format!(
            "has token_type {}, which the connector file has to say the header of (`headers` under `auth`)",
            one_line(&kind)
        ));
    }
    let headers = endpoint.headers_with(&token, client_id).ok_or_else(|| {
        "holds an access_token with characters that no header may hold".to_owned()
    })?;
    Ok(MintedToken {
        headers,
        life: life(&fields.expires_in),
        scope: fields.scope,
        address: endpoint
            .address_at
            .as_deref()
            .and_then(|at| address(body, at)),
    })
}

/// The API's address, where the reply tells one.
fn address(body: &[u8], at: &str) -> Option<String> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    reply.pointer(at)?.as_str().map(str::to_owned)
}

/// What replaces the refresh token, in a reply that grants a token.
pub(super) fn read_successor(reply: &Reply) -> Option<SecretString> {
    #[derive(Deserialize)]
    struct Fields {
        refresh_token: Option<String>,
    }
    if !(200..300).contains(&reply.status) {
        return None;
    }
    let fields: Fields = serde_json::from_slice(&reply.body).ok()?;
    let successor = fields.refresh_token?;
    (!successor.is_empty()).then(|| successor.into())
}

/// Seconds as a number or as text. Zero, negative or anything else counts as
/// not said: guessing a life is how tokens expire in the middle of a run.
fn life(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    seconds_within(seconds, LONGEST_LIFE).filter(|life| !life.is_zero())
}

fn seconds_within(seconds: f64, longest: Duration) -> Option<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).map_or(longest, |duration| duration.min(longest)))
}

/// The error's code and description, each fit for one line; empty where not said.
pub(crate) fn read_refused(body: &[u8], secrets: &[&str]) -> (String, String) {
    let fields: RefusedFields = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => redacted_line(text, secrets),
        _ => String::new(),
    };
    let description = [
        &fields.error_description,
        &fields.message,
        &fields.description,
    ]
    .into_iter()
    .map(text)
    .find(|text| !text.is_empty())
    .unwrap_or_default();
    (text(&fields.error), description)
}

fn redacted_line(text: &str, secrets: &[&str]) -> String {
    // Some endpoints repeat what they were sent. A secret this short is a
    // placeholder, and would blot out half the sentence.
    let mut secrets = secrets.to_vec();
    secrets.retain(|secret| secret.len() >= 4);
    let text = secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret, "[redacted]")
    });
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|symbol| if symbol.is_control() { ' ' } else { symbol })
        .take(SHOWN_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::auth::{CredentialsIn, TokenHeader};

    fn endpoint(headers: &[TokenHeader]) -> TokenEndpoint {
        TokenEndpoint {
            url: String::new(),
            scope: None,
            credentials_in: CredentialsIn::Basic,
            headers: headers.to_vec(),
            address_at: None,
            rules: Arc::new(|_, _| None),
        }
    }

    fn granted(body: &str) -> Result<MintedToken, String> {
        read_granted(body.as_bytes(), &endpoint(&[]), "app")
    }

    fn life_of(expires_in: &str) -> Option<Duration> {
        granted(&format!(
            r#"{{"access_token":"t","expires_in":{expires_in}}}"#
        ))
        .unwrap()
        .life
    }

    #[test]
    fn a_life_is_read_as_number_or_text_and_never_guessed() {
        assert_eq!(life_of("3600"), Some(Duration::from_secs(3600)));
        assert_eq!(life_of("\"120\""), Some(Duration::from_secs(120)));
        assert_eq!(life_of("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(life_of("1e300"), Some(LONGEST_LIFE));
        for unsaid in ["0", "-5", "null", "\"soon\"", "\"NaN\"", "[]"] {
            assert_eq!(life_of(unsaid), None, "{unsaid}");
        }
        assert_eq!(granted(r#"{"access_token":"t"}"#).unwrap().life, None);
    }

    #[test]
    fn what_is_no_token_is_named() {
        for (body, named) in [
            ("<html>", "JSON"),
            ("[]", "JSON"),
            ("{}", "access_token"),
            (r#"{"access_token":""}"#, "access_token"),
            (r#"{"access_token":"t","token_type":"mac"}"#, "mac"),
            (r#"{"access_token":"a b"}"#, "header"),
            (r#"{"access_token":"a\nb"}"#, "header"),
        ] {
            let error = granted(body).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
        let minted = granted(r#"{"access_token":"t","token_type":"BearerToken"}"#).unwrap();
        assert_eq!(minted.headers[0].1, "Bearer t");
    }

    #[test]
    fn a_token_of_another_kind_is_taken_where_the_file_says_how_it_is_sent() {
        let own = TokenHeader {
            before: "Zoho-oauthtoken ".to_owned(),
            ..TokenHeader::bearer()
        };
        let body = br#"{"access_token":"t","token_type":"zoho"}"#;
        let minted = read_granted(body, &endpoint(&[own]), "app").unwrap();
        assert_eq!(minted.headers[0].1, "Zoho-oauthtoken t");
    }

    #[test]
    fn a_refusal_is_told_without_the_secret() {
        let body = br#"{"error":"invalid_client","error_description":"bad\n hunter2 here"}"#;
        let (error, description) = read_refused(body, &["hunter2"]);
        assert_eq!(
            (error.as_str(), description.as_str()),
            ("invalid_client", "bad  [redacted] here")
        );
        assert_eq!(
            read_refused(b"<html>", &["hunter2"]),
            (String::new(), String::new())
        );
        assert_eq!(read_refused(br#"{"error":{"code":5}}"#, &["x"]).0, "");
    }
}
