//! Which of a platform's limits a refusal belongs to, where the reply names it.

use serde_json::Value;

use super::file::LimitsSection;
use super::message::scalar_text;

/// Bytes of a refusal that are looked at; an error body has a few hundred.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketScope {
    /// The whole client's, or its token's: all endpoints share it.
    Client,
    /// The endpoint's.
    Endpoint,
    /// The record's: no other row is held back by it.
    Record,
}

/// Where a refusal names its bucket, and what the names mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketNames {
    places: Vec<String>,
    client: Vec<String>,
    record: Vec<String>,
    /// Whose limit a refusal met that names none.
    nameless: Option<BucketScope>,
}

impl BucketNames {
    pub(super) fn new(section: &LimitsSection) -> Self {
        let values = super::bind::values;
        Self {
            places: values(&section.bucket_at),
            client: values(&section.client_buckets),
            record: values(&section.record_buckets),
            nameless: section.shared.then_some(BucketScope::Client),
        }
    }

    /// Whose limit a refusal has met, as its body names it; `None` where it names
    /// none, and the connector doesn't say that all endpoints share one. A name
    /// that the connector doesn't know is taken for an endpoint's.
    #[must_use]
    pub fn scope(&self, body: &[u8]) -> Option<BucketScope> {
        self.named_scope(body).or(self.nameless)
    }

    fn named_scope(&self, body: &[u8]) -> Option<BucketScope> {
        if self.places.is_empty() || body.is_empty() || body.len() > MAX_BODY_BYTES {
            return None;
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        let name = self
            .places
            .iter()
            .filter_map(|place| scalar_text(body.pointer(place)?))
            .find(|name| !name.is_empty())?;
        let is_one_of = |patterns: &[String]| patterns.iter().any(|one| matches(one, &name));
        Some(if is_one_of(&self.record) {
            BucketScope::Record
        } else if is_one_of(&self.client) {
            BucketScope::Client
        } else {
            BucketScope::Endpoint
        })
    }
}

/// Whether a name matches a pattern, in which `*` stands for any text, none
/// included. Letter case doesn't count.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        // There is no `*`: the whole name was the first part.
        return rest.is_empty();
    };
    // The earliest place of each part leaves the most to the parts after it.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Connector;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, fits) in [
            (
                "*token.rate*",
                "client.credentials.token.rate.per.minute",
                true,
            ),
            ("*token.rate*", "token.rate", true),
            ("client.*", "client.credentials.token", true),
            ("client.*", "my.client.token", false),
            ("*.minute", "token.rate.per.minute", true),
            ("*.minute", "token.rate.per.hour", false),
            ("org.*.rate", "ORG.app.user.Rate", true),
            ("a*b*b", "ab", false),
            ("a*b*b", "abb", true),
            ("*a*a*", "a", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} and {name}");
        }
    }

    const CONNECTOR: &str = r#"
name: named
title: Names its buckets
base_url: https://named.example
auth: {grant: client_credentials, token_url: "https://named.example/token"}
limits:
  bucket_at: [/limit/key, /error/bucket]
  client_buckets: ["*token.rate*", "org.*"]
  record_buckets: ["*per.contact*"]
operations:
  save: {method: PUT, path: "/{id}", key: id, effect: upserted, fields: {name: {}}}
"#;

    #[test]
    fn mistakes_in_the_names_of_limits_are_explained() {
        let findings = |old: &str, new: &str| {
            let text = CONNECTOR.replacen(old, new, 1);
            assert_ne!(text, CONNECTOR);
            let findings = crate::connector::check_text("named.yaml", &text);
            let messages = findings.into_iter().map(|finding| finding.message);
            messages.collect::<Vec<String>>()
        };
        let named = "limits are named here, but not where a reply names them";
        assert_eq!(
            findings("  bucket_at: [/limit/key, /error/bucket]\n", ""),
            // Two of them stand on one line, and are told once.
            [named, named]
        );
        assert_eq!(
            findings("\"org.*\"", "\"\""),
            ["an empty text is no limit's name"]
        );
        assert_eq!(
            findings("/error/bucket", "error.bucket"),
            ["\"error.bucket\" is no JSON pointer"]
        );
    }

    #[test]
    fn a_nameless_refusal_is_the_client_s_where_all_share_a_limit() {
        let text = CONNECTOR.replace("limits:\n", "limits:\n  shared: true\n");
        let connector = Connector::parse("named.yaml", &text).expect("a connector");
        let buckets = connector
            .bind(&Default::default())
            .expect("bound")
            .limits
            .buckets;
        for nameless in ["", "{}", "no JSON"] {
            let scope = buckets.scope(nameless.as_bytes());
            assert_eq!(scope, Some(BucketScope::Client), "{nameless:?}");
        }
        let named = br#"{"limit": {"key": "updates.per.contact"}}"#;
        assert_eq!(buckets.scope(named), Some(BucketScope::Record));
    }

    #[test]
    fn a_refusal_says_whose_limit_it_met() {
        let connector = Connector::parse("named.yaml", CONNECTOR).expect("a connector");
        let bound = connector.bind(&Default::default()).expect("bound");
        let scope = |body: &str| bound.limits.buckets.scope(body.as_bytes());
        let named = |name: &str| scope(&format!(r#"{{"limit": {{"key": "{name}"}}}}"#));
        assert_eq!(named("token.rate.per.minute"), Some(BucketScope::Client));
        assert_eq!(named("org.user.rate"), Some(BucketScope::Client));
        assert_eq!(named("updates.per.contact"), Some(BucketScope::Record));
        assert_eq!(named("contacts.patch"), Some(BucketScope::Endpoint));
        assert_eq!(
            scope(r#"{"limit": {"key": ""}, "error": {"bucket": "org.x"}}"#),
            Some(BucketScope::Client)
        );
        for nameless in ["", "{}", "no JSON", r#"{"limit": "much"}"#] {
            assert_eq!(scope(nameless), None, "{nameless:?}");
        }
    }
}
