//! The one way YAML is read.
//!
//! Whatever is wrong comes back as `file:line:column: what`. Keys that the
//! shape doesn't know are refused, naming the nearest one that it does; a key
//! that stands twice is refused; merge keys (`<<`) are refused, since a reader
//! of the file can't see what they win over. Budgets keep a hostile file from
//! taking the process's memory. A value of the file is never quoted by the
//! parser's own messages: it might be a secret in the wrong place.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Budget, Error, Options};

use super::{ConfigError, Place, did_you_mean};

/// Bytes of a configuration file. The largest connector is far below a tenth
/// of it; anything larger is data that was named by mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a YAML text of the given shape; `file` is the name for messages.
///
/// # Errors
/// A text that isn't YAML, isn't of the shape, or is beyond the budgets.
pub fn read_yaml<Shape: DeserializeOwned>(file: &str, text: &str) -> Result<Shape, ConfigError> {
    if text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    }) {
        return Err(ConfigError::at(Place::of_file(file), "the file is empty"));
    }
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| explain(file, &error))
}

/// Reads a YAML file of the given shape.
///
/// # Errors
/// A file that can't be read, is larger than 1 MiB or isn't UTF-8, and
/// whatever [`read_yaml`] refuses.
pub fn read_yaml_file<Shape: DeserializeOwned>(path: &Path) -> Result<Shape, ConfigError> {
    let file = path.display().to_string();
    read_yaml(&file, &read_config_text(path)?)
}

/// The text of a configuration file.
///
/// # Errors
/// A file that can't be read, is larger than 1 MiB or isn't UTF-8.
pub fn read_config_text(path: &Path) -> Result<String, ConfigError> {
    let refuse = |what: String| ConfigError::at(Place::of_file(path.display().to_string()), what);
    let file = File::open(path).map_err(|cause| refuse(format!("can't be opened: {cause}")))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| refuse(format!("can't be read: {cause}")))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(
            refuse("is larger than 1 MiB, so it is no configuration file".to_owned())
                .with_hint("Check the name: is it perhaps the data?"),
        );
    }
    String::from_utf8(bytes).map_err(|cause| {
        let byte = cause.utf8_error().valid_up_to();
        refuse(format!("isn't UTF-8 (byte {byte})")).with_hint("Save the file as UTF-8.")
    })
}

fn options() -> Options {
    let budget: Option<Budget> = serde_saphyr::budget! {
        max_events: 200_000,
        max_nodes: 100_000,
        max_depth: 64,
        max_aliases: 1_000,
        max_anchors: 1_000,
        max_documents: 1,
        max_total_scalar_bytes: 4 * 1024 * 1024,
    };
    let alias_limits: AliasLimits = serde_saphyr::alias_limits! {
        max_total_replayed_events: 20_000,
        max_replay_stack_depth: 16,
        max_alias_expansions_per_anchor: 1_000,
    };
    serde_saphyr::options! {
        budget: budget,
        alias_limits: alias_limits,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// The parser's error in this program's words.
fn explain(file: &str, error: &Error) -> ConfigError {
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
            let known = if near.is_empty() {
                format!("; known here: {}", expected.join(", "))
            } else {
                near
            };
            format!("unknown value `{variant}`{known}")
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
        } => format!("expected {expected}, found {}", kind_of(unexpected)),
        Error::SerdeInvalidLength { len, expected, .. } => {
            format!("expected {expected}, found {len} entries")
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
        Error::Message { msg, .. } => msg.clone(),
        other => without_place(&other.to_string()),
    };
    ConfigError::at(place, message)
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
