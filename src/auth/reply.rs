//! What a token endpoint answers, read with suspicion.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::token::{MintedToken, authorization};

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
pub(crate) fn read_granted(body: &[u8]) -> Result<MintedToken, String> {
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
    // "Bearer" by RFC 6750; gateways are known to say "BearerToken".
    let kind = fields.token_type.unwrap_or_else(|| "Bearer".to_owned());
    if !kind
        .get(..6)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("bearer"))
    {
        return Err(format!(
            "has token_type {}, only bearer tokens are supported",
            one_line(&kind)
        ));
    }
    let authorization = authorization("Bearer", &token).ok_or_else(|| {
        "holds an access_token with characters that no header may hold".to_owned()
    })?;
    Ok(MintedToken {
        authorization,
        life: life(&fields.expires_in),
        scope: fields.scope,
    })
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
pub(crate) fn read_refused(body: &[u8], secret: &str) -> (String, String) {
    let fields: RefusedFields = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => redacted_line(text, secret),
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

fn redacted_line(text: &str, secret: &str) -> String {
    // Some endpoints repeat what they were sent. A secret this short is a
    // placeholder, and would blot out half the sentence.
    let text = if secret.len() >= 4 {
        text.replace(secret, "[redacted]")
    } else {
        text.to_owned()
    };
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
    use super::*;

    fn life_of(expires_in: &str) -> Option<Duration> {
        read_granted(format!(r#"{{"access_token":"t","expires_in":{expires_in}}}"#).as_bytes())
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
        assert_eq!(read_granted(br#"{"access_token":"t"}"#).unwrap().life, None);
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
            let error = read_granted(body.as_bytes()).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
        let minted = read_granted(br#"{"access_token":"t","token_type":"BearerToken"}"#).unwrap();
        assert_eq!(minted.authorization, "Bearer t");
    }

    #[test]
    fn a_refusal_is_told_without_the_secret() {
        let body = br#"{"error":"invalid_client","error_description":"bad\n hunter2 here"}"#;
        let (error, description) = read_refused(body, "hunter2");
        assert_eq!(
            (error.as_str(), description.as_str()),
            ("invalid_client", "bad  [redacted] here")
        );
        assert_eq!(
            read_refused(b"<html>", "hunter2"),
            (String::new(), String::new())
        );
        assert_eq!(read_refused(br#"{"error":{"code":5}}"#, "x").0, "");
    }
}
