//! What the YAML parser says, in words for whoever has written the file.

use serde_saphyr::Error;

use super::{ConfigError, Place, did_you_mean};

/// The parser's error in this program's words.
pub(super) fn explain(file: &str, error: &Error) -> ConfigError {
    let error = error.without_snippet();
    let place = error.location().map_or_else(
        || Place::of_file(file),
        |location| Place {
            file: file.to_owned(),
            line: location.line(),
            column: location.column(),
        },
    );
    let mut error = error;
    // What an alias stands for is told as if it were written there.
    while let Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    let at = |message: String, hint: &str| ConfigError::at(place.clone(), message).with_hint(hint);
    let message = match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let near = did_you_mean(field, expected.iter().copied());
            let known = if near.is_empty() && !expected.is_empty() {
                format!("; known here: {}", expected.join(", "))
            } else {
                near
            };
            format!("unknown key `{field}`{known}")
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            let near = did_you_mean(variant, expected.iter().copied());
            let known = expected.join(", ");
            match near.is_empty() {
                true => {
                    return at(
                        format!("unknown value `{variant}`; known here: {known}"),
                        "",
                    );
                }
                false => {
                    let hint = format!("Known here: {known}.");
                    return at(format!("unknown value `{variant}`{near}"), &hint);
                }
            }
        }
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` stands here a second time")
        }
        Error::DuplicateMappingKey { key: None, .. } => {
            "a key stands here a second time".to_owned()
        }
        Error::MergeKeyNotAllowed { .. } => {
            "merge keys (`<<`) aren't supported; write the keys out".to_owned()
        }
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => format!(
            "expected {}, found {}",
            in_words(expected),
            in_words(kind_of(unexpected))
        ),
        Error::SerdeInvalidLength { len, expected, .. } => {
            format!("expected {}, found {len} entries", in_words(expected))
        }
        Error::NullIntoString { .. } => "expected a text, found nothing".to_owned(),
        Error::MultipleDocuments { .. } => {
            "a second YAML document begins; one file holds one".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "the file is nested too deep, or repeats itself too often, to be a configuration"
                .to_owned()
        }
        Error::Unexpected { expected, .. } => {
            let (expected, hint) = match *expected {
                "string scalar" | "scalar" => (
                    "a text, found a list or a mapping",
                    "Put a text that begins with `{` or `[` in quotes.",
                ),
                "sequence start" => (
                    "a list",
                    "Write each entry after a `-` on a line of its own, or all of them as [one, other].",
                ),
                "mapping start" => (
                    "a mapping of keys and values",
                    "Write each key on a line of its own, or all of them as {key: value}.",
                ),
                other => (other, ""),
            };
            return at(format!("expected {expected}"), hint);
        }
        Error::InvalidScalar { ty, .. } => format!("expected {}", in_words(ty)),
        Error::InvalidBooleanStrict { .. } => "expected true or false".to_owned(),
        Error::InvalidCharNull { .. } | Error::InvalidCharNotSingleScalar { .. } => {
            "expected one character".to_owned()
        }
        Error::Message { msg, .. } => return of_the_scanner(msg, &at),
        other => return of_the_scanner(&without_place(&other.to_string()), &at),
    };
    ConfigError::at(place, message)
}

/// What is wrong with the text itself, before it means anything.
fn of_the_scanner(message: &str, at: &dyn Fn(String, &str) -> ConfigError) -> ConfigError {
    const IN_QUOTES: &str =
        "Put a text that holds `{`, `}`, `[`, `]`, `,`, ` #` or `: ` in quotes.";
    let plain = |what: &str, hint: &str| at(what.to_owned(), hint);
    if message.contains("flow mapping") || message.contains("flow sequence") {
        let bracket = if message.contains("mapping") {
            "{"
        } else {
            "["
        };
        return plain(
            &format!(
                "what begins with `{bracket}` here isn't closed, or holds a text that needs quotes"
            ),
            IN_QUOTES,
        );
    }
    if message.contains("mapping values are not allowed") {
        return plain("a `:` stands where no key can be", IN_QUOTES);
    }
    if message.contains("tabs disallowed") || message.contains("tab") && message.contains("indent")
    {
        return plain("the line is indented by a tab", "Indent with spaces.");
    }
    plain(message, "")
}

/// The parser's name of a kind of value, as a reader of the file would say it.
fn in_words(kind: &str) -> &str {
    match kind {
        "unit value" | "unit" | "Option value" => "nothing",
        "boolean" | "a boolean" | "bool" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "u128" => "a whole number of 0 or more",
        "integer" | "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "floating point" | "f32" | "f64" | "float" => "a number",
        "character" | "char" | "a character" => "one character",
        "string" | "a string" | "String" | "str" => "a text",
        "sequence" | "a sequence" => "a list",
        "map" | "a map" => "a mapping",
        told => told,
    }
}

/// The kind of an unexpected value, without the value: `string "s3cret"` is
/// told as `string`.
fn kind_of(unexpected: &str) -> &str {
    unexpected
        .split(['"', '`', '\''])
        .next()
        .map_or("something else", str::trim)
}

/// The parser's own message without the place it adds at its end, which is
/// said in front already, and on one line.
fn without_place(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line
        .find(" at line ")
        .map_or(line, |at| &line[..at])
        .trim_start_matches("error: ");
    let line = line
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(": "))
        .map_or(line, |(_, rest)| rest);
    line.to_owned()
}
