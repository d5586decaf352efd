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

use super::yaml_words::explain;
use super::{ConfigError, Place};

/// Bytes of a configuration file. The largest connector is far below a tenth
/// of it; anything larger is data that was named by mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a YAML text of the given shape; `file` is the name for messages.
///
/// # Errors
/// A text that isn't YAML, isn't of the shape, or is beyond the budgets.
pub fn read_yaml<Shape: DeserializeOwned>(file: &str, text: &str) -> Result<Shape, ConfigError> {
    refuse_if_empty(file, text)?;
    from_yaml(text).map_err(|error| explain(file, &error))
}

/// Refuses a text that says nothing, which a parser would take for null.
pub(super) fn refuse_if_empty(file: &str, text: &str) -> Result<(), ConfigError> {
    let is_empty = text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    });
    match is_empty {
        true => Err(ConfigError::at(Place::of_file(file), "the file is empty")),
        false => Ok(()),
    }
}

/// Reads a text; the error is the parser's own.
pub(super) fn from_yaml<Shape: DeserializeOwned>(text: &str) -> Result<Shape, Error> {
    serde_saphyr::from_str_with_options(text, options())
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
