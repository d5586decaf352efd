//! What a value can be turned into.

use std::borrow::Cow;

use crate::record::Fields;

use super::BooleanRule;
use super::date::DateConverter;
use super::number;
use super::phone::PhoneConverter;
use super::rule::{Conversion, NumberRule};

/// Why a value can't be turned into what it should be: the rule's name and
/// what is wrong.
pub(super) type Refused = (&'static str, String);

/// A compiled conversion.
#[derive(Debug)]
pub(super) enum Converter {
    Number(NumberRule),
    E164(PhoneConverter),
    Date(Box<DateConverter>),
    Boolean(BooleanWords),
}

impl Converter {
    /// Compiles a conversion; `column` gives a column's index.
    ///
    /// # Errors
    /// What is wrong with it by itself, and what `column` says.
    pub(super) fn new(
        conversion: &Conversion,
        column: impl FnMut(&str) -> Result<usize, String>,
    ) -> Result<Self, String> {
        Ok(match conversion {
            Conversion::Number(rule) => {
                number::check(*rule)?;
                Self::Number(*rule)
            }
            Conversion::E164(region) => Self::E164(PhoneConverter::new(region, column)?),
            Conversion::Date(rule) => Self::Date(Box::new(DateConverter::new(rule)?)),
            Conversion::Boolean(rule) => Self::Boolean(BooleanWords::new(rule)?),
        })
    }

    /// Whether it takes more of a row than the value.
    pub(super) fn reads_row(&self) -> bool {
        matches!(self, Self::E164(PhoneConverter::Cell(_)))
    }

    /// Turns a value, which isn't empty, into another.
    pub(super) fn convert<'text>(
        &self,
        text: &'text str,
        fields: &Fields,
    ) -> Result<Cow<'text, str>, Refused> {
        match self {
            Self::Number(rule) => number::convert(text, *rule),
            Self::E164(phone) => phone.convert(text, fields).map(Cow::Owned),
            Self::Date(date) => date.convert(text).map(Cow::Owned),
            Self::Boolean(words) => words.convert(text).map(Cow::Borrowed),
        }
    }
}

/// Words for true and false, in lower case.
#[derive(Debug)]
pub(super) struct BooleanWords {
    words: Vec<(String, &'static str)>,
}

impl BooleanWords {
    fn new(rule: &BooleanRule) -> Result<Self, String> {
        let mut words: Vec<(String, &'static str)> = Vec::new();
        let listed = (rule.yes.iter().map(|word| (word, "true")))
            .chain(rule.no.iter().map(|word| (word, "false")));
        for (word, meaning) in listed {
            let word = word.to_lowercase();
            if word.is_empty() {
                return Err(
                    "an empty cell is no word; `default` says what it stands for".to_owned(),
                );
            }
            if words
                .iter()
                .any(|(known, other)| *known == word && *other != meaning)
            {
                return Err(format!("{word:?} stands for both true and false"));
            }
            words.push((word, meaning));
        }
        if rule.yes.is_empty() || rule.no.is_empty() {
            return Err("`boolean` needs words for true and for false".to_owned());
        }
        Ok(Self { words })
    }

    fn convert(&self, text: &str) -> Result<&'static str, Refused> {
        let exact = self.words.iter().find(|(word, _)| word == text);
        if let Some((_, meaning)) = exact {
            return Ok(meaning);
        }
        let folded = text.to_lowercase();
        match self.words.iter().find(|(word, _)| *word == folded) {
            Some((_, meaning)) => Ok(meaning),
            None => {
                let known: Vec<&str> = self.words.iter().map(|(word, _)| word.as_str()).collect();
                Err((
                    "not_a_boolean",
                    format!(
                        "{} is none of the words for true and false: {}",
                        super::problem::quoted(text),
                        known.join(", ")
                    ),
                ))
            }
        }
    }
}
