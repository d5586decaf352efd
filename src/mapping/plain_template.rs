//! Templates such as `{{ first }} {{ last }}`, which most are: text and columns
//! put together. The template engine would take ten times as long for them.

use crate::record::Fields;

use super::columns::Columns;

/// A template of text and columns alone.
#[derive(Debug)]
pub(super) struct PlainTemplate {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Cell(usize),
}

impl PlainTemplate {
    /// Takes a template apart; `None` where it says more than this form can, or
    /// something that isn't sure to mean the same as in the engine.
    pub(super) fn parse(source: &str, columns: &Columns) -> Option<Self> {
        // The engine cuts a line break off at the end.
        if source.contains("{%") || source.contains("{#") || source.ends_with(['\n', '\r']) {
            return None;
        }
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find("{{") {
            let (text, behind) = rest.split_at(open);
            let (inside, after) = behind[2..].split_once("}}")?;
            let name = inside.trim_matches(|character: char| character.is_ascii_whitespace());
            let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name
                || matches!(
                    name.to_ascii_lowercase().as_str(),
                    "row" | "true" | "false" | "none"
                )
            {
                return None;
            }
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Cell(columns.index(name).ok()?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Some(Self { pieces })
    }

    /// The template's text for a row.
    pub(super) fn render(&self, fields: &Fields) -> String {
        let mut text = String::with_capacity(48);
        for piece in &self.pieces {
            text.push_str(match piece {
                Piece::Text(fixed) => fixed,
                Piece::Cell(cell) => fields.get(*cell).unwrap_or_default(),
            });
        }
        text
    }

    /// The indexes of the columns, in their order.
    pub(super) fn cells(&self) -> Vec<usize> {
        let cell = |piece: &Piece| match piece {
            Piece::Cell(cell) => Some(*cell),
            Piece::Text(_) => None,
        };
        self.pieces.iter().filter_map(cell).collect()
    }
}
