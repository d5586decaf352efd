//! All that is wrong with the shape of a YAML file, and not only the first of it.
//!
//! A parser stops at the first mistake. Where that is a key that nobody knows,
//! or a value that can't be one, its lines are blanked out and the rest is read
//! again, so that a new file doesn't have to be corrected one line a time.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::Error;

use super::ConfigError;
use super::yaml::{from_yaml, refuse_if_empty};
use super::yaml_words::explain;

/// Mistakes that are told at once. More would fill the screen, and each costs a
/// reading of the file.
const MAX_MISTAKES: usize = 50;

/// Reads a YAML text of the given shape, as [`super::read_yaml`] does; the error
/// has every mistake that can be told from the others, at least one.
///
/// # Errors
/// Whatever [`super::read_yaml`] refuses.
pub fn read_yaml_or_mistakes<Shape: DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<Shape, Vec<ConfigError>> {
    refuse_if_empty(file, text).map_err(|error| vec![error])?;
    let mut lines: Vec<&str> = text.lines().collect();
    let mut mistakes: Vec<ConfigError> = Vec::new();
    loop {
        let rest = lines.join("\n");
        let error = match from_yaml::<Shape>(&rest) {
            Ok(shape) if mistakes.is_empty() => return Ok(shape),
            Ok(_) => return Err(mistakes),
            Err(error) => error,
        };
        // What is missed once something is blanked out may have stood there, and
        // what isn't YAML any more is this function's doing.
        let is_of_one_entry = is_of_one_entry(&error) && from_yaml::<IgnoredAny>(&rest).is_ok();
        if mistakes.is_empty() || is_of_one_entry {
            mistakes.push(explain(file, &error));
        }
        let may_go_on = is_of_one_entry
            && mistakes.len() < MAX_MISTAKES
            && blank_out(&mut lines, &error)
            && lines.iter().any(|line| !line.trim().is_empty());
        if !may_go_on {
            return Err(mistakes);
        }
    }
}

/// Whether the mistake is of one key or value, so that the file can be read
/// without it.
fn is_of_one_entry(error: &Error) -> bool {
    let mut error = error.without_snippet();
    while let Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    matches!(
        error,
        Error::SerdeUnknownField { .. }
            | Error::SerdeUnknownVariant { .. }
            | Error::SerdeInvalidType { .. }
            | Error::SerdeInvalidValue { .. }
            | Error::Unexpected { .. }
            | Error::InvalidScalar { .. }
            | Error::InvalidBooleanStrict { .. }
            | Error::Message { .. }
    )
}

/// Blanks out the entry that a mistake is of, with all that is indented below it.
/// False where the mistake is of a value whose key stands on an earlier line,
/// which would be left without any.
fn blank_out(lines: &mut [&str], error: &Error) -> bool {
    let Some(location) = error.without_snippet().location() else {
        return false;
    };
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let first = number(location.line()).wrapping_sub(1);
    let Some(entry) = lines
        .get(first)
        .copied()
        .filter(|entry| !entry.trim().is_empty())
    else {
        return false;
    };
    let indent = indent_of(entry);
    let begins_the_line = number(location.column()) == indent + 1;
    if begins_the_line && !matches!(error.without_snippet(), Error::SerdeUnknownField { .. }) {
        return false;
    }
    let is_item = is_item(entry);
    lines[first] = "";
    for line in &mut lines[first + 1..] {
        let below = indent_of(line) > indent
            || line.trim().is_empty()
            // A key's list may stand at the key's own indentation.
            || (indent_of(line) == indent && !is_item && self::is_item(line));
        if !below {
            break;
        }
        *line = "";
    }
    true
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_item(line: &str) -> bool {
    let entry = line.trim_start();
    entry == "-" || entry.starts_with("- ")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::config::NameMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Shape {
        name: String,
        #[serde(default)]
        count: u32,
        #[serde(default)]
        parts: NameMap<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Part {
        kind: Kind,
        #[serde(default)]
        rules: Vec<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Other,
    }

    fn mistakes(text: &str) -> Vec<String> {
        let read = read_yaml_or_mistakes::<Shape>("a.yaml", text);
        let mistakes = read.expect_err("mistakes");
        mistakes.iter().map(ConfigError::to_string).collect()
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "name: a\ncuont: 7\nparts:\n  x:\n    kind: one\n    colour:\n      deep: 1\n    rules:\n    - one\n    - oter\n  y: {kind: one, tint: red}\ncount: many\n";
        let told = mistakes(text);
        let begins = |index: usize, start: &str| {
            assert!(told[index].starts_with(start), "{told:?}");
        };
        begins(0, "a.yaml:2:1: unknown key `cuont`; did you mean `count`?");
        begins(1, "a.yaml:6:");
        begins(2, "a.yaml:10:");
        begins(3, "a.yaml:11:");
        begins(4, "a.yaml:12:8: expected a whole number");
        assert_eq!(told.len(), 5, "{told:?}");
    }

    #[test]
    fn what_is_missed_or_broken_for_the_blanking_isn_t_told() {
        // The misspelt key is the one that is then missed.
        assert_eq!(mistakes("nmae: a\n").len(), 1);
        assert_eq!(mistakes("count: 1\n").len(), 1);
        let broken = mistakes("parts: {x: {kind: one,\n  tint: red}}\nname: a\n");
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(mistakes("# nothing\n"), ["a.yaml: the file is empty"]);
    }
}
