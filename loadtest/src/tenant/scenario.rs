//! A scenario: everything that a simulated tenant is, in one YAML file.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::batches::Batches;
use super::contacts::Contacts;
use super::dice::Dice;
use super::faults::Fault;
use super::ledger::LedgerDetail;
use super::limit_headers::LimitHeaders;
use super::limiter::Limit;
use super::named::NAMED;
use super::platform::Api;
use super::refusal::RefusalForm;
use super::retry_after::{RetryAfter, RetryAfterForm};
use super::token_desk::{Client, TokenRules};
use super::units;
use crate::benchmark::Benchmark;

/// Everything that a simulated tenant is. [`Scenario::default`] has no limits, no faults and no latency.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// What the tenant is like, for people. Default: empty.
    pub about: String,
    /// Seed of the latency, the faults and the tokens. Default: 1.
    pub seed: u64,
    /// The API that it speaks. Default: the guides' contacts.
    pub api: Api,
    /// The OAuth clients. Default: `demo` with the secret `demo-secret` and the API's scopes.
    pub clients: Vec<Client>,
    /// Which contacts exist. Default: all.
    pub contacts: Contacts,
    /// Limits; all of them must admit a request. Default: none.
    pub limits: Vec<Limit>,
    /// As what a refusal comes. Default: 429.
    pub refusals: RefusalForm,
    /// How a refusal says when to come back.
    pub retry_after: RetryAfter,
    /// Headers that tell how much of a limit is left. Default: none.
    pub limit_headers: LimitHeaders,
    /// How long an admitted request to a contact takes. Default: no time.
    pub latency: Latency,
    /// How tokens are given out and taken away.
    pub token: TokenRules,
    /// What goes wrong. Default: nothing.
    pub faults: Vec<Fault>,
    /// Status of a successful write. Default: 204.
    pub success_status: SuccessStatus,
    /// How much of the writes the ledger keeps. Default: all.
    pub ledger: LedgerDetail,
    /// Whether the ledger keeps the bodies of writes too. Default: no.
    pub keep_bodies: bool,
    /// What arrives so soon after a refusal does not undercut it, since it was under way. Default: 100 ms.
    #[serde(deserialize_with = "units::duration")]
    pub undercut_grace: Duration,
    /// How several contacts are taken in one request.
    pub batches: Batches,
    /// How a client is measured against this tenant. Default: it is not.
    pub benchmark: Option<Benchmark>,
}

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            about: String::new(),
            seed: 1,
            api: Api::default(),
            clients: vec![Client::default()],
            contacts: Contacts::default(),
            limits: Vec::new(),
            refusals: RefusalForm::default(),
            retry_after: RetryAfter::default(),
            limit_headers: LimitHeaders::default(),
            latency: Latency::default(),
            token: TokenRules::default(),
            faults: Vec::new(),
            success_status: SuccessStatus::default(),
            ledger: LedgerDetail::default(),
            keep_bodies: false,
            undercut_grace: Duration::from_millis(100),
            batches: Batches::default(),
            benchmark: None,
        }
    }
}

/// How long a request to a contact takes; refusals cost only the network.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Median time inside the tenant, for admitted requests. Default: zero.
    #[serde(deserialize_with = "units::duration")]
    pub median: Duration,
    /// Sigma of the log-normal distributions, 0 or more. Default: 0, so every request takes the median.
    #[serde(deserialize_with = "units::not_negative")]
    pub sigma: f64,
    /// Median time on the wire, there and back together, for every request to a contact. Default: zero.
    #[serde(deserialize_with = "units::duration")]
    pub network: Duration,
    /// Where load makes the tenant slower. Default: nowhere.
    pub knee: Option<Knee>,
}

/// Beyond `in_flight` requests at once, the latency is multiplied by (n / in_flight) ^ slope.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knee {
    /// Requests at once that the tenant serves at full speed, at least 1.
    pub in_flight: u64,
    /// The exponent; above 1, more at once means less throughput. Default: 1.3.
    #[serde(default = "default_slope", deserialize_with = "units::not_negative")]
    pub slope: f64,
}

fn default_slope() -> f64 {
    1.3
}

impl Latency {
    /// A draw of the time inside, with so many requests there, this one included.
    pub(crate) fn inside(&self, dice: &mut Dice, in_flight: u64) -> Duration {
        let drawn = dice.log_normal(self.median, self.sigma);
        units::bounded_seconds(drawn.as_secs_f64() * self.load_factor(in_flight))
    }

    /// A draw of the time on the wire, one way.
    pub(crate) fn one_way(&self, dice: &mut Dice) -> Duration {
        dice.log_normal(self.network / 2, self.sigma)
    }

    /// By what load multiplies the latency.
    pub(crate) fn load_factor(&self, in_flight: u64) -> f64 {
        match self.knee {
            Some(knee) if in_flight > knee.in_flight => {
                (in_flight as f64 / knee.in_flight.max(1) as f64).powf(knee.slope)
            }
            _ => 1.0,
        }
    }
}

/// Status of a successful write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub enum SuccessStatus {
    /// 204 without a body. The default.
    #[default]
    NoContent,
    /// 200 with the contact.
    Ok,
}

impl TryFrom<u16> for SuccessStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        match status {
            200 => Ok(SuccessStatus::Ok),
            204 => Ok(SuccessStatus::NoContent),
            other => Err(format!("`success_status` is 200 or 204, not {other}")),
        }
    }
}

/// A scenario that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read scenario {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a scenario; the message names line and column.
    #[error("{origin} is not a scenario: {message}")]
    Syntax {
        /// The file or the scenario's name.
        origin: String,
        /// What is wrong, and where.
        message: String,
    },
    /// No scenario of that name comes with the crate.
    #[error("no scenario `{name}`; there are {known}, or give a YAML file")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

impl Scenario {
    /// Reads a scenario from YAML. `origin` is named in errors.
    ///
    /// # Errors
    /// [`ScenarioError::Syntax`] for an unknown field, a value out of range or text that is not YAML.
    pub fn from_yaml(yaml: &str, origin: &str) -> Result<Self, ScenarioError> {
        // An empty file is a scenario too: all defaults.
        let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if yaml.lines().all(is_blank) {
            return Ok(Scenario::default());
        }
        serde_saphyr::from_str(yaml).map_err(|error| ScenarioError::Syntax {
            origin: origin.to_owned(),
            message: error.to_string(),
        })
    }

    /// A scenario that comes with the crate, such as `demo`.
    ///
    /// # Errors
    /// [`ScenarioError::Unknown`] with the names there are.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        match NAMED.iter().find(|(known, _)| *known == name) {
            Some((_, yaml)) => Scenario::from_yaml(yaml, name),
            None => Err(ScenarioError::Unknown {
                name: name.to_owned(),
                known: Scenario::names().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// A scenario by the name of one that comes with the crate, else from a file.
    ///
    /// # Errors
    /// [`ScenarioError`] if there is no such scenario, or it cannot be read.
    pub fn find(name_or_path: &str) -> Result<Self, ScenarioError> {
        let is_path = name_or_path.contains(['/', '.']) || Path::new(name_or_path).exists();
        if !is_path || Scenario::names().any(|name| name == name_or_path) {
            return Scenario::named(name_or_path);
        }
        let yaml = std::fs::read_to_string(name_or_path).map_err(|source| ScenarioError::Read {
            path: name_or_path.to_owned(),
            source,
        })?;
        Scenario::from_yaml(&yaml, name_or_path)
    }

    /// The names of the scenarios that come with the crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// How refusals say when to come back: not at all where the connection is just closed.
    pub(crate) fn words_of_refusals(&self) -> RetryAfter {
        let mut words = self.retry_after.clone();
        if self.refusals == RefusalForm::Close {
            words.form = RetryAfterForm::None;
        }
        words
    }

    /// Processes of the client that is measured.
    pub(crate) fn processes(&self) -> usize {
        self.benchmark
            .as_ref()
            .map_or(1, |benchmark| benchmark.processes.len())
    }

    /// Requests that the best client has in flight.
    pub(crate) fn most_in_flight(&self) -> u64 {
        let benchmark = self.benchmark.clone().unwrap_or_default();
        u64::from(benchmark.most_in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_knee_more_at_once_takes_longer() {
        let knee = Some(Knee {
            in_flight: 40,
            slope: 1.5,
        });
        let latency = Latency {
            knee,
            ..Latency::default()
        };
        assert_eq!(latency.load_factor(40), 1.0);
        assert_eq!(latency.load_factor(160), 8.0);
        assert_eq!(Latency::default().load_factor(1000), 1.0);
    }
}
