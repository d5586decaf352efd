//! What a target takes: its fields, and which of them is the key.

use schemars::JsonSchema;
use serde::Deserialize;

/// What one operation of a target takes. Filled in by the connector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contract {
    /// The field that names the record.
    pub key: String,
    /// The key's longest length in characters; `None` where it isn't known.
    pub key_max_length: Option<usize>,
    /// Whether the target takes white space around texts away, the key too.
    pub trims: bool,
    /// Whether the key also stands in the body.
    pub key_in_body: bool,
    /// Where else the key stands in the record.
    pub key_at: Vec<Vec<String>>,
    /// The fields of the body, without the key.
    pub fields: Vec<ContractField>,
    /// Where fields stand that aren't named; `None` where there can't be any.
    pub others: Option<OtherFields>,
    /// What every record has besides.
    pub constants: Vec<FixedMember>,
    /// Whether a record takes the whole place of what stands there.
    pub replaces: bool,
    /// Whether it only changes records that are there: one of its key alone makes
    /// nothing, and takes everything away where it replaces.
    pub only_changes: bool,
    /// What an empty cell means.
    pub empty_cells: EmptyCells,
}

impl Contract {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&ContractField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields that take a list or an object as a whole.
    pub fn nesting_fields(&self) -> impl Iterator<Item = &str> {
        let takes = |field: &&ContractField| field.list.is_some() || field.kind == FieldKind::Json;
        self.fields
            .iter()
            .filter(takes)
            .map(|field| field.name.as_str())
    }

    /// The contract with a field for each of these names that it has a place
    /// for. A name of digits alone has none: it would be taken for a place in a
    /// list.
    #[must_use]
    pub(super) fn with_others<'name>(&self, names: impl Iterator<Item = &'name str>) -> Self {
        let mut contract = self.clone();
        let Some(others) = &self.others else {
            return contract;
        };
        let takes_names = others.at.iter().any(|step| step == "*");
        for name in names {
            let is_known = name == self.key || contract.field(name).is_some();
            let is_index = takes_names && name.bytes().all(|byte| byte.is_ascii_digit());
            if !is_known && !is_index {
                let number = contract.fields.len() - self.fields.len();
                contract.fields.push(others.field(name, number));
            }
        }
        contract
    }
}

/// Where fields stand that a contract doesn't name: columns of a list, say, that
/// each user has their own of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherFields {
    /// The place of the value; a step of `*` is the field's name, a step of `-`
    /// the next place of a list.
    pub at: Vec<String>,
    /// The place of the name, where it stands beside the value.
    pub name_at: Option<Vec<String>>,
    /// The longest value in characters; `None` where it isn't known.
    pub max_length: Option<usize>,
}

impl OtherFields {
    /// The field of that name; `number` of its kind come before it.
    fn field(&self, name: &str, number: usize) -> ContractField {
        let place = |steps: &[String]| -> Vec<String> {
            let filled = steps.iter().map(|step| match step.as_str() {
                "*" => name.to_owned(),
                "-" => number.to_string(),
                step => step.to_owned(),
            });
            filled.collect()
        };
        let name_member = self.name_at.as_ref().map(|at| FixedMember {
            at: place(at),
            json: serde_json::Value::from(name).to_string(),
        });
        ContractField {
            at: place(&self.at),
            beside: name_member.into_iter().collect(),
            max_length: self.max_length,
            ..ContractField::new(name, FieldKind::String)
        }
    }
}

/// One field of the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContractField {
    /// The field's name, by which rules and headers call it.
    pub name: String,
    /// Where it stands in the record; a name of digits alone is an index of a
    /// list. Empty: a member of the field's name.
    pub at: Vec<String>,
    /// What stands in the record where the field has a value, and only there.
    pub beside: Vec<FixedMember>,
    /// What its values are.
    pub kind: FieldKind,
    /// The values that it takes; empty: all.
    pub values: Vec<String>,
    /// A regular expression that a whole value must match.
    pub pattern: Option<String>,
    /// The smallest number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
    /// How a list of values is written; `None` where the field has one value.
    pub list: Option<ListForm>,
    /// The longest length in characters; `None` where it isn't known.
    pub max_length: Option<usize>,
    /// Whether a row without a value is refused.
    pub required: bool,
    /// Whether control characters (line breaks and tabs among them) are refused.
    pub forbids_control_characters: bool,
}

impl ContractField {
    /// A field that takes any text.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            name: name.into(),
            kind,
            ..Self::default()
        }
    }

    /// Where it stands in the record.
    pub(super) fn place(&self) -> &[String] {
        match self.at.as_slice() {
            [] => std::slice::from_ref(&self.name),
            place => place,
        }
    }
}

/// A part of the record that no row fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedMember {
    /// Where it stands, as of [`ContractField::at`].
    pub at: Vec<String>,
    /// What stands there, as JSON.
    pub json: String,
}

/// How a list of values is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListForm {
    /// Where a value stands in its entry; empty: the value is the entry.
    pub item: Vec<String>,
}

/// What the values of a field are. Connector files name it in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Any text.
    #[default]
    String,
    /// A telephone number, sent as the text it is.
    Phone,
    /// A telephone number in its international form, `+4930123456`.
    E164,
    /// An e-mail address.
    Email,
    /// A UUID, `123e4567-e89b-12d3-a456-426614174000`.
    Uuid,
    /// An address of the web, with `http` or `https`.
    Url,
    /// A number, sent without quotes in the spelling of the cell.
    Number,
    /// A number without a fraction, sent without quotes.
    Integer,
    /// `true` or `false`, sent without quotes.
    Boolean,
    /// A date, `2024-01-31`.
    Date,
    /// A moment, as RFC 3339 with an offset: `2024-01-31T10:00:00Z`.
    DateTime,
    /// One of the field's `values`.
    Enum,
    /// Text that is JSON, sent as it is.
    Json,
}

impl FieldKind {
    /// Whether a value is sent without quotes.
    pub(super) fn is_bare(self) -> bool {
        matches!(
            self,
            Self::Number | Self::Integer | Self::Boolean | Self::Json
        )
    }
}

/// What an empty cell means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyCells {
    /// Nothing is said about the field: its member is left out of the body.
    #[default]
    Omit,
    /// The field is to be empty: an empty text is sent, `null` for a number or
    /// a boolean, an empty list for a list.
    Send,
}
