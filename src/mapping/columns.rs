//! The input's columns by name.

use std::collections::HashMap;

use crate::record::Fields;

use super::problem::nearest;

/// The columns that hold data, by name.
pub(super) struct Columns<'header> {
    /// The names, in the header's order.
    pub(super) names: Vec<&'header str>,
    /// Columns of the header, those without data among them.
    width: usize,
    /// Index of the name's column; `None` where the name stands twice.
    by_name: HashMap<&'header str, Option<usize>>,
}

/// Why a name gives no column.
pub(super) enum NoColumn {
    /// No column has it.
    Unknown {
        name: String,
        nearest: Option<String>,
    },
    /// Several have it.
    Ambiguous { name: String },
}

impl NoColumn {
    /// What is wrong, fit after "comes from" or "names".
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unknown { name, nearest } => {
                let near = match nearest {
                    Some(nearest) => format!("; did you mean `{nearest}`?"),
                    None => String::new(),
                };
                format!("the column `{name}`, which the input doesn't have{near}")
            }
            Self::Ambiguous { name } => format!(
                "the column `{name}`, which the input has more than once; rename all but one"
            ),
        }
    }
}

impl<'header> Columns<'header> {
    pub(super) fn new(header: &'header [String], payload_columns: &[usize]) -> Self {
        let mut names = Vec::with_capacity(payload_columns.len());
        let mut by_name = HashMap::with_capacity(payload_columns.len());
        for &index in payload_columns {
            let Some(name) = header.get(index) else {
                continue;
            };
            names.push(name.as_str());
            by_name
                .entry(name.as_str())
                .and_modify(|place| *place = None)
                .or_insert(Some(index));
        }
        Self {
            names,
            width: header.len(),
            by_name,
        }
    }

    /// The index of the name's column.
    pub(super) fn index(&self, name: &str) -> Result<usize, NoColumn> {
        match self.by_name.get(name) {
            Some(Some(index)) => Ok(*index),
            Some(None) => Err(NoColumn::Ambiguous {
                name: name.to_owned(),
            }),
            None => Err(NoColumn::Unknown {
                name: name.to_owned(),
                nearest: nearest(name, self.names.iter().copied()),
            }),
        }
    }

    /// A row whose cells are all empty.
    pub(super) fn empty_row(&self) -> Fields {
        let mut fields = Fields::default();
        for _ in 0..self.width {
            fields.end_field();
        }
        fields
    }
}
