//! Holds the sources against the layers, and each big dependency against the
//! one module that may use it.

#[expect(unreachable_pub, reason = "a test helper is shared by nothing else")]
mod architecture {
    pub mod source_text;
}

use std::collections::BTreeSet;

use architecture::source_text::{SourceFile, source_files};

/// The layers, the highest first; imports go downwards only.
const LAYERS: [(&str, u8); 16] = [
    ("cli", 4),
    ("actors", 3),
    ("probe", 3),
    ("source", 2),
    ("connector", 2),
    ("transport", 2),
    ("auth", 2),
    ("store", 2),
    ("telemetry", 2),
    ("config", 1),
    ("mapping", 1),
    ("plan", 1),
    ("limit", 1),
    ("report", 1),
    ("record", 0),
    ("error", 0),
];

/// What may be imported within a layer.
const ALLOWED_WITHIN: [(&str, &str); 6] = [
    // A forecast is told under a limit.
    ("plan", "limit"),
    // The job file's `map` is read into the mapping's rules.
    ("config", "mapping"),
    ("source", "connector"),
    // The pages of a platform are fetched.
    ("source", "transport"),
    ("connector", "transport"),
    ("auth", "transport"),
];

/// Crates, and the modules that alone may use them.
const HELD: [(&[&str], &[&str]); 8] = [
    (&["actix", "actix_rt"], &["actors"]),
    (
        &["reqwest", "hyper", "hyper_util", "hyper_rustls", "rustls"],
        &["transport"],
    ),
    (&["rusqlite"], &["store"]),
    (&["clap", "clap_complete", "clap_mangen"], &["cli"]),
    (&["serde_saphyr"], &["config"]),
    (&["indicatif"], &["telemetry"]),
    (&["anyhow"], &["cli"]),
    // The simulated tenant serves the demo; nothing else may know of it.
    (&["loadtest"], &["cli"]),
];

/// Names that belong into connector files.
const PLATFORMS: [&str; 3] = ["cxone", "genesys", "avaya"];

fn layer(module: &str) -> Option<u8> {
    let entry = LAYERS.iter().find(|(name, _)| *name == module);
    entry.map(|(_, layer)| *layer)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The word at the start of a text.
fn first_word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

/// The top-level modules that a file's code names: by `crate::name`, by
/// `crate::{…}`, or by so many `super` that they lead to the crate's root.
fn imported_modules(file: &SourceFile) -> BTreeSet<String> {
    let code = file.code();
    let mut found = BTreeSet::new();
    for (index, _) in code.match_indices("crate::") {
        // `pub(in crate::…)` and the like count as well.
        if code[..index].ends_with(|last| is_word(last) || last == '$') {
            continue;
        }
        add_first_words(&code[index + "crate::".len()..], &mut found);
    }
    let to_root = "super::".repeat(file.modules.len().max(1));
    for (index, _) in code.match_indices(&to_root) {
        let rest = &code[index + to_root.len()..];
        let is_inner = code[..index].ends_with("super::") || rest.starts_with("super::");
        if !is_inner {
            add_first_words(rest, &mut found);
        }
    }
    found.retain(|word| layer(word).is_some());
    found
}

/// Adds the word that a path goes on with, or each one of a `{…}` group.
fn add_first_words(rest: &str, found: &mut BTreeSet<String>) {
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        found.insert(first_word(rest).to_owned());
        return;
    };
    let mut depth = 0_u32;
    let mut is_start = true;
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && is_word(character) => {
                found.insert(first_word(&group[index..]).to_owned());
                is_start = false;
            }
            _ => {}
        }
    }
}

/// Whether a file's code uses a crate: its name starts a path or an import.
fn uses_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(index, _)| {
        let before = &code[..index];
        let after = code[index + name.len()..].trim_start();
        let starts_a_path =
            !before.ends_with(|last: char| is_word(last) || last == '.') && !before.ends_with("::");
        let is_import = before.trim_end().ends_with("use") && after.starts_with([';', 'a']);
        starts_a_path && (after.starts_with("::") || is_import)
    })
}

#[track_caller]
fn assert_none(what: &str, violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{what}:\n  {}",
        violations.join("\n  ")
    );
}

#[test]
fn imports_go_downwards_only() {
    let mut violations = Vec::new();
    let mut seen = 0;
    for file in source_files() {
        let Some(module) = file.module().filter(|_| !file.is_test()) else {
            continue;
        };
        let from = layer(module).unwrap_or_else(|| panic!("{module} stands in no layer"));
        for import in imported_modules(&file) {
            let to = layer(&import).expect("only known modules are gathered");
            let is_allowed = import == module
                || to < from
                || ALLOWED_WITHIN.contains(&(module, import.as_str()));
            seen += 1;
            if !is_allowed {
                violations.push(format!("{} imports crate::{import}", file.name));
            }
        }
    }
    assert!(
        seen > 100,
        "only {seen} imports were found: the search is broken"
    );
    assert_none("imports against the layers", &violations);
}

#[test]
fn the_layers_name_the_modules_that_there_are() {
    let declared: BTreeSet<String> = source_files()
        .iter()
        .filter(|file| file.name == "src/lib.rs")
        .flat_map(|file| {
            let code = file.code();
            let words = code
                .lines()
                .filter_map(|line| line.strip_prefix("pub mod "));
            words
                .map(|word| first_word(word).to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let known: BTreeSet<String> = LAYERS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        // Drawn, and not built yet.
        .filter(|name| name != "probe" || declared.contains(name))
        .collect();
    assert_eq!(declared, known);
}

#[test]
fn each_big_dependency_stays_in_its_module() {
    let mut violations = Vec::new();
    let mut homes = 0;
    for file in source_files() {
        let code = file.code();
        let module = file.module().unwrap_or_default();
        for (crates, modules) in HELD {
            for name in crates.iter().filter(|name| uses_crate(&code, name)) {
                if modules.contains(&module) {
                    homes += 1;
                } else if !file.is_test() {
                    violations.push(format!("{} uses {name}", file.name));
                }
            }
        }
    }
    assert!(
        homes > 20,
        "only {homes} uses were found: the search is broken"
    );
    assert_none("a dependency outside of its module", &violations);
}

#[test]
fn a_file_has_five_hundred_lines_at_most() {
    let long: Vec<String> = source_files()
        .iter()
        .map(|file| (file.text.lines().count(), &file.name))
        .filter(|(lines, _)| *lines > 500)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    assert_none("a file that is two stories", &long);
}

#[test]
fn no_platform_is_named_in_code_outside_of_the_built_in_connectors() {
    let mut violations = Vec::new();
    for file in source_files() {
        if file.is_test() || file.name.starts_with("src/connector/builtin/") {
            continue;
        }
        let code = file.code_and_literals().to_lowercase();
        for (index, line) in code.lines().enumerate() {
            if PLATFORMS.iter().any(|platform| line.contains(platform)) {
                let place = format!("{}:{}", file.name, index + 1);
                violations.push(format!("{place}: {}", line.trim()));
            }
        }
    }
    assert_none("a platform's name in Rust code", &violations);
}

#[test]
fn the_search_for_imports_finds_every_way_of_writing_one() {
    let file = |text: &str| SourceFile {
        name: "src/store/books.rs".to_owned(),
        modules: vec!["store".to_owned(), "books".to_owned()],
        text: text.to_owned(),
    };
    for text in [
        "use crate::cli::run;",
        "use crate::{error::FatalError, cli::{run, plan}};",
        "let run = crate::cli::run();",
        "use super::super::cli;",
        "use crate::{\n    cli,\n};",
    ] {
        let found = imported_modules(&file(text));
        assert!(found.contains("cli"), "{text}: {found:?}");
    }
    for text in [
        "// use crate::cli;",
        "use super::cli;",
        "let x = \"crate::cli\";",
        "#[cfg(test)]\nmod tests {\n    use crate::cli;\n}",
    ] {
        assert!(imported_modules(&file(text)).is_empty(), "{text}");
    }
    assert!(uses_crate("use actix::Actor;", "actix"));
    assert!(uses_crate("#[actix::test]", "actix"));
    assert!(!uses_crate(
        "use super::actix::Actor; not_actix::x()",
        "actix"
    ));
}
