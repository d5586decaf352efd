//! Where a key is missing: at the first line of its operation, and not at the
//! last, where a parser notices it.

use super::check::Finding;

/// The finding at the first line of the operation that lacks the key, where it is
/// an operation that does.
pub(super) fn at_its_operation(finding: Finding, text: &str) -> Finding {
    let found = missing_key(&finding.message)
        .zip(finding.line)
        .and_then(|(key, line)| operation_around(text, line, key));
    match found {
        None => finding,
        Some((line, name)) => Finding {
            line: Some(line),
            message: format!("{} in the operation `{name}`", finding.message),
            ..finding
        },
    }
}

/// The key that a message says is missing.
fn missing_key(message: &str) -> Option<&str> {
    let (key, rest) = message.strip_prefix("the key `")?.split_once('`')?;
    (rest == " is missing").then_some(key)
}

/// Line and name of the operation that a line, counted from 1, is in; `None`
/// where it is in none, or the operation has such a key, so that it is missing
/// further inside.
fn operation_around<'text>(text: &'text str, line: u64, key: &str) -> Option<(u64, &'text str)> {
    let last = usize::try_from(line).ok()?;
    let lines: Vec<(usize, &str)> = text
        .lines()
        .take(last)
        .enumerate()
        .filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        })
        .collect();
    let start = lines
        .iter()
        .position(|(_, line)| line.starts_with("operations:"))?;
    let inside = &lines[start + 1..];
    if inside.iter().any(|(_, line)| indent_of(line) == 0) {
        return None;
    }
    let indent = indent_of(inside.first()?.1);
    let first = inside
        .iter()
        .rposition(|(_, line)| indent_of(line) == indent)?;
    let (number, head) = inside[first];
    let members = &inside[first + 1..];
    let deeper = indent_of(members.first()?.1);
    let has_key = members.iter().any(|(_, line)| {
        let rest = line.trim_start().strip_prefix(key);
        indent_of(line) == deeper && rest.is_some_and(|rest| rest.starts_with(':'))
    });
    let name = head.trim().split(':').next()?;
    (!has_key).then_some((u64::try_from(number + 1).ok()?, name))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use crate::connector::{check_text, source_text};

    #[test]
    fn a_missing_key_is_told_at_the_operation_that_lacks_it() {
        let text = source_text("genesys-contacts").expect("built in");
        let told = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let line = 1 + changed
                .lines()
                .position(|line| line == "  create:")
                .expect("the operation");
            (check_text("own.yaml", &changed), Some(line as u64))
        };
        for (key, message) in [
            (
                "key: ",
                "the key `key` is missing in the operation `create`",
            ),
            (
                "effect: ",
                "the key `effect` is missing in the operation `create`",
            ),
        ] {
            let start = text.find("\n  create:").expect("the operation");
            let from = start
                + text[start..]
                    .find(&format!("\n    {key}"))
                    .expect("the key");
            let end = from + 1 + text[from + 1..].find('\n').expect("a line");
            let (findings, line) = told(&text[from..end], "");
            assert_eq!(
                (findings.len(), findings[0].line),
                (1, line),
                "{findings:?}"
            );
            assert_eq!(findings[0].message, message);
        }
        let (findings, _) = told("title: ", "description: ");
        assert!(
            findings
                .iter()
                .all(|finding| !finding.message.contains("in the operation")),
            "{findings:?}"
        );
    }
}
