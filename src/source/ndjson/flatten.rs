//! One JSON object as cells under dotted paths.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::connector::{cell_text, elements, members};

/// Objects and lists within each other that become columns; what lies deeper
/// is kept as JSON text. Each level is looked through once more, so a larger
/// bound lets a hostile line cost more time.
const DEEPEST: usize = 16;

/// Characters of a column's name. A longer one is data in the wrong place.
const LONGEST_NAME: usize = 512;

/// A record's cells: each path once, with its text.
pub(super) type Cells = Vec<(String, String)>;

/// Takes a line apart. What stands under a name of `kept_whole` is a cell of
/// its own as well, as JSON text.
///
/// # Errors
/// Why the line is no record, as a lower-case fragment.
pub(super) fn flatten(line: &[u8], kept_whole: &HashSet<String>) -> Result<Cells, String> {
    let text = std::str::from_utf8(line)
        .map_err(|cause| format!("byte {} of it isn't UTF-8", cause.valid_up_to() + 1))?;
    let json: &RawValue = serde_json::from_str(text).map_err(|cause| {
        let words = cause.to_string();
        let what = words.split(" at line ").next().unwrap_or_default();
        format!("it isn't JSON: {what} at character {}", cause.column())
    })?;
    let mut flattening = Flattening::new(kept_whole);
    let Some(found) = members(json) else {
        return Err("it isn't a JSON object".to_owned());
    };
    for (name, value) in found {
        flattening.add(name, value, 1)?;
    }
    Ok(flattening.cells)
}

/// Members as cells under dotted paths, one by one.
pub(super) struct Flattening<'line> {
    pub(super) cells: Cells,
    names: HashSet<String>,
    kept_whole: &'line HashSet<String>,
}

impl<'line> Flattening<'line> {
    pub(super) fn new(kept_whole: &'line HashSet<String>) -> Self {
        Self {
            cells: Vec::new(),
            names: HashSet::new(),
            kept_whole,
        }
    }

    /// Adds a member, which stands `depth` objects and lists within the record;
    /// the cells that it had before whatever was wrong with it stay.
    pub(super) fn add(
        &mut self,
        path: String,
        value: &RawValue,
        depth: usize,
    ) -> Result<(), String> {
        let text = value.get();
        let is_nest = text.starts_with(['{', '[']);
        if !is_nest {
            let text = cell_text(value)
                .ok_or_else(|| format!("the text of `{path}` has half a character in it"))?;
            return self.put(path, text);
        }
        if depth >= DEEPEST {
            return self.put(path, text.to_owned());
        }
        if self.kept_whole.contains(&path) {
            self.put(path.clone(), text.to_owned())?;
        }
        if let Some(elements) = elements(value) {
            for (index, element) in elements.into_iter().enumerate() {
                self.add(format!("{path}.{index}"), element, depth + 1)?;
            }
            return Ok(());
        }
        for (name, value) in members(value).unwrap_or_default() {
            self.add(format!("{path}.{name}"), value, depth + 1)?;
        }
        Ok(())
    }

    fn put(&mut self, path: String, text: String) -> Result<(), String> {
        let name = path.trim();
        if name.is_empty() {
            return Err("a member of it has no name".to_owned());
        }
        if name.chars().count() > LONGEST_NAME || name.contains('\0') {
            return Err("the name of one of its members can't be a column's".to_owned());
        }
        if !self.names.insert(name.to_owned()) {
            return Err(format!("`{name}` stands in it twice"));
        }
        let name = match name.len() == path.len() {
            true => path,
            false => name.to_owned(),
        };
        self.cells.push((name, text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(line: &str, kept_whole: &[&str]) -> Result<String, String> {
        let kept_whole = kept_whole.iter().map(|&name| name.to_owned()).collect();
        let cells = flatten(line.as_bytes(), &kept_whole)?;
        let cells = cells.iter().map(|(name, text)| format!("{name}={text}"));
        Ok(cells.collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn nested_members_are_columns_with_dotted_paths() {
        let line = r#"{"id":"c-1","n":1.10,"ok":true,"none":null,"address":{"city":"Köln"},
            "emails":[{"value":"a@b"},"x"],"empty":[],"nothing":{}}"#;
        assert_eq!(
            flat(line, &[]).expect("a record"),
            "id=c-1|n=1.10|ok=true|none=|address.city=Köln|emails.0.value=a@b|emails.1=x"
        );
        assert_eq!(
            flat(r#"{"tags":["a", "b"]}"#, &["tags"]).expect("a record"),
            r#"tags=["a", "b"]|tags.0=a|tags.1=b"#
        );
    }

    #[test]
    fn what_is_no_record_says_why() {
        for (line, told) in [
            ("", "isn't JSON"),
            ("{\"a\":1", "isn't JSON"),
            ("{\"a\":1} {\"b\":2}", "trailing characters"),
            ("[1]", "isn't a JSON object"),
            ("\"x\"", "isn't a JSON object"),
            (r#"{"a":1,"a":2}"#, "`a` stands in it twice"),
            (r#"{"a.b":1,"a":{"b":2}}"#, "`a.b` stands in it twice"),
            (r#"{"":1}"#, "no name"),
            (r#"{"a":"\ud83d"}"#, "half a character"),
        ] {
            let why = flat(line, &[]).expect_err(line);
            assert!(why.contains(told), "{line}: {why}");
        }
        assert!(
            flatten(b"{\"a\":\"\xff\"}", &HashSet::new()).is_err_and(|why| why.contains("byte 7"))
        );
    }

    #[test]
    fn a_line_of_brackets_costs_neither_the_stack_nor_the_day() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
        let cells = flatten(deep.as_bytes(), &HashSet::new());
        // Too deep for the parser, or kept as text: either way it ends.
        if let Ok(cells) = cells {
            assert_eq!(cells.len(), 1);
        }
    }
}
