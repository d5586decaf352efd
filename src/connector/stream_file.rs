//! `streams` of a connector file: lists of records that can be read page by
//! page.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::config::{Located, NameMap, TimeSpan};

use super::places::Places;
use super::rule_file::ReplySection;
use super::template::Template;

/// A list of records that is read page by page.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamSection {
    /// Which of `hosts` is asked. Default: `base_url`.
    pub(crate) host: Option<Located<String>>,
    /// The path below the base address. `{name}` stands for a variable.
    pub(crate) path: Located<Template>,
    /// What stands behind the `?` of every page, by name.
    #[serde(default)]
    pub(crate) query: NameMap<Located<Template>>,
    /// Headers of the request besides the token's.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// Where the list of records stands in a page: a JSON pointer (RFC 6901);
    /// "" where the page is the list.
    pub(crate) records: Located<String>,
    /// How one page leads to the next.
    pub(crate) pages: Located<PagesSection>,
    /// How to ask for what has changed. Default: the stream always gives all.
    pub(crate) changed_since: Option<Located<ChangedSinceSection>>,
    /// The column that names a record.
    pub(crate) key: Located<String>,
    /// The columns: the place of each in a record, as a JSON pointer; or a list
    /// of places, the first that has a value wins.
    pub(crate) fields: NameMap<Located<Places>>,
    /// How long a page is waited for. Default: 60s.
    pub(crate) timeout: Option<TimeSpan>,
    /// What a reply means; the first match wins. A reply that nothing matches
    /// is classed by its status.
    #[serde(default)]
    pub(crate) replies: Vec<Located<ReplySection>>,
}

/// How one page leads to the next.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PagesSection {
    /// What a page is asked for by.
    pub(crate) by: Paging,
    /// The query parameter that names the page; links have none.
    pub(crate) parameter: Option<Located<String>>,
    /// The number of the first page. Default: 1.
    pub(crate) first: Option<u64>,
    /// How many records a page has. Default: the platform's own choice.
    pub(crate) size: Option<Located<PageSizeSection>>,
    /// Where a page says how many records there are in all, for `offset` and
    /// `number`: a JSON pointer. A list whose pages tell other totals, or that
    /// has fewer records, is read again. Default: the pages don't tell.
    pub(crate) total: Option<Located<String>>,
    /// Where a page says how many pages there are, for `number`: a JSON
    /// pointer. Default: the pages don't tell.
    pub(crate) total_pages: Option<Located<String>>,
    /// Where a page has the next one's cursor or link: a JSON pointer. Nothing,
    /// null or an empty text there is the end.
    pub(crate) at: Option<Located<String>>,
}

/// What a page is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Paging {
    /// How many records come before it.
    Offset,
    /// Its number.
    Number,
    /// A text that the page before had.
    Cursor,
    /// An address that the page before had.
    NextLink,
    /// An address in the `Link` header of the page before, with the relation
    /// `next` (RFC 8288).
    LinkHeader,
}

/// How many records a page has.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageSizeSection {
    /// The query parameter.
    pub(crate) parameter: Located<String>,
    /// Its value: the most that the platform gives.
    pub(crate) value: u32,
}

/// How to ask for what has changed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedSinceSection {
    /// The query parameter that takes the time.
    pub(crate) parameter: Located<String>,
    /// How the time is written. Default: rfc3339.
    #[serde(default, rename = "as")]
    pub(crate) form: TimeForm,
    /// The column that says when a record was changed. The next run asks from
    /// the newest of these on, where that is before this run's start: the
    /// platform's clock may be behind.
    pub(crate) changed_at: Option<Located<String>>,
    /// How much earlier the next run asks from, for what was being changed
    /// while this one read. Default: 5m.
    pub(crate) overlap: Option<TimeSpan>,
}

/// How a time is written in a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TimeForm {
    /// `2026-01-31T08:00:00Z`
    #[default]
    #[serde(rename = "rfc3339")]
    Rfc3339,
    /// `2026-01-31`
    #[serde(rename = "date")]
    Date,
    /// Seconds since 1970.
    #[serde(rename = "epoch_s")]
    EpochSeconds,
    /// Milliseconds since 1970.
    #[serde(rename = "epoch_ms")]
    EpochMilliseconds,
}

impl JsonSchema for TimeForm {
    fn schema_name() -> Cow<'static, str> {
        "TimeForm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "how a time is written: 2026-01-31T08:00:00Z, 2026-01-31, or seconds or milliseconds since 1970",
            "enum": ["rfc3339", "date", "epoch_s", "epoch_ms"],
        })
    }
}
