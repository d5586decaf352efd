//! The operands of an expression: what they are, as far as their text tells, and
//! what to write instead where a text stands beside a number. The template engine
//! compares the two without a word, and one is never the other.

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A column, or a part of one.
    Column,
    Number,
    /// `true`, `false` or `none`.
    Truth,
    /// A list that has a number in it.
    Numbers,
    Other,
}

impl Kind {
    /// What one operand or another is.
    pub(super) fn or(self, other: Self) -> Self {
        match self == other {
            true => self,
            false => Self::Other,
        }
    }
}

/// A part of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<'source> {
    pub(super) kind: Kind,
    /// As it is spelled.
    pub(super) text: &'source str,
    /// Its first byte in the source.
    pub(super) start: usize,
}

impl Operand<'_> {
    /// Whether it is a number that is written out.
    fn is_literal(self) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or(self.text);
        let mut bytes = digits.bytes();
        bytes.all(|byte| byte.is_ascii_digit() || byte == b'.')
    }

    /// A column with the filter that makes a number of it, such as `beside` is;
    /// anything else as it stands.
    pub(super) fn as_number(self, beside: Self) -> String {
        let text = self.text;
        if self.kind != Kind::Column {
            return text.to_owned();
        }
        let filter = match beside.is_literal() && beside.text.contains('.') {
            true => "float",
            false => "int",
        };
        let is_one = !text.contains(' ') || text.starts_with('(') || text.ends_with(']');
        match is_one {
            true => format!("{text}|{filter}"),
            false => format!("({text})|{filter}"),
        }
    }
}

/// What is wrong with a comparison: a column with something that no text equals.
/// `whole` is how it is written.
pub(super) fn wrong_comparison(
    left: Operand<'_>,
    mark: &str,
    right: Operand<'_>,
    whole: &str,
) -> Option<String> {
    let (column, other) = match (left.kind, right.kind) {
        (Kind::Column, _) => (left, right),
        (_, Kind::Column) => (right, left),
        _ => return None,
    };
    let is_equality = matches!(mark, "==" | "!=");
    let as_text = || match column.start < other.start {
        true => format!("`{} {mark} \"{}\"`", column.text, other.text),
        false => format!("`\"{}\" {mark} {}`", other.text, column.text),
    };
    let as_number = || {
        let (one, another) = (left.as_number(right), right.as_number(left));
        format!("`{one} {mark} {another}`")
    };
    let advice = match (other.kind, mark) {
        (Kind::Numbers, "in" | "not in") => format!("`{} {mark} [\"1\", \"2\"]`", column.text),
        (Kind::Number, "in" | "not in") => as_text(),
        (Kind::Number, _) if is_equality && other.is_literal() => {
            format!("{} or {}", as_text(), as_number())
        }
        (Kind::Number, _) => as_number(),
        (Kind::Truth, _) if is_equality => match other.text {
            "none" | "None" => format!("`{} {mark} \"\"`", column.text),
            _ => as_text(),
        },
        _ => return None,
    };
    let what = match other.kind {
        Kind::Truth => other.text,
        Kind::Numbers => "numbers",
        _ => "a number",
    };
    Some(format!(
        "`{whole}` compares a text with {what}, since every column is a text; write {advice}"
    ))
}

/// What is wrong with a calculation: a column in it that isn't made a number.
pub(super) fn wrong_calculation(
    left: Operand<'_>,
    mark: &str,
    right: Operand<'_>,
    whole: &str,
) -> Option<String> {
    let kinds = [left.kind, right.kind];
    // Two texts are put together by `+`.
    let is_wrong = kinds.contains(&Kind::Column) && (mark != "+" || kinds.contains(&Kind::Number));
    is_wrong.then(|| {
        format!(
            "`{whole}` reckons with a text, since every column is a text; write `{} {mark} {}`",
            left.as_number(right),
            right.as_number(left)
        )
    })
}
