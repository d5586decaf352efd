//! Numbers as people and spreadsheets write them, into JSON's spelling. No
//! digit is changed: what can't be read without a guess is refused.

use std::borrow::Cow;

use super::convert::Refused;
use super::json::is_number;
use super::problem::quoted;
use super::rule::NumberRule;

/// Whether the marks can be told apart.
pub(super) fn check(rule: NumberRule) -> Result<(), String> {
    let is_mark = |mark: char| !mark.is_alphanumeric() && !matches!(mark, '-' | '+');
    if !is_mark(rule.decimal) || is_blank(rule.decimal) {
        return Err(format!("{:?} is no decimal mark", rule.decimal));
    }
    match rule.thousands {
        Some(mark) if mark == rule.decimal => Err(format!(
            "{mark:?} is both the decimal mark and the mark of thousands"
        )),
        Some(mark) if !is_mark(mark) => Err(format!("{mark:?} is no mark of thousands")),
        _ => Ok(()),
    }
}

/// The number in JSON's spelling.
pub(super) fn convert(text: &str, rule: NumberRule) -> Result<Cow<'_, str>, Refused> {
    if rule.decimal == '.' && is_number(text) {
        return Ok(Cow::Borrowed(text));
    }
    let refused = || {
        let example = match rule.thousands {
            Some(mark) => format!("1{mark}234{}5", rule.decimal),
            None => format!("1234{}5", rule.decimal),
        };
        (
            "not_a_number",
            format!("{} isn't a number such as {example}", quoted(text)),
        )
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, decimals) = match digits.split_once(rule.decimal) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (digits, None),
    };
    let mut number = sign.to_owned();
    push_whole(&mut number, whole, rule.thousands).ok_or_else(refused)?;
    if let Some(decimals) = decimals {
        number.push('.');
        number.push_str(decimals);
    }
    match is_number(&number) && !number.contains(['e', 'E']) {
        true => Ok(Cow::Owned(number)),
        false => Err(refused()),
    }
}

/// The digits before the decimal mark; groups have three digits, but for the
/// first, so that `1.5` is never fifteen.
fn push_whole(number: &mut String, whole: &str, thousands: Option<char>) -> Option<()> {
    let is_separator = |character: char| match thousands {
        Some(mark) if is_blank(mark) => is_blank(character),
        Some(mark) => character == mark,
        None => false,
    };
    for (index, group) in whole.split(is_separator).enumerate() {
        let is_grouped = whole.len() > group.len();
        let fits = match (is_grouped, index) {
            (false, _) => true,
            (true, 0) => matches!(group.len(), 1..=3),
            (true, _) => group.len() == 3,
        };
        if !fits || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number.push_str(group);
    }
    Some(())
}

/// A blank, or one of the blanks that don't break a line, which spreadsheets
/// put between groups of digits.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}
