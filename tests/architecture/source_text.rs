//! Rust sources as text: which files there are, and their code without
//! comments, string literals and unit tests.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file below `src/`.
pub struct SourceFile {
    /// Its path below the repository, such as `src/actors/lane/run.rs`.
    pub name: String,
    /// Its modules, such as `actors`, `lane`, `run`.
    pub modules: Vec<String>,
    pub text: String,
}

impl SourceFile {
    /// The top-level module; `None` for the crate's roots.
    pub fn module(&self) -> Option<&str> {
        self.modules.first().map(String::as_str)
    }

    /// Whether the whole file is compiled for tests alone.
    pub fn is_test(&self) -> bool {
        self.modules
            .iter()
            .any(|module| module == "tests" || module.ends_with("_tests"))
    }

    /// The code outside of unit tests, with comments and literals blanked out.
    pub fn code(&self) -> String {
        without_unit_tests(&blanked(&self.text, true))
    }

    /// The same with the literals left in.
    pub fn code_and_literals(&self) -> String {
        without_unit_tests(&blanked(&self.text, false))
    }
}

/// All Rust files below `src/`, in the order of their names.
pub fn source_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    gather(&root.join("src"), &mut paths);
    paths.sort();
    paths.iter().map(|path| read(root, path)).collect()
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn read(root: &Path, path: &Path) -> SourceFile {
    let name = path.strip_prefix(root).expect("below the root");
    let name = name.to_str().expect("a path in UTF-8").to_owned();
    let inner = name.trim_start_matches("src/").trim_end_matches(".rs");
    let modules = inner
        .split('/')
        .filter(|part| !["mod", "lib", "main"].contains(part))
        .map(str::to_owned)
        .collect();
    SourceFile {
        modules,
        text: fs::read_to_string(path).expect("the source is readable"),
        name,
    }
}

/// Cuts the inline test module off, which by convention ends a file.
fn without_unit_tests(code: &str) -> String {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let start = from + found;
        let rest = code[start + "#[cfg(test)]".len()..].trim_start();
        if rest.starts_with("mod ") && rest.find('{') < rest.find(';').or(Some(usize::MAX)) {
            return code[..start].to_owned();
        }
        from = start + 1;
    }
    code.to_owned()
}

/// Blanks comments, and literals where asked; line breaks stay.
fn blanked(text: &str, literals_too: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, keep) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), false)
        } else if let Some(length) = raw_literal(rest).filter(|_| !ends_in_word(&out)) {
            (length, !literals_too)
        } else if first == '"' {
            (quoted(rest), !literals_too)
        } else if let Some(length) = character_literal(rest) {
            (length, !literals_too)
        } else {
            (first.len_utf8(), true)
        };
        let (part, behind) = rest.split_at(length);
        if keep {
            out.push_str(part);
        } else {
            out.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = behind;
    }
    out
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|last: char| last.is_alphanumeric() || last == '_')
}

/// The length of a raw string literal that starts here.
fn raw_literal(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let inner_length = inner.find(&end)? + end.len();
    Some(rest.len() - inner.len() + inner_length)
}

/// The length of a string literal that starts here.
fn quoted(rest: &str) -> usize {
    let mut is_escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal that starts here; lifetimes are none.
fn character_literal(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if inner.starts_with('\\') {
        return inner[2..].find('\'').map(|end| end + 4);
    }
    let first = inner.chars().next()?;
    inner[first.len_utf8()..]
        .starts_with('\'')
        .then(|| first.len_utf8() + 2)
}

#[test]
fn comments_literals_and_unit_tests_are_blanked() {
    let text = "use a; // crate::b\nlet c = \"crate::d \\\" \"; let e: &'x str = r#\"crate::\"f\"#;\n\
                let g = '\"'; h(); /* crate::i */ j\n#[cfg(test)]\nmod tests {\n use crate::k;\n}\n";
    let code = without_unit_tests(&blanked(text, true));
    assert!(!code.contains("crate::"), "{code}");
    assert!(code.contains("use a;") && code.contains("h();") && code.contains(" j\n"));
    let with_literals = without_unit_tests(&blanked(text, false));
    assert_eq!(with_literals.matches("crate::").count(), 2);
}
