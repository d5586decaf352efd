//! What is wrong with a variable of a connector file, and what its values have
//! to match.

use regex_lite::Regex;

use crate::config::Located;

use super::check::Findings;
use super::file::VariableSection;

/// The variable that every connector has.
pub(super) const BASE_URL: &str = "base_url";
/// What a variable without a pattern has to match: the unreserved characters
/// of RFC 3986, none of which ends a host's name or a path segment.
pub(super) const DEFAULT_PATTERN: &str = "[A-Za-z0-9._~-]+";

/// Adds the mistakes of one variable.
pub(super) fn examine_variable(
    findings: &mut Findings,
    name: &Located<String>,
    variable: &VariableSection,
) {
    if is_secret_name(&name.value) {
        findings.add(
            name,
            format!("the variable `{}` looks like a secret", name.value),
            "Secrets are given as credentials, which are never stored; a variable is.",
        );
    }
    if name.value == BASE_URL {
        findings.add(
            name,
            "`base_url` exists in every connector and can't be declared",
            "Leave it out; `--set base_url=…` works without it.",
        );
    }
    examine_values(findings, variable);
    let pattern = match &variable.pattern {
        None => compile_pattern(DEFAULT_PATTERN),
        Some(pattern) => {
            let compiled = compile_pattern(&pattern.value);
            if compiled.is_none() {
                findings.add(
                    pattern,
                    format!("the pattern of `{}` is no regular expression", name.value),
                    "Brackets and braces must be closed; `^` and `$` at the ends aren't needed.",
                );
            }
            compiled
        }
    };
    let Some(pattern) = pattern else {
        return;
    };
    for (what, value) in [
        ("default", &variable.default),
        ("example", &variable.example),
    ] {
        if let Some(value) = value
            && variable.values.entries.is_empty()
            && !pattern.is_match(&value.value)
        {
            findings.add(
                value,
                format!(
                    "the {what} of `{}` doesn't match its own pattern",
                    name.value
                ),
                "Change one of them.",
            );
        }
    }
}

/// A table of values takes the pattern's place; what it fills in comes from the
/// file, so it may hold anything.
fn examine_values(findings: &mut Findings, variable: &VariableSection) {
    if variable.values.entries.is_empty() {
        return;
    }
    if let Some(pattern) = &variable.pattern {
        findings.add(
            pattern,
            "a variable has a pattern or a table of values, not both",
            "Leave the pattern out: the table says what may be given.",
        );
    }
    for (what, value) in [
        ("default", &variable.default),
        ("example", &variable.example),
    ] {
        if let Some(value) = value
            && variable.values.get(&value.value).is_none()
        {
            findings.add(
                value,
                format!(
                    "the {what} stands nowhere in `values`{}",
                    variable.values.did_you_mean(&value.value)
                ),
                "Name one of the table's entries.",
            );
        }
    }
}

/// The pattern, made to match whole values; `None` where it is no pattern.
pub(super) fn compile_pattern(pattern: &str) -> Option<Regex> {
    // By itself first: `a)|(b` is only made whole, and its meaning turned, by
    // the brackets around it.
    Regex::new(pattern).ok()?;
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Whether a name is one that secrets have.
pub(super) fn is_secret_name(name: &str) -> bool {
    let folded: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    [
        "secret",
        "password",
        "passwd",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
    ]
    .iter()
    .any(|part| folded.contains(part))
        || folded == "clientid"
}
