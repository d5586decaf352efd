//! What a template or a condition does with the columns, read from its text:
//! which it names, and whether it takes one for a number. All columns are texts,
//! and the template engine compares a text with a number without a word.
//!
//! What can't be followed here is passed over: the engine has read it before.

use std::collections::HashSet;

use super::text_use::Reader;
use super::tokens::{Segment, Token, segments_of, tokens_of};

/// The columns that a text names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamedColumns {
    /// All of them, each once.
    pub(super) used: Vec<String>,
    /// Those that are put into the text as they are, whatever else the row has.
    pub(super) always: Vec<String>,
}

impl NamedColumns {
    fn add(&mut self, names: Vec<String>, is_always: bool) {
        for name in names {
            if is_always && !self.always.contains(&name) {
                self.always.push(name.clone());
            }
            if !self.used.contains(&name) {
                self.used.push(name);
            }
        }
    }
}

/// Reads a condition.
///
/// # Errors
/// The place that takes a text for a number, and what to write.
pub(super) fn read_condition(source: &str) -> Result<NamedColumns, String> {
    let mut columns = NamedColumns::default();
    read_expression(
        source,
        &tokens_of(source),
        &HashSet::new(),
        &mut |names, _| {
            columns.add(names, false);
        },
    )?;
    Ok(columns)
}

/// Reads a template.
///
/// # Errors
/// As of [`read_condition`].
pub(super) fn read_template(source: &str) -> Result<NamedColumns, String> {
    let segments = segments_of(source);
    let own = own_names(&segments);
    let mut columns = NamedColumns::default();
    // Inside a block that may be left out nothing is sure to be in the text.
    let mut depth = 0_usize;
    for segment in &segments {
        let (tokens, is_output) = match segment {
            Segment::Output(tokens) => (tokens, true),
            Segment::Statement(tokens) => (tokens, false),
        };
        let word = tokens.first().map_or("", |token| token.text);
        let mut add = |names, chooses: bool| columns.add(names, depth == 0 && !chooses);
        if is_output {
            read_expression(source, tokens, &own, &mut add)?;
            continue;
        }
        match word {
            "if" | "elif" => read_expression(source, &tokens[1..], &own, &mut |names, _| {
                add(names, true);
            })?,
            "for" => {
                let behind = behind_mark(tokens, "in").unwrap_or_default();
                read_expression(source, behind, &own, &mut |names, _| add(names, true))?;
            }
            "set" | "with" => {
                let mut rest = tokens.as_slice();
                while let Some(behind) = behind_mark(rest, "=") {
                    read_expression(source, behind, &own, &mut add)?;
                    rest = behind;
                }
            }
            _ => {}
        }
        match word {
            "if" | "for" | "macro" | "call" => depth += 1,
            "endif" | "endfor" | "endmacro" | "endcall" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(columns)
}

/// The tokens behind the first one that is spelled so.
fn behind_mark<'tokens, 'source>(
    tokens: &'tokens [Token<'source>],
    mark: &str,
) -> Option<&'tokens [Token<'source>]> {
    let at = tokens.iter().position(|token| token.text == mark)?;
    Some(&tokens[at + 1..])
}

/// Names that a template gives to something itself.
fn own_names<'source>(segments: &[Segment<'source>]) -> HashSet<&'source str> {
    let mut names = HashSet::new();
    for segment in segments {
        let Segment::Statement(tokens) = segment else {
            continue;
        };
        let end = match tokens.first().map(|token| token.text) {
            Some("for") => "in",
            Some("set" | "with") => "=",
            Some("macro" | "call") => "",
            _ => continue,
        };
        let until_end = tokens[1..].iter().take_while(|token| token.text != end);
        names.extend(until_end.map(|token| token.text));
        let given = tokens.windows(2).filter(|pair| pair[1].text == "=");
        names.extend(given.map(|pair| pair[0].text));
    }
    names
}

/// Reads one expression; `add` gets its columns, and whether it chooses among
/// its parts.
fn read_expression(
    source: &str,
    tokens: &[Token<'_>],
    own: &HashSet<&str>,
    add: &mut dyn FnMut(Vec<String>, bool),
) -> Result<(), String> {
    let mut reader = Reader::new(source, tokens, own);
    reader.read()?;
    add(reader.names, reader.chooses);
    Ok(())
}
