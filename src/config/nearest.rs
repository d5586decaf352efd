//! "Did you mean": the known name nearest to a mistyped one.

/// The known name nearest to `wanted`, if one is near enough to be a slip of
/// the hand: letter case, `_` and `-` count for nothing, nor does the order of
/// the words between them, and at most a third of the letters may differ.
#[must_use]
pub fn nearest<'known>(
    wanted: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    let wanted_folded = fold(wanted);
    known
        .into_iter()
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&wanted_folded, &fold(name));
            let in_other_order = strsim::damerau_levenshtein(&sorted(wanted), &sorted(name));
            (distance.min(in_other_order), name)
        })
        .filter(|(distance, name)| {
            let longest = wanted_folded.chars().count().max(name.chars().count());
            // Two slips in a short name, such as `limts`, are still a slip.
            *distance <= (longest / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The end of a message about an unknown name: `; did you mean `limits`?`, or
/// nothing where no known name is near.
#[must_use]
pub fn did_you_mean<'known>(wanted: &str, known: impl IntoIterator<Item = &'known str>) -> String {
    match nearest(wanted, known) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

/// The same where all known names are worth a line: `; it has a, b` where none
/// is near, and nothing where there are none.
#[must_use]
pub fn did_you_mean_or_all<'known>(
    wanted: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(wanted, known.iter().copied()) {
        None if !known.is_empty() => format!("; it has {}", known.join(", ")),
        _ => did_you_mean(wanted, known),
    }
}

/// The name with its words in the alphabet's order.
fn sorted(name: &str) -> String {
    let mut words: Vec<&str> = name.split(['_', '-', ' ']).collect();
    words.sort_unstable();
    fold(&words.concat())
}

fn fold(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        let known = ["limits", "source", "max_errors", "firstName"];
        assert_eq!(nearest("limts", known), Some("limits"));
        assert_eq!(nearest("max-errors", known), Some("max_errors"));
        assert_eq!(nearest("first_name", known), Some("firstName"));
        assert_eq!(nearest("errors_max", known), Some("max_errors"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(did_you_mean("suorce", known), "; did you mean `source`?");
        assert_eq!(did_you_mean("", known), "");
        assert_eq!(
            did_you_mean_or_all("suorce", known),
            "; did you mean `source`?"
        );
        assert_eq!(did_you_mean_or_all("zebra", ["a", "b"]), "; it has a, b");
        assert_eq!(did_you_mean_or_all("zebra", []), "");
    }
}
