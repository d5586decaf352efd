//! The long form of an entry, as it stands on disk. Its descriptions are the
//! job file's reference: editors show them while one types.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Located;
use crate::config::scalar::SpelledText;
use crate::mapping;

use super::shapes::{
    BooleanSection, ColumnNames, DateSection, LookupSection, NumberSection, RegionSection,
};

/// How one field is filled. Exactly one of `from`, `constant` and `template`
/// says where the value comes from. What follows is done in this order: `trim`,
/// `lookup`, `lowercase` or `uppercase`, one of `number`, `e164`, `date` and
/// `boolean`, `truncate`, `default`, `reference`, and then the checks. A row that breaks a
/// check is rejected, and the others go on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LongEntry {
    /// The column that the value comes from. Of several columns, `[mobile,
    /// phone]`, the first that isn't empty counts, unless `join` puts them
    /// together.
    pub(super) from: Option<ColumnNames>,
    /// What stands between the columns of `from` when all that aren't empty are
    /// put together, such as " ".
    pub(super) join: Option<String>,
    /// The same text for every row.
    #[schemars(with = "Option<SpelledText>")]
    pub(super) constant: Option<Located<String>>,
    /// A text with columns in double braces: "{{ first }} {{ last }}". A column
    /// whose name isn't one word is written {{ row["first name"] }}. The
    /// language is minijinja (Jinja2).
    pub(super) template: Option<String>,
    /// A condition over the columns, such as `country == "DE"`. Where it is
    /// false, the field is left out of the row. All columns are texts:
    /// `age|int > 30` makes a number of one.
    pub(super) when: Option<String>,
    /// Cut white space off at both ends.
    #[serde(default)]
    pub(super) trim: bool,
    /// Put the value in lower case.
    #[serde(default)]
    pub(super) lowercase: bool,
    /// Put the value in upper case.
    #[serde(default)]
    pub(super) uppercase: bool,
    /// Replace the value from a table: `{1: Gold, 2: Silver}`, or `{file:
    /// tiers.csv, key: code, value: name}` for a table in a CSV file, whose path
    /// is taken from the job file's folder. A value that the table doesn't have
    /// becomes `default`; without one, its row is rejected.
    pub(super) lookup: Option<LookupSection>,
    /// What stands in for an empty value, and for one that `lookup` doesn't have.
    #[schemars(with = "Option<SpelledText>")]
    pub(super) default: Option<Located<String>>,
    /// The entity whose record the value names by its key: the field gets the
    /// platform's id of that record. The key is what that entity's own map makes
    /// of it. A key without a record rejects its row.
    pub(super) reference: Option<String>,
    /// Reject a row without a value.
    #[serde(default)]
    pub(super) required: bool,
    /// What the value must look like.
    pub(super) format: Option<FormatName>,
    /// Make it a telephone number in international form, +4930123456. `DE` is
    /// the country whose rules a number without + follows; `{region: country}`
    /// takes the country from that column.
    pub(super) e164: Option<RegionSection>,
    /// Read a date or a time, and say what is sent.
    pub(super) date: Option<DateSection>,
    /// Read a number as the source spells it.
    pub(super) number: Option<NumberSection>,
    /// The source's words for true and false.
    pub(super) boolean: Option<BooleanSection>,
    /// What separates the entries where the field takes a list, such as ";".
    pub(super) split: Option<String>,
    /// The longest value in characters; a longer one rejects its row.
    pub(super) max_length: Option<usize>,
    /// Cut the value off after so many characters. Never done unless asked for.
    pub(super) truncate: Option<usize>,
    /// Whether an empty value is left out (true) or sent empty (false). Default:
    /// what the connector says.
    pub(super) omit_empty: Option<bool>,
}

impl LongEntry {
    /// The entry that a column's name alone stands for.
    pub(super) fn column(name: &str) -> Self {
        Self {
            from: Some(ColumnNames {
                names: vec![name.to_owned()],
            }),
            ..Self::default()
        }
    }
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormatName {
    /// ann@example.com
    Email,
    /// 123e4567-e89b-12d3-a456-426614174000
    Uuid,
    /// 2024-01-31
    Date,
    /// 2024-01-31T10:00:00Z
    DateTime,
    /// <https://example.com/page>
    Url,
    /// A number without a fraction: 42
    Integer,
}

impl From<FormatName> for mapping::Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Email => Self::Email,
            FormatName::Uuid => Self::Uuid,
            FormatName::Date => Self::Date,
            FormatName::DateTime => Self::DateTime,
            FormatName::Url => Self::Url,
            FormatName::Integer => Self::Integer,
        }
    }
}
