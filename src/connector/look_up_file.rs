//! Looking a record up, in a connector file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap, TimeSpan};

use super::look_up::LookUpMethod;
use super::look_up_batch_file::LookUpBatchSection;
use super::places::Places;
use super::rule_file::ConditionSection;
use super::template::Template;

/// How a record is looked up by its key, to find out whether a request that was
/// never answered had its effect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookUpSection {
    /// The HTTP method. Default: GET.
    #[serde(default)]
    pub(crate) method: LookUpMethod,
    /// The path below the base address, with a query if it needs one. The key's
    /// `{name}` stands for the key, percent-encoded; other names are variables.
    pub(crate) path: Located<Template>,
    /// What stands behind the path's `?`, by name, as an operation has it; here
    /// `{name}` may be the key, too. `{name|doubled}` and `{name|backslashed}`
    /// say how a quote in it is written, inside a quoted string.
    #[serde(default)]
    pub(crate) query: NameMap<Located<Template>>,
    /// Headers of look-ups besides the token's and the body's own. Default:
    /// those of the operation.
    pub(crate) headers: Option<NameMap<Located<Template>>>,
    /// With POST: the members of the JSON body, as texts; `{name}` as in the
    /// path. A name that begins with `/` is a JSON pointer, for members of
    /// members: `/externalSource/id`.
    #[serde(default)]
    pub(crate) body: NameMap<Located<Template>>,
    /// What a reply looks like that shows the record. One of these must match.
    pub(crate) found: Vec<Located<ConditionSection>>,
    /// What a reply looks like that shows that there is no such record. The row
    /// is then sent again, so be strict: a search that is late to know new
    /// records would make a second one. A reply that is neither found nor absent
    /// leaves the row unknown.
    pub(crate) absent: Vec<Located<ConditionSection>>,
    /// Fields that must stand in the reply as they were sent for the record to
    /// count as found: the field's name, and its place as a JSON pointer. Name
    /// the key here where the platform's search isn't exact.
    #[serde(default)]
    pub(crate) same: NameMap<Located<String>>,
    /// Where the platform's own id of the record stands, or a list of places, the
    /// first that finds one wins.
    pub(crate) id: Option<Located<Places>>,
    /// Where the record itself stands, as a JSON pointer; `""` where it is the
    /// reply. What an upsert, `sluice verify` and `sluice plan --online` compare
    /// rows with.
    pub(crate) record: Option<Located<String>>,
    /// Where the platform shows a value in its own spelling, and keeps what was
    /// sent beside it: the value's place in the record, and where what was sent
    /// stands, as JSON pointers. Default: values are shown as they were sent.
    #[serde(default)]
    pub(crate) sent_at: NameMap<Located<String>>,
    /// Where the record's version stands, for platforms that want it back with a
    /// change.
    pub(crate) version: Option<Located<String>>,
    /// Where a second record would stand that has the same key. Such rows are
    /// refused: nobody could say which record is meant.
    pub(crate) second: Option<Located<String>>,
    /// How long after a request the platform's search may still not know the
    /// record that it made. No look-up that is sent earlier proves a record
    /// absent. Default: 5s.
    pub(crate) believed_after: Option<TimeSpan>,
    /// How long a reply is waited for. Default: that of the operation.
    pub(crate) timeout: Option<TimeSpan>,
    /// How several records are looked up with one request. Default: each is
    /// looked up by itself.
    pub(crate) batch: Option<Located<LookUpBatchSection>>,
}

/// How the platform is told that a request is a repeat.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdempotencyKeySection {
    /// The header that the row's key is sent in: 32 hexadecimal digits made from
    /// the source, the entity and the record's key, the same in every attempt
    /// and every run. Name it only where the platform promises to apply requests
    /// of the same key once, for longer than a load may be interrupted.
    pub(crate) header: Located<String>,
}
