//! Lists and objects of NDJSON and of a platform's records.

use super::support::*;

const NAMES: [&str; 5] = ["id", "tags", "tags.0", "tags.1", "note"];

/// A key, a list, and a text that comes from the same column.
fn program(nesting: Option<Nesting>, rules: &[(&str, &str)]) -> Program {
    let contract = contract_of(vec![
        ContractField {
            list: Some(ListForm::default()),
            ..ContractField::new("tags", FieldKind::String)
        },
        ContractField::new("text", FieldKind::String),
        ContractField::new("json", FieldKind::Json),
    ]);
    let rules: Vec<FieldRule> = rules
        .iter()
        .map(|(target, from)| FieldRule::column(*target, *from))
        .collect();
    let mut program = by_rules(&rules, &NAMES, &contract).expect("fits");
    if let Some(nesting) = nesting {
        program.set_nesting(nesting, &header(&NAMES));
    }
    program
}

fn body(program: &Program, cells: &[&str]) -> String {
    match apply(program, cells) {
        Ok((key, body)) => format!("{key} {body}"),
        Err(refusal) => format!("{} {}", refusal.error, refusal.field),
    }
}

#[test]
fn an_array_of_a_record_fills_a_list_with_its_entries() {
    let rules = [("id", "id"), ("tags", "tags")];
    let program = program(Some(Nesting::InColumns), &rules);
    for (cells, told) in [
        (
            ["1", r#"["a, b","c"]"#, "a, b", "c", ""],
            r#"1 {"tags":["a, b","c"]}"#,
        ),
        (
            ["1", r#"["only"]"#, "only", "", ""],
            r#"1 {"tags":["only"]}"#,
        ),
        (
            ["1", r#"[1.10, null, true]"#, "1.10", "", ""],
            r#"1 {"tags":["1.10","true"]}"#,
        ),
        (["1", "[]", "", "", ""], "1 {}"),
        (["1", "plain", "", "", ""], r#"1 {"tags":["plain"]}"#),
        // A text of the record that looks like a list.
        (["1", "[1]", "", "", ""], r#"1 {"tags":["[1]"]}"#),
        (["1", r#"{"a":1}"#, "1", "", ""], "not_one_value tags"),
        (["1", r#"[{"a":1}]"#, "", "1", ""], "not_one_value tags"),
    ] {
        assert_eq!(body(&program, &cells), told, "{cells:?}");
    }
}

#[test]
fn a_list_or_an_object_is_no_text_and_no_key() {
    let rules = [("id", "id"), ("text", "tags"), ("json", "tags")];
    let of_text = program(Some(Nesting::InColumns), &rules[..2]);
    let of_json = program(Some(Nesting::InColumns), &[rules[0], rules[2]]);
    let of_key = program(
        Some(Nesting::InColumns),
        &[("id", "tags"), ("text", "note")],
    );
    let of_csv = program(None, &rules[..2]);
    let list = ["1", r#"["a"]"#, "a", "", "n"];
    assert_eq!(body(&of_text, &list), "not_one_value text");
    assert_eq!(
        body(&of_text, &["1", "[]", "", "", ""]),
        "not_one_value text"
    );
    assert_eq!(
        body(&of_text, &["1", "[a]", "", "", ""]),
        r#"1 {"text":"[a]"}"#
    );
    assert_eq!(body(&of_json, &list), r#"1 {"json":["a"]}"#);
    assert_eq!(body(&of_key, &list), "not_one_value id");
    assert_eq!(body(&of_csv, &list), r#"1 {"text":"[\"a\"]"}"#);
}

#[test]
fn a_platform_s_list_has_no_columns_of_its_entries() {
    let rules = [("id", "id"), ("tags", "tags"), ("text", "note")];
    let program = program(Some(Nesting::InCells), &rules);
    let cells = ["1", r#"["a","b"]"#, "", "", "[1]"];
    assert_eq!(
        body(&program, &cells),
        r#"1 {"tags":["a","b"],"text":"[1]"}"#
    );
}
