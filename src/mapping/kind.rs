//! What a value must look like to be of a kind. Pure looks at a text: nothing
//! is changed.

use jiff::Timestamp;
use jiff::civil::Date;

use super::convert::Refused;
use super::json::is_number;
use super::phone::MAX_DIGITS;
use super::problem::quoted;
use super::spreadsheet::{self, is_scientific};
use super::{Conversion, FieldKind};

/// A form that a job file asks a value to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An e-mail address.
    Email,
    /// A UUID.
    Uuid,
    /// A date, `2024-01-31`.
    Date,
    /// A moment, `2024-01-31T10:00:00Z`.
    DateTime,
    /// An address of the web.
    Url,
    /// A number without a fraction.
    Integer,
}

impl From<Format> for FieldKind {
    fn from(format: Format) -> Self {
        match format {
            Format::Email => Self::Email,
            Format::Uuid => Self::Uuid,
            Format::Date => Self::Date,
            Format::DateTime => Self::DateTime,
            Format::Url => Self::Url,
            Format::Integer => Self::Integer,
        }
    }
}

/// Whether a text, which isn't empty, is of a kind. Of an enumeration the
/// values are looked at elsewhere.
pub(super) fn check_kind(kind: FieldKind, text: &str) -> Result<(), Refused> {
    let (fits, rule, wanted) = match kind {
        FieldKind::String | FieldKind::Enum => return Ok(()),
        FieldKind::Phone | FieldKind::E164 if is_scientific(text) => {
            return Err(spreadsheet::refused(text));
        }
        FieldKind::Phone => return Ok(()),
        FieldKind::E164 => (
            is_e164(text),
            "not_a_phone_number",
            "isn't a number in international form such as +4930123456; the rule `e164` makes one",
        ),
        FieldKind::Email => (
            is_email(text),
            "not_an_email",
            "isn't an e-mail address such as ann@example.com",
        ),
        FieldKind::Uuid => (
            is_uuid(text),
            "not_a_uuid",
            "isn't a UUID such as 123e4567-e89b-12d3-a456-426614174000",
        ),
        FieldKind::Url => (
            is_url(text),
            "not_a_url",
            "isn't an address such as https://example.com/page",
        ),
        FieldKind::Number => (
            is_number(text),
            "not_a_number",
            "isn't a number; write it with a decimal point and without separators, or add the rule `number`",
        ),
        FieldKind::Integer => (
            is_integer(text),
            "not_an_integer",
            "isn't a whole number; write it in digits alone",
        ),
        FieldKind::Boolean => (
            matches!(text, "true" | "false"),
            "not_a_boolean",
            "is neither true nor false; the rule `boolean` turns other words into them",
        ),
        FieldKind::Date => (
            is_date(text),
            "not_a_date",
            "isn't a date such as 2024-01-31; the rule `date` reads other spellings",
        ),
        FieldKind::DateTime => (
            is_moment(text),
            "not_a_datetime",
            "isn't a time with its offset such as 2024-01-31T10:00:00Z; the rule `date` reads other spellings",
        ),
        FieldKind::Json => (
            serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
            "not_json",
            "isn't JSON",
        ),
    };
    match fits {
        true => Ok(()),
        false => Err((rule, format!("{} {wanted}", quoted(text)))),
    }
}

/// Whether a conversion's values are always of a kind, so that looking again
/// would be time lost.
pub(super) fn is_sure(conversion: Option<&Conversion>, kind: FieldKind) -> bool {
    matches!(
        (conversion, kind),
        (
            Some(Conversion::E164(_)),
            FieldKind::E164 | FieldKind::Phone
        ) | (Some(Conversion::Number(_)), FieldKind::Number)
            | (Some(Conversion::Boolean(_)), FieldKind::Boolean)
    )
}

/// `+`, a country code that isn't 0, and 15 digits at most (ITU-T E.164).
fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (4..=MAX_DIGITS).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// One `@`, a local part of atoms and a domain of labels (RFC 5321, RFC 6531).
/// Quoted local parts and addresses of hosts are left out: no platform takes
/// them, and in an export they are slips of the hand.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= 254
        && local.len() <= 64
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte))
        && is_domain(domain)
        && domain.contains('.')
}

/// A byte of a local part; those of other alphabets are allowed (RFC 6531).
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        matches!(label.len(), 1..=63)
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || !byte.is_ascii())
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let host_and_rest = match (
        lower.strip_prefix("https://"),
        lower.strip_prefix("http://"),
    ) {
        (Some(_), _) => &text[8..],
        (_, Some(_)) => &text[7..],
        _ => return false,
    };
    let host = host_and_rest
        .split(['/', '?', '#', ':'])
        .next()
        .unwrap_or_default();
    let is_plain = |character: char| {
        !character.is_whitespace() && !character.is_control() && !"\"<>\\^`{|}".contains(character)
    };
    !host.is_empty() && !host.contains('@') && text.chars().all(is_plain)
}

fn is_integer(text: &str) -> bool {
    is_number(text) && !text.contains(['.', 'e', 'E'])
}

/// `2024-01-31`, and a day that the calendar has (RFC 3339, full-date).
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_form = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse().ok());
    let year = text.get(..4).and_then(|part| part.parse().ok());
    match (has_form, year, part(5..7), part(8..10)) {
        (true, Some(year), Some(month), Some(day)) => Date::new(year, month, day).is_ok(),
        _ => false,
    }
}

/// A date, `T`, a time and an offset (RFC 3339, date-time).
fn is_moment(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(10..)) else {
        return false;
    };
    let Some(time) = rest.strip_prefix('T') else {
        return false;
    };
    let clock_end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(clock_end);
    let is_offset = offset == "Z" || (offset.len() == 6 && offset.as_bytes()[3] == b':');
    let has_seconds =
        clock.len() >= 8 && clock.as_bytes()[2] == b':' && clock.as_bytes()[5] == b':';
    is_date(date) && has_seconds && is_offset && text.parse::<Timestamp>().is_ok()
}
