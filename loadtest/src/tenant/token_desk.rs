//! The tokens a tenant has given out, and when each stops being worth anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::limiter::Limit;
use super::units;

/// Tokens kept before the expired ones are swept out.
const SWEEP_AT: usize = 4096;

/// An OAuth client of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// The scopes it may ask for. Default: those of the tenant's API.
    pub scopes: Option<Vec<String>>,
    /// The access key of the person whom a password grant acts for, where the API has such a grant. Default: `demo-key`
    /// with the secret `demo-key-secret`.
    #[serde(default)]
    pub access_key: AccessKey,
}

/// An access key: what a person has in place of name and password.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Default for AccessKey {
    fn default() -> Self {
        AccessKey {
            id: "demo-key".to_owned(),
            secret: "demo-key-secret".to_owned(),
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Client {
            id: "demo".to_owned(),
            secret: "demo-secret".to_owned(),
            scopes: None,
            access_key: AccessKey::default(),
        }
    }
}

/// How tokens are given out and taken away.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRules {
    /// How long a token works. Default: 3600 s.
    #[serde(deserialize_with = "units::duration")]
    pub lifetime: Duration,
    /// What `expires_in` says if it is not the truth. Default: the lifetime.
    pub expires_in: Option<u64>,
    /// Whether the reply leaves `expires_in` out. Default: no.
    pub omit_expires_in: bool,
    /// Requests carry the client's id and secret themselves (RFC 7617): a token is neither needed nor taken.
    pub basic: bool,
    /// Times after the scenario's start at which every token given out before stops working. Default: none.
    #[serde(deserialize_with = "units::durations")]
    pub revoke_at: Vec<Duration>,
    /// After so many requests with a good token, every token given out before stops working. Default: none.
    pub revoke_after_requests: Vec<u64>,
    /// A limit on token requests. Default: none.
    pub limit: Option<Limit>,
    /// How a token request over the limit is refused. Default: 429.
    pub over_limit: TokenOverLimit,
}

/// How a token request over the limit is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenOverLimit {
    /// 429, with the scenario's `Retry-After`. The default.
    #[default]
    TooManyRequests,
    /// 400 `invalid_request` with "rate limit exceeded" in its description (Genesys).
    InvalidRequest,
}

impl Default for TokenRules {
    fn default() -> Self {
        TokenRules {
            lifetime: Duration::from_secs(3600),
            expires_in: None,
            omit_expires_in: false,
            basic: false,
            revoke_at: Vec::new(),
            revoke_after_requests: Vec::new(),
            limit: None,
            over_limit: TokenOverLimit::TooManyRequests,
        }
    }
}

/// What a good token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) client: Arc<str>,
    pub(crate) serial: u64,
    pub(crate) may_write: bool,
}

struct Issued {
    grant: Grant,
    at: Duration,
}

/// The tokens given out. Times count from the scenario's start.
pub(crate) struct TokenDesk {
    rules: TokenRules,
    issued: HashMap<String, Issued>,
    next_serial: u64,
    /// Tokens with a smaller serial were revoked after a count of requests.
    revoked_below: u64,
    requests: u64,
}

impl TokenDesk {
    pub(crate) fn new(rules: TokenRules) -> Self {
        TokenDesk {
            rules,
            issued: HashMap::new(),
            next_serial: 0,
            revoked_below: 0,
            requests: 0,
        }
    }

    /// Enters a new token.
    pub(crate) fn issue(&mut self, token: String, client: &str, may_write: bool, now: Duration) {
        if self.issued.len() >= SWEEP_AT {
            let lifetime = self.rules.lifetime;
            self.issued.retain(|_, issued| now < issued.at + lifetime);
        }
        let grant = Grant {
            client: client.into(),
            serial: self.next_serial,
            may_write,
        };
        self.next_serial += 1;
        self.issued.insert(token, Issued { grant, at: now });
    }

    /// Looks a token up, and counts the request if it is good.
    pub(crate) fn check(&mut self, token: &str, now: Duration) -> Option<Grant> {
        let issued = self.issued.get(token)?;
        let at = issued.at;
        let expired = now >= at + self.rules.lifetime;
        let revoked = issued.grant.serial < self.revoked_below
            || self
                .rules
                .revoke_at
                .iter()
                .any(|time| at < *time && *time <= now);
        if expired || revoked {
            return None;
        }
        let grant = issued.grant.clone();
        self.requests += 1;
        if self.rules.revoke_after_requests.contains(&self.requests) {
            self.revoked_below = self.next_serial;
        }
        Some(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn desk(rules: TokenRules) -> TokenDesk {
        let mut desk = TokenDesk::new(rules);
        desk.issue("first".to_owned(), "demo", true, at(1));
        desk
    }

    #[test]
    fn a_token_works_for_its_lifetime() {
        let mut desk = desk(TokenRules {
            lifetime: at(3),
            ..TokenRules::default()
        });
        assert!(desk.check("first", at(3)).is_some());
        assert!(desk.check("first", at(4)).is_none());
        assert!(desk.check("unknown", at(1)).is_none());
    }

    #[test]
    fn a_revocation_at_a_time_spares_later_tokens() {
        let mut desk = desk(TokenRules {
            revoke_at: vec![at(5)],
            ..TokenRules::default()
        });
        assert!(desk.check("first", at(4)).is_some());
        desk.issue("second".to_owned(), "demo", true, at(5));
        assert!(desk.check("first", at(5)).is_none());
        assert!(desk.check("second", at(9)).is_some());
    }

    #[test]
    fn a_revocation_after_requests_lets_the_last_of_them_through() {
        let mut desk = desk(TokenRules {
            revoke_after_requests: vec![2],
            ..TokenRules::default()
        });
        assert!(desk.check("first", at(1)).is_some());
        assert!(desk.check("first", at(1)).is_some());
        assert!(desk.check("first", at(1)).is_none());
        desk.issue("second".to_owned(), "demo", true, at(1));
        assert!(desk.check("second", at(1)).is_some());
    }
}
