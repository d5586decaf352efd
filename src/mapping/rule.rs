//! How one target field is filled.

/// How one target field is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// The target field's name.
    pub target: String,
    /// What it is filled from.
    pub from: RuleSource,
    /// Whether white space at both ends is cut off.
    pub trim: bool,
    /// Whether the value is put in lower case.
    pub lowercase: bool,
    /// What stands in for an empty cell.
    pub default: Option<String>,
    /// Whether a row without a value is refused.
    pub required: bool,
}

impl FieldRule {
    /// The plain rule: the field is what the column has.
    #[must_use]
    pub fn column(target: impl Into<String>, column: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            from: RuleSource::Column(column.into()),
            trim: false,
            lowercase: false,
            default: None,
            required: false,
        }
    }
}

/// What a target field is filled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// A source column's name.
    Column(String),
    /// The same text for every row.
    Constant(String),
}
