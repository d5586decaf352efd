//! A row as the plan shows it.

use crate::record::Fields;

use super::Program;
use super::program::StepValue;

/// One target field of a row, for the plan's samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The target field's name.
    pub target: String,
    /// The source column; `None` for a constant.
    pub column: Option<String>,
    /// The value as it would be sent; empty where the cell is.
    pub value: String,
    /// Whether this field is the key.
    pub is_key: bool,
}

impl Program {
    /// What each target field of a row would be, the key first; whether the
    /// row would be refused is for [`Program::apply`] to say.
    #[must_use]
    pub fn explain(&self, fields: &Fields) -> Vec<Explained> {
        std::iter::once((&self.key, true))
            .chain(self.steps.iter().map(|step| (step, false)))
            .map(|(step, is_key)| Explained {
                target: step.target.clone(),
                column: match &step.value {
                    StepValue::Cell { column, .. } => Some(column.clone()),
                    StepValue::Constant(_) => None,
                },
                value: step.value_in(fields).into_owned(),
                is_key,
            })
            .collect()
    }

    /// The key field's name.
    #[must_use]
    pub fn key_field(&self) -> &str {
        &self.key.target
    }

    /// The target fields that are filled, in the order of the body, without
    /// the key.
    pub fn targets(&self) -> impl Iterator<Item = &str> + '_ {
        self.steps.iter().map(|step| step.target.as_str())
    }
}
