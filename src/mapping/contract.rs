//! What a target takes: its fields, and which of them is the key.

/// What one operation of a target takes. Filled in by the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The field that names the record.
    pub key: String,
    /// The key's longest length in characters; `None` where it isn't known.
    pub key_max_length: Option<usize>,
    /// Whether the key also stands in the body.
    pub key_in_body: bool,
    /// The fields of the body, without the key.
    pub fields: Vec<ContractField>,
    /// What an empty cell means.
    pub empty_cells: EmptyCells,
}

impl Contract {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&ContractField> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One field of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractField {
    /// The field's name, which is the JSON member's name too.
    pub name: String,
    /// What its values are.
    pub kind: FieldKind,
    /// The longest length in characters; `None` where it isn't known.
    pub max_length: Option<usize>,
    /// Whether a row without a value is refused.
    pub required: bool,
    /// Whether control characters (line breaks and tabs among them) are refused.
    pub forbids_control_characters: bool,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    #[default]
    String,
    /// A telephone number, sent as the text it is.
    Phone,
    /// A number, sent without quotes in the spelling of the cell.
    Number,
    /// `true` or `false`, sent without quotes.
    Boolean,
}

/// What an empty cell means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyCells {
    /// Nothing is said about the field: its member is left out of the body.
    #[default]
    Omit,
    /// The field is to be empty: an empty text is sent, `null` for a number or
    /// a boolean.
    Send,
}
