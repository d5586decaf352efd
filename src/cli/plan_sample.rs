//! A row of the plan, side by side: what the source has, and what would be
//! sent.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::mapping::MappedRow;
use crate::record::Fields;

use super::load::Prepared;

/// Columns of a terminal that the source's side takes, and the target's; with
/// the margin and the arrow they fit into 80.
const SOURCE_WIDTH: usize = 34;
const TARGET_WIDTH: usize = 38;
/// Columns of a request's line.
const REQUEST_WIDTH: usize = 60;

/// A row as it would be sent.
#[derive(Debug, Serialize)]
pub(super) struct Sample {
    line: u64,
    method: String,
    path: String,
    body: String,
    /// The key and the fields, in the mapping's order.
    fields: Vec<SampleField>,
}

/// A field of a row.
#[derive(Debug, Serialize)]
struct SampleField {
    field: String,
    /// The cells that the value comes from.
    from: Vec<SourceCell>,
    /// The names of what was done to it.
    rules: Vec<&'static str>,
    /// What would be sent; none where the field is left out.
    value: Option<Value>,
}

/// A cell of the source.
#[derive(Debug, Serialize)]
struct SourceCell {
    column: String,
    text: String,
}

impl Sample {
    /// What the mapping made of a row.
    pub(super) fn new(
        prepared: &Prepared,
        line: u64,
        row: &Fields,
        mapped: &MappedRow,
        body: &[u8],
    ) -> Self {
        let operation = &prepared.bound.operation;
        let mut path = Vec::new();
        operation.write_path(mapped.key(), &mut path);
        let header = &prepared.shape.header;
        let fields = prepared.program.fields().enumerate();
        Self {
            line,
            method: operation.method.to_string(),
            path: String::from_utf8_lossy(&path).into_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            fields: fields
                .map(|(index, field)| SampleField {
                    field: field.name.to_owned(),
                    from: (field.columns.iter())
                        .map(|&column| SourceCell {
                            column: header.get(column).cloned().unwrap_or_default(),
                            text: row.get(column).unwrap_or_default().to_owned(),
                        })
                        .collect(),
                    rules: field.parts.to_vec(),
                    value: match index {
                        0 => Some(mapped.key().into()),
                        _ => mapped
                            .value(index - 1)
                            .and_then(|json| serde_json::from_slice(json).ok()),
                    },
                })
                .collect(),
        }
    }

    pub(super) fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let path = shortened(&self.path, REQUEST_WIDTH);
        writeln!(out, "  line {}: {} {path}", self.line, self.method)?;
        for field in &self.fields {
            let value = match &field.value {
                Some(Value::String(text)) => visible(text),
                Some(other) => other.to_string(),
                None => "(left out)".to_owned(),
            };
            let target = shortened(&format!("{}: {value}", field.field), TARGET_WIDTH);
            let mut cells = field.from.iter().map(SourceCell::words);
            let first = cells
                .next()
                .unwrap_or_else(|| "(the same for all)".to_owned());
            writeln!(out, "    {} → {target}", padded(&first, SOURCE_WIDTH))?;
            for cell in cells {
                writeln!(out, "    {}", shortened(&cell, SOURCE_WIDTH))?;
            }
        }
        Ok(())
    }
}

impl SourceCell {
    fn words(&self) -> String {
        format!("{}: {}", visible(&self.column), visible(&self.text))
    }
}

/// A text on one line: in quotes where white space at its ends, or a character
/// that doesn't show, would go unseen.
fn visible(text: &str) -> String {
    match text.trim() != text || text.chars().any(char::is_control) {
        true => format!("{text:?}"),
        false => text.to_owned(),
    }
}

/// A text that takes so many columns of a terminal at most.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut taken = 1;
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken > width {
            break;
        }
        shown.push(character);
    }
    shown.push('…');
    shown
}

/// A text that takes so many columns exactly.
fn padded(text: &str, width: usize) -> String {
    let mut shown = shortened(text, width);
    let missing = width.saturating_sub(shown.width());
    shown.extend(std::iter::repeat_n(' ', missing));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_fit_into_eighty_columns() {
        let cell = |column: &str, text: &str| SourceCell {
            column: column.to_owned(),
            text: text.to_owned(),
        };
        let field = |field: &str, from, value| SampleField {
            field: field.to_owned(),
            from,
            rules: Vec::new(),
            value,
        };
        let long = "日本語".repeat(30);
        let sample = Sample {
            line: 2,
            method: "PATCH".to_owned(),
            path: "/api/v2/contacts/c-1".to_owned(),
            body: String::new(),
            fields: vec![
                field("contactId", vec![cell("id", "c-1")], Some("c-1".into())),
                field(
                    "firstName",
                    vec![cell("first", " Ann\n")],
                    Some("Ann".into()),
                ),
                field(
                    "name",
                    vec![cell("first", &long), cell("last", "Lee")],
                    Some(long.as_str().into()),
                ),
                field("score", vec![cell("score", "")], None),
                field("tier", Vec::new(), Some(7.into())),
            ],
        };
        let mut text = String::new();
        sample.write_text(&mut text).expect("memory");
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        let shown: Vec<&str> = text.lines().collect();
        assert_eq!(shown[0], "  line 2: PATCH /api/v2/contacts/c-1");
        assert_eq!(
            shown[2],
            "    first: \" Ann\\n\"                    → firstName: Ann"
        );
        assert_eq!(shown[4], "    last: Lee");
        assert_eq!(
            shown[5],
            "    score:                             → score: (left out)"
        );
        assert_eq!(shown[6], "    (the same for all)                 → tier: 7");
    }
}
