//! Telephone numbers into their international form (ITU-T E.164).
//!
//! What a number is, is told by the numbering plans of libphonenumber. Around it
//! stands what this loader holds to: nothing is repaired by guess. Letters, two
//! numbers in a cell, an extension, and a number whose leading zero or `+` was
//! lost are refused, though the library would make something of each.

use rlibphonenumber::{
    CountryCodeSource, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, Region,
    ValidationError,
};

use crate::record::Fields;

use super::convert::Refused;
use super::problem::quoted;
use super::rule::Region as RegionRule;
use super::spreadsheet::is_scientific;

/// More characters than a number of [`MAX_DIGITS`] takes, however it is spaced.
const MAX_CHARACTERS: usize = 60;
/// Digits of a number in international form, its country code's among them (ITU-T
/// E.164, section 6). National plans allow more in places, and no platform takes
/// them.
pub(super) const MAX_DIGITS: usize = 15;

/// Why a number is refused.
const TOO_SHORT: &str = "it has too few digits";
const TOO_LONG: &str = "it has too many digits";

/// Turns telephone numbers into their international form.
#[derive(Debug)]
pub(super) enum PhoneConverter {
    /// All numbers are of this region.
    Fixed(Region),
    /// The region stands in the row, in this cell.
    Cell(usize),
}

/// The region of two letters (ISO 3166-1), in either case.
fn region_named(name: &str) -> Option<Region> {
    let name = name.trim();
    if name.len() != 2 {
        return None;
    }
    let region = name.to_ascii_uppercase().parse().ok()?;
    PHONE_NUMBER_UTIL
        .get_country_code_for_region(region)
        .map(|_| region)
}

impl PhoneConverter {
    pub(super) fn new(
        region: &RegionRule,
        mut column: impl FnMut(&str) -> Result<usize, String>,
    ) -> Result<Self, String> {
        match region {
            RegionRule::Fixed(name) => region_named(name).map(Self::Fixed).ok_or_else(|| {
                format!(
                    "{} is no region; write two letters such as DE, GB or US",
                    quoted(name)
                )
            }),
            RegionRule::Column(name) => column(name).map(Self::Cell),
        }
    }

    /// The international form: `+4930123456`.
    pub(super) fn convert(&self, text: &str, fields: &Fields) -> Result<String, Refused> {
        if is_scientific(text) {
            return Err(super::spreadsheet::refused(text));
        }
        let text = text.trim();
        check_characters(text)?;
        if text.starts_with('+') {
            let number = PHONE_NUMBER_UTIL.parse(text, None);
            let number = number.map_err(|error| not_a_number(text, unreadable(&error)))?;
            return in_use(text, &number);
        }
        let region = match self {
            Self::Fixed(region) => *region,
            Self::Cell(cell) => {
                let name = fields.get(*cell).unwrap_or_default();
                region_named(name).ok_or_else(|| {
                    (
                        "unknown_region",
                        format!(
                            "{} is no region, and the number has no country code; write two letters such as DE, or the number with +",
                            quoted(name)
                        ),
                    )
                })?
            }
        };
        let number = PHONE_NUMBER_UTIL
            .parse_and_keep_raw_input(text, Some(region))
            .map_err(|error| not_a_number(text, unreadable(&error)))?;
        let international = in_use(text, &number)?;
        check_beginning(text, &number)?;
        Ok(international)
    }
}

/// Digits and the marks that people put between them. Letters would be read as
/// the keys of a telephone, and a second number or an extension be cut off.
fn check_characters(text: &str) -> Result<(), Refused> {
    let mut has_digit = false;
    for (index, character) in text.char_indices() {
        match character {
            '0'..='9' => has_digit = true,
            ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}'..='\u{2013}' | '.' | '/' | '(' | ')' => {
            }
            '+' if index == 0 => {}
            other => {
                return Err((
                    "not_a_phone_number",
                    format!(
                        "{} has {other:?} in it; leave one number and nothing else",
                        quoted(text)
                    ),
                ));
            }
        }
    }
    if !has_digit || text.len() > MAX_CHARACTERS {
        return Err(not_a_number(text, "no number has so many or so few digits"));
    }
    Ok(())
}

fn not_a_number(text: &str, cause: &str) -> Refused {
    (
        "not_a_phone_number",
        format!("{} isn't a telephone number: {cause}", quoted(text)),
    )
}

/// Why the library can't read a number, in a reader's words.
fn unreadable(error: &ParseError) -> &'static str {
    match error {
        ParseError::InvalidCountryCode => "no country has the code that it begins with",
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => TOO_SHORT,
        ParseError::TooLongNsn => TOO_LONG,
        ParseError::NotANumber(_) => "its digits and marks don't make up one",
    }
}

/// The international form of a number that its country may have given out.
fn in_use(text: &str, number: &PhoneNumber) -> Result<String, Refused> {
    let is_valid = number.is_valid();
    let international = number.format_as(PhoneNumberFormat::E164);
    if is_valid && international.len() <= "+".len() + MAX_DIGITS {
        return Ok(international.into_owned());
    }
    let cause = match number.is_possible_with_reason() {
        _ if is_valid => TOO_LONG,
        Err(ValidationError::TooShort) => TOO_SHORT,
        Err(ValidationError::TooLong) => TOO_LONG,
        Err(ValidationError::InvalidLength) => "no number there has so many digits",
        Err(ValidationError::InvalidCountryCode) => "no country has this code",
        Ok(_) => "no such number is given out",
    };
    Err((
        "not_a_phone_number",
        format!(
            "{} isn't a number of +{}: {cause}",
            quoted(text),
            number.country_code
        ),
    ))
}

/// A number without `+` begins as it is dialled in its country. Where it is
/// dialled with a 0 and has none, a spreadsheet took it, or the `+` of a country
/// code; which of the two would be a guess.
fn check_beginning(text: &str, number: &PhoneNumber) -> Result<(), Refused> {
    // What North America dials before a number is its country code too.
    const NORTH_AMERICA: i32 = 1;
    let first_digit = |text: &str| text.chars().find(char::is_ascii_digit);
    if first_digit(text) == Some('0') || number.country_code == NORTH_AMERICA {
        return Ok(());
    }
    let is_country_code =
        number.country_code_source() == CountryCodeSource::FromNumberWithoutPlusSign;
    let lacks_zero = || first_digit(&number.format_as(PhoneNumberFormat::National)) == Some('0');
    if is_country_code || lacks_zero() {
        return Err((
            "leading_zeros_lost",
            format!(
                "{} begins neither with + nor with 0: its leading zero, or its country code's +, is lost; export the column as text",
                quoted(text)
            ),
        ));
    }
    Ok(())
}
