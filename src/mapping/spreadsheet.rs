//! Traces that a spreadsheet leaves in keys and telephone numbers.

use super::convert::Refused;

/// Whether the text is a number that a spreadsheet has cut down to scientific
/// notation, such as `4.41E+11` or, in a German locale, `4,41E+11`. The digits
/// it stood for are lost.
///
/// A decimal mark or a sign after the `E` is asked for, which spreadsheets
/// always write, so that a hexadecimal id such as `12345E67` passes.
pub(super) fn is_scientific(text: &str) -> bool {
    let bytes = text.trim().as_bytes();
    // Nearly every cell ends this here.
    let Some(exponent_mark) = bytes.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return false;
    };
    let (mantissa, exponent) = (&bytes[..exponent_mark], &bytes[exponent_mark + 1..]);
    let mantissa = mantissa.strip_prefix(b"-").unwrap_or(mantissa);
    let mantissa = mantissa.strip_prefix(b"+").unwrap_or(mantissa);
    let mut parts = mantissa.splitn(2, |byte| matches!(byte, b'.' | b','));
    let whole = parts.next().unwrap_or_default();
    let decimals = parts.next();
    let signed = matches!(exponent.first(), Some(b'+' | b'-'));
    let exponent = if signed { &exponent[1..] } else { exponent };
    all_digits(whole)
        && decimals.is_none_or(all_digits)
        && all_digits(exponent)
        && (signed || decimals.is_some())
}

/// Whether a telephone number looks as if its leading zeros, or its `+`, were
/// lost: digits alone, and no 0 in front.
pub(super) fn may_lack_leading_zeros(text: &str) -> bool {
    let text = text.trim();
    all_digits(text.as_bytes()) && !text.starts_with('0')
}

fn all_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

/// Why a cut-down number is refused.
pub(super) fn refused(text: &str) -> Refused {
    let shown: String = text.trim().chars().take(40).collect();
    (
        "spreadsheet_number",
        format!("a spreadsheet has cut the number down to {shown}; export the column as text"),
    )
}
