//! How one target field is filled, as a job file says it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::convert::Converter;
use super::expression::{check_condition, check_template};
use super::kind::Format;

/// How one target field is filled.
///
/// The parts are applied in this order: the source's text, `trim`, `lookup`,
/// the letter case, the conversion, `truncate`, `default` for what is empty,
/// `reference`, and then the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// The target field's name.
    pub target: String,
    /// What it is filled from.
    pub from: RuleSource,
    /// A condition over the columns; where it is false the field is left out.
    /// Default: none.
    pub when: Option<String>,
    /// Whether white space at both ends is cut off. Default: no.
    pub trim: bool,
    /// The letter case the value is put in. Default: as it is.
    pub letter_case: Option<LetterCase>,
    /// A table that the value is replaced from. Default: none.
    pub lookup: Option<Lookup>,
    /// What the value is turned into. Default: nothing else.
    pub convert: Option<Conversion>,
    /// What separates the entries of a list. Default: the value is one entry.
    pub split: Option<String>,
    /// Characters after which the value is cut off. Default: it is never cut.
    pub truncate: Option<usize>,
    /// What stands in for an empty value, and for one that `lookup` doesn't
    /// have. Default: nothing.
    pub default: Option<String>,
    /// The entity whose record the value is the key of; the field gets the
    /// tenant's id of that record. Default: none, the value is the field's.
    pub reference: Option<String>,
    /// Whether a row without a value is refused. Default: no.
    pub required: bool,
    /// A form that the value must have. Default: what the target asks for.
    pub format: Option<Format>,
    /// The longest value in characters. Default: what the target takes.
    pub max_length: Option<usize>,
    /// Whether an empty value is left out; else it is sent empty. Default: as
    /// the target does.
    pub omit_empty: Option<bool>,
    /// The rule's line in the job file, counted from 1; 0 where no file holds it.
    pub line: u64,
    /// The lines of the rule's own texts (constant, default, lookup); the rule's
    /// own line holds for those that aren't here.
    pub text_lines: BTreeMap<String, u64>,
}

impl FieldRule {
    /// The plain rule: the field is what the column has.
    #[must_use]
    pub fn column(target: impl Into<String>, column: impl Into<String>) -> Self {
        Self::new(target, RuleSource::Columns(vec![column.into()]))
    }

    /// A rule that fills the field and does nothing else.
    #[must_use]
    pub fn new(target: impl Into<String>, from: RuleSource) -> Self {
        Self {
            target: target.into(),
            from,
            when: None,
            trim: false,
            letter_case: None,
            lookup: None,
            convert: None,
            split: None,
            truncate: None,
            default: None,
            reference: None,
            required: false,
            format: None,
            max_length: None,
            omit_empty: None,
            line: 0,
            text_lines: BTreeMap::new(),
        }
    }

    /// Whether the rule makes sense by itself: its template, its condition, its
    /// date's form and zone, its region.
    ///
    /// # Errors
    /// What is wrong, as a lower-case fragment that names the field.
    pub fn check(&self) -> Result<(), String> {
        let checked = || {
            if let RuleSource::Template(template) = &self.from {
                check_template(template)?;
            }
            if let Some(condition) = &self.when {
                check_condition(condition)?;
            }
            if let Some(conversion) = &self.convert {
                Converter::new(conversion, |_| Ok(0))?;
            }
            Ok(())
        };
        checked().map_err(|message: String| format!("`{}`: {message}", self.target))
    }

    /// The columns that the rule names outside templates and conditions.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let from = match &self.from {
            RuleSource::Columns(columns) | RuleSource::Joined { columns, .. } => columns.as_slice(),
            RuleSource::Constant(_) | RuleSource::Template(_) => &[],
        };
        let region = match &self.convert {
            Some(Conversion::E164(Region::Column(column))) => Some(column.as_str()),
            _ => None,
        };
        from.iter().map(String::as_str).chain(region)
    }

    /// The names of what the rule does, in the order in which it is done, as
    /// the job file spells them.
    #[must_use]
    pub fn parts(&self) -> Vec<&'static str> {
        let source = match &self.from {
            RuleSource::Columns(_) => "from",
            RuleSource::Joined { .. } => "join",
            RuleSource::Constant(_) => "constant",
            RuleSource::Template(_) => "template",
        };
        let letter_case = self.letter_case.map(|letter_case| match letter_case {
            LetterCase::Lower => "lowercase",
            LetterCase::Upper => "uppercase",
        });
        let conversion = self.convert.as_ref().map(|conversion| match conversion {
            Conversion::Number(_) => "number",
            Conversion::E164(_) => "e164",
            Conversion::Date(_) => "date",
            Conversion::Boolean(_) => "boolean",
        });
        [
            self.when.as_ref().map(|_| "when"),
            Some(source),
            self.split.as_ref().map(|_| "split"),
            self.trim.then_some("trim"),
            self.lookup.as_ref().map(|_| "lookup"),
            letter_case,
            conversion,
            self.truncate.map(|_| "truncate"),
            self.default.as_ref().map(|_| "default"),
            self.reference.as_ref().map(|_| "reference"),
            self.required.then_some("required"),
            self.format.map(|_| "format"),
            self.max_length.map(|_| "max_length"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What a target field is filled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// Columns, of which the first that isn't empty counts. At least one.
    Columns(Vec<String>),
    /// Columns; all that aren't empty are put together.
    Joined {
        /// The columns' names, at least one.
        columns: Vec<String>,
        /// What stands between two of them.
        separator: String,
    },
    /// The same text for every row.
    Constant(String),
    /// A minijinja template over the columns.
    Template(String),
}

/// A letter case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterCase {
    /// Small letters.
    Lower,
    /// Capital letters.
    Upper,
}

/// A table that values are replaced from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Value to what replaces it.
    pub entries: BTreeMap<String, String>,
    /// The file that the entries are read from, by whoever may read files;
    /// `None` where they stand in the job file.
    pub file: Option<LookupFile>,
}

/// A CSV file that holds a lookup table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupFile {
    /// The file.
    pub path: PathBuf,
    /// The column of the values that are replaced.
    pub key: String,
    /// The column of what replaces them.
    pub value: String,
}

/// What a value is turned into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// A number in JSON's spelling.
    Number(NumberRule),
    /// A telephone number in its international form (ITU-T E.164).
    E164(Region),
    /// A date, or a time.
    Date(DateRule),
    /// `true` or `false`.
    Boolean(BooleanRule),
}

/// How the source spells numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRule {
    /// The decimal mark. Default: a point.
    pub decimal: char,
    /// What separates groups of three digits; a blank stands for every kind of
    /// blank. Default: nothing does.
    pub thousands: Option<char>,
}

/// The region whose rules a telephone number without `+` follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Region {
    /// The same for all rows: two letters (ISO 3166-1).
    Fixed(String),
    /// What this column has.
    Column(String),
}

/// How the source spells dates, and how the target wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DateRule {
    /// Forms that the source uses, as of strftime. Default: ISO 8601.
    pub from: Vec<String>,
    /// The time zone of times that don't name one (IANA). Default: none.
    pub zone: Option<String>,
    /// What is sent. Default: a date where the source has no time, else UTC.
    pub to: Option<DateTarget>,
    /// What a time means that the zone's clocks skip or show twice. Default:
    /// its row is refused.
    pub gap: Option<GapChoice>,
}

/// What is sent of a date or a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateTarget {
    /// The moment in UTC, as RFC 3339 with a `Z`.
    Utc,
    /// The zone's time with its offset, as RFC 3339.
    Local,
    /// The date alone, `2024-01-31`.
    Date,
    /// A form of one's own, as of strftime.
    Format(String),
}

/// What a time means that the zone's clocks skip or show twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapChoice {
    /// The later of the two moments.
    Later,
    /// The earlier one.
    Earlier,
}

/// The source's words for true and false; letter case counts for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BooleanRule {
    /// Words for true.
    pub yes: Vec<String>,
    /// Words for false.
    pub no: Vec<String>,
}
