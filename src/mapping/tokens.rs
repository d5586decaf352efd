//! The words and marks of templates and conditions: no more of minijinja's
//! language than it takes to see which columns are used, and how.

/// A word, a number, a text in quotes or a mark, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'source> {
    pub(super) kind: TokenKind,
    /// As it is spelled; a text with its quotes.
    pub(super) text: &'source str,
    /// Its first byte in the source.
    pub(super) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    Text,
    Mark,
}

impl Token<'_> {
    /// The byte behind it.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// What stands between a text's quotes.
    pub(super) fn unquoted(&self) -> &str {
        let inside = self.text.get(1..self.text.len() - 1);
        inside.unwrap_or_default()
    }
}

/// A part of a template that isn't plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment<'source> {
    /// What stands in `{{ }}`.
    Output(Vec<Token<'source>>),
    /// What stands in `{% %}`.
    Statement(Vec<Token<'source>>),
}

/// The tokens of a condition.
pub(super) fn tokens_of(source: &str) -> Vec<Token<'_>> {
    read_until(source, 0, None).0
}

/// The segments of a template, without its comments and raw blocks.
pub(super) fn segments_of(source: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut at = 0;
    let mut is_raw = false;
    while let Some(open) = source[at..].find('{') {
        let start = at + open;
        // A mark of what happens to the blanks around is no part of what it says.
        let sign = source[start..].get(2..3);
        let inside = start + 2 + usize::from(matches!(sign, Some("-" | "+")));
        at = match source[start..].get(..2) {
            Some("{{") if !is_raw => {
                let (tokens, end) = read_until(source, inside, Some("}}"));
                segments.push(Segment::Output(tokens));
                end
            }
            Some("{%") => {
                let (tokens, end) = read_until(source, inside, Some("%}"));
                match tokens.first().map(|token| token.text) {
                    Some("raw") => is_raw = true,
                    Some("endraw") => is_raw = false,
                    _ if is_raw => {}
                    _ => segments.push(Segment::Statement(tokens)),
                }
                // In a raw block a brace may open nothing at all.
                if is_raw { start + 2 } else { end }
            }
            Some("{#") if !is_raw => match source[start..].find("#}") {
                Some(length) => start + length + 2,
                None => source.len(),
            },
            _ => start + 1,
        };
    }
    segments
}

/// The tokens from `start` to `close`, and the byte behind that; without `close`
/// to the source's end.
fn read_until<'source>(
    source: &'source str,
    start: usize,
    close: Option<&str>,
) -> (Vec<Token<'source>>, usize) {
    let mut tokens: Vec<Token<'source>> = Vec::new();
    let mut at = start;
    // The marks `{` and `[` of an expression may close right before `}}`.
    let mut depth = 0_usize;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        if let Some(close) = close
            && depth == 0
        {
            let trimmed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if trimmed.starts_with(close) {
                let end = source.len() - trimmed.len() + close.len();
                return (tokens, end);
            }
        }
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let is_index = tokens.last().is_some_and(|token| token.text == ".");
        let (kind, length) = match first {
            '"' | '\'' => (TokenKind::Text, text_length(rest, first)),
            '0'..='9' => (TokenKind::Number, number_length(rest, is_index)),
            _ if first.is_alphabetic() || first == '_' => (TokenKind::Name, name_length(rest)),
            _ => (TokenKind::Mark, mark_length(rest, first)),
        };
        match first {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Token {
            kind,
            text: &rest[..length],
            start: at,
        });
        at += length;
    }
    (tokens, source.len())
}

fn name_length(rest: &str) -> usize {
    let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_');
    end.unwrap_or(rest.len())
}

fn mark_length(rest: &str, first: char) -> usize {
    match rest.get(..2) {
        Some("==" | "!=" | "<=" | ">=" | "//" | "**") => 2,
        _ => first.len_utf8(),
    }
}

/// The length of a text with its quotes; a backslash takes the next character's
/// meaning.
fn text_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `is_index`: it stands behind a point, so it has no fraction of its own.
fn number_length(rest: &str, is_index: bool) -> usize {
    let bytes = rest.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let mut length = 0;
    while let Some(&byte) = bytes.get(length) {
        let goes_on = match byte {
            b'.' => !is_index && is_digit(length + 1),
            b'+' | b'-' => {
                matches!(bytes[length - 1], b'e' | b'E')
                    && !rest.starts_with("0x")
                    && is_digit(length + 1)
            }
            _ => byte.is_ascii_alphanumeric() || byte == b'_',
        };
        if !goes_on {
            break;
        }
        length += 1;
    }
    length
}
