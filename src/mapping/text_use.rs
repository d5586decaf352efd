//! Follows one expression of minijinja's language, to find where a column, which
//! is a text, is used as a number, a truth value or a whole row.

use std::collections::HashSet;

use super::expression::{ROW, is_global};
use super::operand::{Kind, Operand, wrong_calculation, wrong_comparison};
use super::tokens::{Token, TokenKind};

/// Filters that make a number of a text.
const NUMBER_FILTERS: [&str; 7] = ["int", "float", "length", "count", "abs", "round", "sum"];
/// Filters that make another text of a text.
const TEXT_FILTERS: [&str; 16] = [
    "trim",
    "upper",
    "lower",
    "title",
    "capitalize",
    "replace",
    "default",
    "d",
    "string",
    "first",
    "last",
    "reverse",
    "escape",
    "e",
    "safe",
    "indent",
];
/// Tests that no text passes.
const NUMBER_TESTS: [&str; 6] = ["number", "integer", "float", "odd", "even", "divisibleby"];
/// Tests that compare, and how that is written with a mark.
const COMPARING_TESTS: [(&str, &str); 9] = [
    ("eq", "=="),
    ("equalto", "=="),
    ("ne", "!="),
    ("lt", "<"),
    ("lessthan", "<"),
    ("le", "<="),
    ("gt", ">"),
    ("greaterthan", ">"),
    ("ge", ">="),
];

/// Reads one expression.
pub(super) struct Reader<'read, 'source> {
    source: &'source str,
    tokens: &'read [Token<'source>],
    at: usize,
    own: &'read HashSet<&'read str>,
    /// The columns that it names.
    pub(super) names: Vec<String>,
    /// Whether the result depends on more than what the columns hold.
    pub(super) chooses: bool,
    misuse: Option<String>,
}

impl<'read, 'source> Reader<'read, 'source> {
    /// `own` are the names that the template itself gives to something.
    pub(super) fn new(
        source: &'source str,
        tokens: &'read [Token<'source>],
        own: &'read HashSet<&'read str>,
    ) -> Self {
        Self {
            source,
            tokens,
            at: 0,
            own,
            names: Vec::new(),
            chooses: false,
            misuse: None,
        }
    }

    /// Reads as far as it can be followed.
    ///
    /// # Errors
    /// The first misuse of a column.
    pub(super) fn read(&mut self) -> Result<(), String> {
        while self.choice().is_some() && self.skip(",") {}
        match self.misuse.take() {
            Some(misuse) => Err(misuse),
            None => Ok(()),
        }
    }

    fn peek(&self) -> Option<Token<'source>> {
        self.tokens.get(self.at).copied()
    }

    fn skip(&mut self, text: &str) -> bool {
        let is_there = self
            .peek()
            .is_some_and(|token| token.text == text && token.kind != TokenKind::Text);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_any(&mut self, marks: &[&'static str]) -> Option<&'static str> {
        marks.iter().copied().find(|mark| self.skip(mark))
    }

    /// `a if b else c`
    fn choice(&mut self) -> Option<Operand<'source>> {
        let mut value = self.either()?;
        while self.skip("if") {
            self.chooses = true;
            self.either()?;
            let other = match self.skip("else") {
                true => self.choice()?,
                false => value,
            };
            value = self.until_here(value.kind.or(other.kind), value.start);
        }
        Some(value)
    }

    /// `a or b`, `a and b`; which of them binds closer makes no difference here.
    fn either(&mut self) -> Option<Operand<'source>> {
        let mut value = self.negated()?;
        while self.skip_any(&["or", "and"]).is_some() {
            self.chooses = true;
            let kind = value.kind.or(self.negated()?.kind);
            value = self.until_here(kind, value.start);
        }
        Some(value)
    }

    fn negated(&mut self) -> Option<Operand<'source>> {
        let token = self.peek()?;
        if !self.skip("not") {
            return self.comparison();
        }
        self.chooses = true;
        self.negated()?;
        Some(self.until_here(Kind::Other, token.start))
    }

    fn comparison(&mut self) -> Option<Operand<'source>> {
        let mut left = self.sum()?;
        loop {
            let mark = match self.skip_any(&["==", "!=", "<=", ">=", "<", ">", "in"]) {
                Some(mark) => mark,
                None if self.skip("not") => match self.skip("in") {
                    true => "not in",
                    false => return None,
                },
                None => return Some(left),
            };
            self.chooses = true;
            let right = self.sum()?;
            let whole = self.until_here(Kind::Other, left.start);
            self.note(wrong_comparison(left, mark, right, whole.text));
            left = whole;
        }
    }

    fn sum(&mut self) -> Option<Operand<'source>> {
        self.calculation(&["+", "-"], Self::joined)
    }

    fn joined(&mut self) -> Option<Operand<'source>> {
        let mut left = self.product()?;
        while self.skip("~") {
            self.product()?;
            left = self.until_here(Kind::Column, left.start);
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Operand<'source>> {
        self.calculation(&["*", "//", "/", "%"], Self::power)
    }

    fn power(&mut self) -> Option<Operand<'source>> {
        self.calculation(&["**"], Self::value)
    }

    fn calculation(
        &mut self,
        marks: &[&'static str],
        operand: fn(&mut Self) -> Option<Operand<'source>>,
    ) -> Option<Operand<'source>> {
        let mut left = operand(self)?;
        while let Some(mark) = self.skip_any(marks) {
            let right = operand(self)?;
            let kind = match (mark, left.kind, right.kind) {
                ("+", Kind::Number, Kind::Number) => Kind::Number,
                ("+", Kind::Column, Kind::Column) => Kind::Column,
                ("+", ..) => Kind::Other,
                _ => Kind::Number,
            };
            let whole = self.until_here(kind, left.start);
            self.note(wrong_calculation(left, mark, right, whole.text));
            left = whole;
        }
        Some(left)
    }

    /// An operand with all that follows it: filters, tests, indexes.
    fn value(&mut self) -> Option<Operand<'source>> {
        let mut value = self.signed()?;
        loop {
            if self.skip("|") {
                value = self.filtered(value)?;
            } else if self.skip("is") {
                value = self.tested(value)?;
            } else {
                return Some(value);
            }
        }
    }

    fn signed(&mut self) -> Option<Operand<'source>> {
        let start = self.peek()?.start;
        if !self.skip("-") {
            return self.item();
        }
        let inner = self.signed()?;
        if inner.kind == Kind::Column {
            self.note(Some(format!(
                "`-{}` reckons with a text, since every column is a text; write `0 - {}`",
                inner.text,
                inner.as_number(inner),
            )));
        }
        Some(self.until_here(inner.kind, start))
    }

    fn filtered(&mut self, value: Operand<'source>) -> Option<Operand<'source>> {
        let name = self.dotted_name()?;
        if self.skip("(") {
            self.arguments()?;
        }
        let is_choice = matches!(name, "default" | "d");
        self.chooses |= is_choice;
        let kind = match value.kind {
            _ if NUMBER_FILTERS.contains(&name) => Kind::Number,
            Kind::Column if TEXT_FILTERS.contains(&name) => Kind::Column,
            _ => Kind::Other,
        };
        Some(self.until_here(kind, value.start))
    }

    fn tested(&mut self, value: Operand<'source>) -> Option<Operand<'source>> {
        self.chooses = true;
        self.skip("not");
        let name = self.dotted_name()?;
        let argument = match self.peek() {
            Some(token) if token.text == "(" => {
                self.at += 1;
                self.arguments()?.first().copied()
            }
            Some(token)
                if token.kind != TokenKind::Mark
                    && !matches!(token.text, "and" | "or" | "else" | "is" | "if") =>
            {
                Some(self.signed()?)
            }
            _ => None,
        };
        let whole = self.until_here(Kind::Other, value.start);
        let compares = COMPARING_TESTS.iter().find(|(test, _)| *test == name);
        match (compares, argument) {
            (Some((_, mark)), Some(argument)) => {
                self.note(wrong_comparison(value, mark, argument, whole.text));
            }
            _ if value.kind == Kind::Column && NUMBER_TESTS.contains(&name) => {
                self.note(Some(format!(
                    "`{}` is never true, since every column is a text; test `{}`",
                    whole.text,
                    value.as_number(value),
                )));
            }
            _ => {}
        }
        Some(whole)
    }

    fn dotted_name(&mut self) -> Option<&'source str> {
        let name = self.peek()?;
        self.at += 1;
        while self.skip(".") {
            self.at += 1;
        }
        Some(name.text)
    }

    /// What stands from `start` to the last token that was read.
    fn until_here(&self, kind: Kind, start: usize) -> Operand<'source> {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let end = last.map_or(start, Token::end);
        Operand {
            kind,
            text: self.source.get(start..end).unwrap_or_default(),
            start,
        }
    }

    fn item(&mut self) -> Option<Operand<'source>> {
        let first = self.peek()?;
        self.at += 1;
        let mut kind = match first.kind {
            TokenKind::Number => Kind::Number,
            TokenKind::Text => {
                // Texts side by side are one.
                while self
                    .peek()
                    .is_some_and(|token| token.kind == TokenKind::Text)
                {
                    self.at += 1;
                }
                Kind::Other
            }
            TokenKind::Name => self.named(first)?,
            TokenKind::Mark => match first.text {
                "(" | "[" => self.list(first.text)?,
                "{" => {
                    while !self.skip("}") {
                        self.choice()?;
                        self.skip_any(&[":", ","]);
                    }
                    Kind::Other
                }
                _ => {
                    self.at -= 1;
                    return None;
                }
            },
        };
        loop {
            if self.skip(".") {
                self.at += 1;
                kind = Kind::Other;
            } else if self.skip("[") {
                self.index()?;
            } else if self.skip("(") {
                self.arguments()?;
                kind = match first.text {
                    "range" => Kind::Numbers,
                    _ => Kind::Other,
                };
            } else {
                return Some(self.until_here(kind, first.start));
            }
        }
    }

    /// What a name stands for; of `row`, the column that is asked for.
    fn named(&mut self, name: Token<'source>) -> Option<Kind> {
        match name.text {
            "true" | "True" | "false" | "False" | "none" | "None" => return Some(Kind::Truth),
            "if" | "else" | "in" | "recursive" => {
                self.at -= 1;
                return None;
            }
            _ => {}
        }
        if self.own.contains(name.text) || is_global(name.text) {
            return Some(Kind::Other);
        }
        if name.text != ROW {
            self.names.push(name.text.to_owned());
            return Some(Kind::Column);
        }
        if self.skip(".") {
            let column = self.peek()?;
            self.at += 1;
            self.names.push(column.text.to_owned());
            return Some(Kind::Column);
        }
        if !self.skip("[") {
            self.note(Some(
                "`row` alone is no text; write `row[\"first name\"]` for the column of that name"
                    .to_owned(),
            ));
            return Some(Kind::Other);
        }
        let column = self.peek()?;
        if column.kind == TokenKind::Text {
            self.names.push(column.unquoted().to_owned());
        }
        self.index()?;
        Some(Kind::Column)
    }

    /// What stands in `[ ]` behind a value.
    fn index(&mut self) -> Option<()> {
        while !self.skip("]") {
            if !self.skip(":") {
                self.choice()?;
            }
        }
        Some(())
    }

    /// What stands in `( )` behind a name.
    fn arguments(&mut self) -> Option<Vec<Operand<'source>>> {
        let mut arguments = Vec::new();
        while !self.skip(")") {
            let is_named = (self.tokens.get(self.at + 1)).is_some_and(|token| token.text == "=");
            if is_named {
                self.at += 2;
            }
            self.skip_any(&["**", "*"]);
            arguments.push(self.choice()?);
            self.skip(",");
        }
        Some(arguments)
    }

    /// A list, or what stands in parentheses.
    fn list(&mut self, open: &str) -> Option<Kind> {
        let close = if open == "(" { ")" } else { "]" };
        let mut kinds = Vec::new();
        let mut is_list = open == "[";
        while !self.skip(close) {
            kinds.push(self.choice()?.kind);
            is_list |= self.skip(",");
        }
        Some(match kinds.as_slice() {
            [kind] if !is_list => *kind,
            kinds if kinds.contains(&Kind::Number) => Kind::Numbers,
            _ => Kind::Other,
        })
    }

    fn note(&mut self, misuse: Option<String>) {
        if self.misuse.is_none() {
            self.misuse = misuse;
        }
    }
}
