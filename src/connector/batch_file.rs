//! Batches in a connector file: how records stand in one body, and how the
//! reply is split.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap};

use super::field_file::FixedValue;
use super::places::Places;
use super::rule_file::{BodyAtSection, ConditionSection, ErrorsSection, ItemReplySection};
use super::status::StatusSet;

/// How the record stands in the body.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodySection {
    /// The names of the objects around each record, outermost first, with `/`
    /// before each: `/data/contact`. Default: none, the record stands by itself.
    pub(crate) envelope: Option<Located<String>>,
    /// Whether the key is a member of the record too. Default: no.
    #[serde(default)]
    pub(crate) includes_key: bool,
    /// Other places of the record where the key stands, as JSON pointers:
    /// `[/identifiers/0/value]`.
    #[serde(default)]
    pub(crate) key_at: Vec<Located<String>>,
    /// Of a batch: where the list of records stands in the body, as a JSON
    /// pointer: `/contacts`; `""` where the body is the list. Needs `batch`.
    pub(crate) records: Option<Located<String>>,
    /// How they stand there. Default: as a list.
    #[serde(default)]
    pub(crate) records_as: RecordsForm,
    /// Of a batch: what else stands in the body, outside of the records: place,
    /// as a JSON pointer of one step, to a text, a number or a truth value. A
    /// text may have {names} of variables in it.
    #[serde(default)]
    pub(crate) beside_records: NameMap<Located<FixedValue>>,
    /// Of a batch: the member of each item that a number is written into which
    /// the reply repeats, so that results can be matched where the key isn't
    /// echoed: `/tracker`. Goes with `tracker` under `results`.
    pub(crate) tracker: Option<Located<String>>,
    /// How that number is written. Default: number.
    #[serde(default)]
    pub(crate) tracker_as: TrackerForm,
    /// Of an upsert: places, as JSON pointers, that a record is made with, and
    /// that are left as they are found afterwards. Such are lists of external
    /// ids, to which other systems add their own: `[/externalIds]`.
    #[serde(default)]
    pub(crate) set_once: Vec<Located<String>>,
    /// Of an upsert's change: send the record that was found with the row laid
    /// over it, for platforms whose PUT replaces the whole. Default: no, the row
    /// alone is sent.
    #[serde(default)]
    pub(crate) merge: bool,
    /// Of a PUT or POST: whether the platform leaves alone what the body doesn't
    /// name, as it does with PATCH. Pre-images can then be kept, and taken back
    /// by `sluice undo`. Default: yes for PATCH, no for the others.
    pub(crate) partial: Option<Located<bool>>,
    /// Of an upsert's change: places that aren't sent, as JSON pointers, such as
    /// what the platform alone writes: `[/id, /dateCreated]`.
    #[serde(default)]
    pub(crate) drop: Vec<Located<String>>,
    /// Of an upsert's change: where the found record's `version` is written.
    pub(crate) version: Option<Located<String>>,
}

/// How the records of a batch stand in its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordsForm {
    /// As a list of objects.
    #[default]
    List,
    /// As a text that is a CSV file (RFC 4180) in Base64, for platforms that
    /// take uploads. Its columns are the records' members, the key's the first.
    CsvInBase64,
}

/// How a tracker is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrackerForm {
    /// As a number: `"tracker": 17`.
    #[default]
    Number,
    /// As a text: `"tracker": "17"`.
    Text,
}

/// How a batch's reply is split: which of the records that were sent each part
/// of it is about, and what it says of them. Records are matched by one of
/// `key`, `tracker` and `index`, or by the order of the results where the
/// platform promises it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultsSection {
    /// The statuses of replies that hold results. Default: 2xx.
    pub(crate) of_status: Option<StatusSet>,
    /// Where the list of results stands in the reply, as a JSON pointer; `""`
    /// where the reply is the list.
    pub(crate) at: Option<Located<String>>,
    /// The place in a result where the record's key stands. Where successes and
    /// failures have it in different places, a list of them.
    pub(crate) key: Option<Located<Places>>,
    /// The place in a result where the number stands that was sent with the
    /// record at `tracker` under `body`.
    pub(crate) tracker: Option<Located<Places>>,
    /// The place in a result where the record's index in the request stands,
    /// counted from 0.
    pub(crate) index: Option<Located<Places>>,
    /// Whether the results stand in the order of the records that were sent, one
    /// for each. Name it only where the platform's reference promises so. It is
    /// believed where there are as many results as records; else the batch is
    /// halved where it may be sent again, and every record of it unknown where
    /// it may not. Default: no.
    pub(crate) in_order: Option<Located<bool>>,
    /// The place in a result where its HTTP status stands.
    pub(crate) status: Option<Located<String>>,
    /// What a result means; the first match wins. A result that nothing matches
    /// is classed by its status, and is unknown where it has none.
    #[serde(default)]
    pub(crate) replies: Vec<Located<ItemReplySection>>,
    /// Where an error's reason stands in a result.
    #[serde(default)]
    pub(crate) errors: ErrorsSection,
    /// The place in a result where the platform's own id of the record stands.
    pub(crate) id: Option<Located<String>>,
    /// What in a result says that an upsert made the record; without it, a
    /// status of 201 does.
    pub(crate) created: Option<BodyAtSection>,
    /// A second list that holds the failed records alone.
    pub(crate) failures: Option<FailuresSection>,
    /// Where a list of the failed records' indexes in the request stands,
    /// counted from 0. Needs `others`.
    pub(crate) error_indexes: Option<Located<String>>,
    /// With `error_indexes`: what became of the records that aren't listed.
    pub(crate) others: Option<Located<OthersRule>>,
    /// What became of a record that no result names. Default: unknown.
    pub(crate) absent: Option<Located<AbsentRule>>,
    /// Where the number of failed records stands. A reply that counts more than
    /// it names isn't trusted: records that it doesn't name are unknown.
    pub(crate) error_count: Option<Located<String>>,
    /// Whether a refused batch (4xx, classed as rejected, missing or conflict)
    /// applied nothing. It is then halved and sent again until the bad record is
    /// alone. Without it, a refused batch of an operation that may not be
    /// repeated rejects all its records. Default: no.
    #[serde(default)]
    pub(crate) all_or_nothing: bool,
    /// What a reply looks like that refuses a batch for its size: nothing was
    /// applied, and smaller batches are sent from then on. Default: status 413.
    pub(crate) too_many: Option<Vec<Located<ConditionSection>>>,
}

/// A list in a batch's reply that holds the failed records alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailuresSection {
    /// Where the list stands in the reply, as a JSON pointer.
    pub(crate) at: Located<String>,
    /// The place in a failure where the record's key stands, or a list of keys.
    pub(crate) key: Option<Located<Places>>,
    /// The place where the number stands that was sent with the record.
    pub(crate) tracker: Option<Located<Places>>,
    /// The place where the record's index in the request stands, counted from 0.
    pub(crate) index: Option<Located<Places>>,
    /// The place where the failure's HTTP status stands.
    pub(crate) status: Option<Located<String>>,
    /// What a failure means; the first match wins. One that nothing matches is
    /// classed by its status, and is rejected where it has none.
    #[serde(default)]
    pub(crate) replies: Vec<Located<ItemReplySection>>,
    /// Where the reason stands in a failure.
    #[serde(default)]
    pub(crate) errors: ErrorsSection,
}

/// What became of a record that no result names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AbsentRule {
    /// It was applied: only failures are named.
    Done,
    /// Nobody can say.
    #[default]
    Unknown,
    /// It was refused.
    Rejected,
    /// It was not touched, where the reply names failures alone; it is sent
    /// again.
    Untouched,
}

/// What became of the records that a list of failed indexes leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OthersRule {
    /// They were applied.
    Done,
    /// They were not touched where one failed; they are sent again.
    Untouched,
}
