//! Why rules, header and target don't fit together.

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
    /// A rule names a column that the input doesn't have.
    #[error("`{target}` comes from the column `{column}`, which the input doesn't have{}", suggest(.nearest, "did you mean"))]
    UnknownColumn {
        /// The rule's target field.
        target: String,
        /// The column's name.
        column: String,
        /// The column that is nearest to it.
        nearest: Option<String>,
    },
    /// A rule names a column that the input has more than once.
    #[error(
        "`{target}` comes from the column `{column}`, which the input has more than once; rename all but one"
    )]
    AmbiguousColumn {
        /// The rule's target field.
        target: String,
        /// The column's name.
        column: String,
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
    /// The key is a constant, or has a default.
    #[error(
        "the key `{key}` has a fixed text, so many rows would change the same record; take it from a column"
    )]
    ConstantKey {
        /// The key field's name.
        key: String,
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
