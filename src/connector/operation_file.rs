//! The operations of a connector file, as they stand on disk.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap, TimeSpan};

use super::batch_file::{BodySection, ResultsSection};
use super::class::Effect;
use super::field_file::{EmptyRule, FieldSection, FixedValue, OtherFieldsSection};
use super::job_file::JobSection;
use super::look_up_file::{IdempotencyKeySection, LookUpSection};
use super::operation::Method;
use super::probe_read::ProbeSection;
use super::rule_file::{ErrorsSection, ReplySection};
use super::template::Template;

/// One thing that can be done to a record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationSection {
    /// The HTTP method.
    pub(crate) method: Method,
    /// Which of `hosts` it is sent to. Default: `base_url`.
    pub(crate) host: Option<Located<String>>,
    /// The path below the base address. `{name}` stands for the key, encoded
    /// as one segment, or for a variable.
    pub(crate) path: Located<Template>,
    /// What stands behind the path's `?`, by name; `{name}` stands for a variable.
    #[serde(default)]
    pub(crate) query: NameMap<Located<Template>>,
    /// The field that names the record.
    pub(crate) key: Located<String>,
    /// The key's longest length in characters. Default: no bound.
    pub(crate) key_max_length: Option<usize>,
    /// Whether the platform takes white space around texts away. The rows' texts,
    /// the key too, then go without it: else two rows would be one record, and a
    /// record would never be as its row asks. Default: false.
    #[serde(default)]
    pub(crate) trims: bool,
    /// What it does to the record.
    pub(crate) effect: Effect,
    /// Whether sending the same request twice does no harm. Default: yes for
    /// PUT, PATCH and DELETE, no for POST. Where a repeat does harm, each row is written
    /// down before it is sent, and never sent again on a guess.
    pub(crate) repeatable: Option<Located<bool>>,
    /// Headers of the request besides the token's and the body's own.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// How the record stands in the body.
    #[serde(default)]
    pub(crate) body: BodySection,
    /// The most records of one request. Needs `records` under `body`, and
    /// `results`. Default: every record is a request of its own.
    pub(crate) batch: Option<Located<u32>>,
    /// How a batch's reply is split.
    pub(crate) results: Option<Located<ResultsSection>>,
    /// How a batch is waited for that the platform only takes in, to work through
    /// it later. Default: its reply has the results.
    pub(crate) job: Option<Located<JobSection>>,
    /// Where the platform's own id of the record stands in a reply that is done,
    /// as a JSON pointer. Of a batch it is named under `results`.
    pub(crate) id: Option<Located<String>>,
    /// How the platform is told that a request is a repeat.
    pub(crate) idempotency_key: Option<IdempotencyKeySection>,
    /// How a record is looked up by its key. Where an operation may not be
    /// repeated, this is how a row is settled whose request left and was never
    /// answered; without it, and without `idempotency_key`, such rows end as
    /// unknown.
    pub(crate) look_up: Option<Located<LookUpSection>>,
    /// What `sluice probe` asks where it is about this operation. Default: the
    /// connector's own `probe`, where both have the same host.
    pub(crate) probe: Option<Located<ProbeSection>>,
    /// How long a reply is waited for. Default: 60s.
    pub(crate) timeout: Option<TimeSpan>,
    /// What an empty cell means. Default: omit.
    #[serde(default)]
    pub(crate) empty: EmptyRule,
    /// The fields of the record, without the key.
    #[serde(default)]
    pub(crate) fields: NameMap<Located<FieldSection>>,
    /// Where fields stand that `fields` doesn't name. Default: there are none, and
    /// an unknown field is a mistake.
    pub(crate) other_fields: Option<Located<OtherFieldsSection>>,
    /// In place of `fields`: the operation whose fields this one has too, and
    /// whose `constants`, where it has none of its own.
    pub(crate) fields_of: Option<Located<String>>,
    /// What every record has besides: place, as a JSON pointer, to a text, a
    /// number or a truth value. A text may have {names} of variables in it.
    #[serde(default)]
    pub(crate) constants: NameMap<Located<FixedValue>>,
    /// What a reply means; the first match wins. A reply that nothing matches
    /// is classed by its status.
    #[serde(default)]
    pub(crate) replies: Vec<Located<ReplySection>>,
    /// Where an error's reason stands in the body.
    #[serde(default)]
    pub(crate) errors: ErrorsSection,
}
