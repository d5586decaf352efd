//! Why rules, header and target don't fit together.

/// A problem, and the rule that has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct LocatedProblem {
    /// The rule's line in the job file, or its text's; 0 where no rule is at fault, or no file
    /// holds it.
    pub line: u64,
    /// What is wrong.
    pub problem: MappingProblem,
}

/// Why rules, header and target don't fit together. Found before any request;
/// each names what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingProblem {
    /// No rule and no column gives the key.
    #[error("no column gives the key `{key}`{}", suggest(.nearest, "is it the column"))]
    NoKey {
        /// The key field's name.
        key: String,
        /// The column that is nearest to it.
        nearest: Option<String>,
    },
    /// A rule names a column that the input doesn't have, or has more than once.
    #[error("`{target}` comes from {cause}")]
    NoColumn {
        /// The rule's target field.
        target: String,
        /// Which column, and what to do.
        cause: String,
    },
    /// A rule or a header names a field that the target doesn't have.
    #[error("the target has no field `{target}`{}", suggest(.nearest, "did you mean"))]
    UnknownTarget {
        /// The name that was given.
        target: String,
        /// The field that is nearest to it.
        nearest: Option<String>,
        /// Whether the name is a column's header rather than a rule's.
        from_header: bool,
    },
    /// Two rules, or two columns, fill the same field.
    #[error("the field `{target}` is filled twice; keep one")]
    DuplicateTarget {
        /// The field's name.
        target: String,
    },
    /// A field that the target requires is filled by nothing.
    #[error("the target requires the field `{field}`, and nothing fills it")]
    RequiredUnfilled {
        /// The field's name.
        field: String,
    },
    /// The key is a constant, a template without a column, or has a default.
    #[error(
        "the key `{key}` has a fixed text, so many rows would change the same record; take it from a column"
    )]
    ConstantKey {
        /// The key field's name.
        key: String,
    },
    /// A rule that doesn't fit the header or the field.
    #[error("`{target}`: {cause}")]
    BadRule {
        /// The rule's target field.
        target: String,
        /// What is wrong, and what to do.
        cause: String,
    },
    /// A constant, a default or a lookup's text that the field doesn't take.
    #[error("`{target}` can't be filled with {what}: {cause}")]
    BadText {
        /// The rule's target field.
        target: String,
        /// Which text it is.
        what: &'static str,
        /// The text's line in the job file.
        line: u64,
        /// What is wrong with the text.
        cause: String,
    },
    /// Two things stand at the same place of the record.
    #[error("`{name}` stands in the record where something else does")]
    PlaceTaken {
        /// The field's name, or the constant's place.
        name: String,
    },
    /// There is a key, and nothing else.
    #[error("there is no field to write besides the key")]
    NothingToWrite,
}

fn suggest(nearest: &Option<String>, words: &str) -> String {
    match nearest {
        Some(name) => format!("; {words} `{name}`?"),
        None => String::new(),
    }
}

/// The known name nearest to `wanted`, if it is near.
///
/// Letter case and separators count for nothing: `Contact ID` is `contactId`.
pub(super) fn nearest<'known>(
    wanted: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<String> {
    let wanted_folded = fold(wanted);
    known
        .into_iter()
        .map(|name| {
            let folded = fold(name);
            let distance = strsim::damerau_levenshtein(&wanted_folded, &folded);
            let longest = wanted_folded.chars().count().max(folded.chars().count());
            (distance, longest, name)
        })
        .filter(|(distance, longest, _)| *distance <= (longest / 3).max(1))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., name)| name.to_owned())
}

fn fold(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A value in quotes for a message: what is invisible is escaped, what is long
/// is cut.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 40;
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
