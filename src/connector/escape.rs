//! How a quote in a value is written inside a quoted string of a query language.

use std::borrow::Cow;

/// What is done to a value so that it can't end the quoted string around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Nothing was said.
    #[default]
    None,
    /// Nothing, and somebody has thought of it.
    Plain,
    /// A `'` is written twice.
    Doubled,
    /// `'`, `"` and `\` have a backslash before them.
    Backslashed,
}

impl Escape {
    /// The escape of that name; `None` for a name that isn't one.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "plain" => Some(Self::Plain),
            "doubled" => Some(Self::Doubled),
            "backslashed" => Some(Self::Backslashed),
            _ => None,
        }
    }

    /// The value as it stands in the string.
    pub(super) fn of(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Doubled if value.contains('\'') => value.replace('\'', "''").into(),
            Self::Backslashed if value.contains(['\'', '"', '\\']) => {
                let mut escaped = String::with_capacity(value.len() + 4);
                for character in value.chars() {
                    if matches!(character, '\'' | '"' | '\\') {
                        escaped.push('\\');
                    }
                    escaped.push(character);
                }
                escaped.into()
            }
            _ => value.into(),
        }
    }
}
