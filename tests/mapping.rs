//! The mapping as a user meets it: a job file, an export that doesn't fit, and
//! what the plan and the reject file say of it.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Bench, fixture};

/// The job of `fixtures/mapping` in a folder of its own, `change`d.
fn bench(change: impl Fn(&str, String) -> String) -> Bench {
    let bench = Bench::new("{}");
    for name in ["crm.yaml", "job.yaml", "tiers.csv", "legacy.csv"] {
        let path = fixture("mapping").join(name);
        let text = fs::read_to_string(path).expect("a fixture");
        bench.write(name, change(name, text));
    }
    bench
}

fn unchanged(_: &str, text: String) -> String {
    text
}

fn plan(bench: &Bench, flags: &[&str]) -> support::Ended {
    bench.bare(&["plan", "job.yaml"]).arguments(flags).run()
}

#[test]
fn the_plan_shows_rows_side_by_side_with_their_source() {
    let bench = bench(unchanged);
    let text = plan(&bench, &[]).expect_code(1).stdout;
    for line in text.lines().filter(|line| line.contains(" → ")) {
        let is_sample = line.starts_with("    ");
        assert!(!is_sample || line.chars().count() <= 80, "{line}");
    }
    for line in [
        "  line 2: PUT /records/CONE-1",
        "    id: 1                              → recordId: CONE-1",
        "    first: Ann                         → name: Ann Lee",
        "    last: Lee",
        "    mail: \" Ann.Lee@Example.COM \"      → email: ann.lee@example.com",
        "    level: 9                           → custom.tier: Bronze",
        "    age: unknown                       → age: (left out)",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    let told = plan(&bench, &["--output", "json"]).expect_code(1).json();
    let sample = &told["samples"][0];
    assert_eq!(sample["line"], 2);
    let body: Value = serde_json::from_str(sample["body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(
        body,
        json!({
            "name": "Ann Lee",
            "emailAddresses": [
                {"value": "ann.lee@example.com", "primary": true},
                {"value": "ann@example.org"},
            ],
            "contact": {"phone": "+4915123456789"},
            "customFields": {"tier": "Gold"},
            "since": "2024-01-31",
            "seen": "2024-07-31T08:00:00Z",
            "age": 42,
            "active": true,
            "tags": [{"label": "new"}, {"label": "vip"}],
            "entityTypeId": "customer",
            "schema": {"version": 2},
        })
    );
    let fields = sample["fields"].as_array().expect("fields");
    let name = fields
        .iter()
        .find(|field| field["field"] == "name")
        .expect("mapped");
    assert_eq!(
        name,
        &json!({
            "field": "name",
            "from": [{"column": "first", "text": "Ann"}, {"column": "last", "text": "Lee"}],
            "rules": ["join", "trim", "truncate"],
            "value": "Ann Lee",
        })
    );
}

#[test]
fn each_violation_rejects_its_row_with_the_rule_that_it_breaks() {
    let bench = bench(unchanged);
    let told = plan(&bench, &["--output", "json"]).expect_code(1).json();
    assert_eq!((&told["rows"], &told["to_send"]), (&json!(9), &json!(2)));
    let rules = told["problems"]["rules"].as_object().expect("rules");
    for (rule, line, field) in [
        ("leading_zeros_lost", 4, "phone"),
        ("skipped_time", 5, "seen"),
        ("not_a_date", 6, "since"),
        ("too_large", 7, "age"),
        ("not_an_email", 8, "email"),
        ("too_long", 9, "tags"),
        ("not_a_boolean", 10, "active"),
    ] {
        let first = &rules[rule]["first"][0];
        assert_eq!(
            (&first["line"], &first["field"]),
            (&json!(line), &json!(field)),
            "{rule}"
        );
    }
    assert_eq!(rules.len(), 7);
}

#[test]
fn a_run_lists_what_the_mapping_refuses_and_sends_the_rest() {
    let bench = Bench::new("{}");
    bench.write(
        "contacts.csv",
        "id,mail,phone\nc-1,A@x.de,030 123456\nc-2,b@x.de,30 123456\nc-3,c.x.de,\n",
    );
    let base_url = bench.base_url();
    bench.write(
        "job.yaml",
        format!(
            "source: {{csv: contacts.csv}}\ntarget: {{connector: cxone-contacts, base_url: \"{base_url}\"}}\n\
             map:\n  contactId: id\n  email: {{from: mail, lowercase: true, format: email}}\n  phone: {{from: phone, e164: DE}}\n"
        ),
    );
    bench.sluice(&["run", "job.yaml"]).run().expect_code(1);
    let books = bench.books();
    let refused: Vec<(&str, &str, u64)> = (books.rejected.iter())
        .map(|row| (row.get("_error"), row.get("_field"), row.line()))
        .collect();
    assert_eq!(
        refused,
        [
            ("leading_zeros_lost", "phone", 3),
            ("not_an_email", "email", 4)
        ]
    );
    assert_eq!(bench.counters().applied, 1);
}

#[test]
fn mistakes_of_the_mapping_name_file_line_and_field() {
    for (from, to, told) in [
        (
            "  name: {",
            "  nmae: {",
            "job.yaml:8: the target has no field `nmae`; did you mean `name`?",
        ),
        (
            "{from: mail,",
            "{from: mial,",
            "job.yaml:9: `email` comes from the column `mial`, which the input doesn't have; did you mean `mail`?",
        ),
        (
            "    default: Bronze",
            "    default: bronze",
            "job.yaml:15: `custom.tier` can't be filled with the fixed text: \"bronze\" is none of the values that the field takes: Gold, Silver, Bronze; did you mean Bronze?",
        ),
        (
            "{file: tiers.csv, key: code, value: tier}",
            "\n      1: Gold\n      2: Silber",
            "job.yaml:16: `custom.tier` can't be filled with what its lookup table has: \"Silber\" is none of the values that the field takes: Gold, Silver, Bronze; did you mean Silver?",
        ),
        (
            "CONE-{{ id }}",
            "CONE",
            "job.yaml:6: the key `recordId` has a fixed text",
        ),
        (
            "'age != \"unknown\"'",
            "'age > 30'",
            "job.yaml:18:8: `age`: `age > 30` compares a text with a number, since every column is a text; write `age|int > 30`",
        ),
        (
            "value: tier}",
            "value: teir}",
            "tiers.csv has no column `teir`; did you mean `tier`?",
        ),
        (
            "CONE-{{ id }}",
            "CONE-{{ idd }}",
            "job.yaml:6: `recordId`: the template names the column `idd`, which the input doesn't have; did you mean `id`?",
        ),
        (
            "{from: \"%d.%m.%Y\"}",
            "{from: \"%d.%m\"}",
            "job.yaml:16:10: `since`: \"%d.%m\" doesn't tell a whole date",
        ),
        (
            "{from: tags, split",
            "{from: tags, splt",
            "job.yaml:20:22: unknown key `splt`; did you mean `split`?",
        ),
    ] {
        let bench = bench(|name, text| match name {
            "job.yaml" => {
                assert!(text.contains(from), "{from}");
                text.replacen(from, to, 1)
            }
            _ => text,
        });
        plan(&bench, &[]).expect_code(2).expect_stderr(&[told]);
    }
    let bench = bench(|name, text| match name {
        "tiers.csv" => format!("{text}2,Gold\n"),
        _ => text,
    });
    plan(&bench, &[]).expect_code(2).expect_stderr(&[
        "job.yaml:12: the lookup table of `custom.tier`",
        "tiers.csv:4: \"2\" stands here a second time, for \"Gold\"",
    ]);
}

#[test]
fn a_row_whose_key_lacks_its_part_is_rejected_as_one_without_a_key() {
    let bench = bench(|name, text| match name {
        "legacy.csv" => text.replacen("\n1,Ann", "\n,Ann", 1),
        _ => text,
    });
    let told = plan(&bench, &["--output", "json"]).expect_code(1).json();
    assert_eq!(told["to_send"], json!(1));
    let first = &told["problems"]["rules"]["missing_key"]["first"][0];
    assert_eq!(
        (&first["line"], &first["field"], &first["message"]),
        (
            &json!(2),
            &json!("recordId"),
            &json!("the column `id`, which the key is made of, is empty; fill it in")
        )
    );
}

#[test]
fn a_changed_lookup_table_is_a_changed_mapping() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", "id,level\nc-1,1\nc-2,2\n");
    bench.write("tiers.csv", "code,tier\n1,Gold\n2,Silver\n");
    let base_url = bench.base_url();
    bench.write(
        "job.yaml",
        format!(
            "source: {{csv: contacts.csv}}\ntarget: {{connector: cxone-contacts, base_url: \"{base_url}\"}}\n\
             map:\n  contactId: id\n  company: {{from: level, lookup: {{file: tiers.csv, key: code, value: tier}}}}\n"
        ),
    );
    let tabled = [
        "run",
        "job.yaml",
        "--max-rate",
        "1/s",
        "--max-duration",
        "1ms",
    ];
    bench.sluice(&tabled).run().expect_code(6);
    bench.write("tiers.csv", "code,tier\n1,Gold\n2,Platinum\n");
    bench.resume().expect_code(2).expect_stderr(&["mapping"]);
}

#[test]
fn the_diff_log_accounts_for_each_row_that_was_sent() {
    let bench = Bench::new("{}");
    bench.write(
        "contacts.csv",
        "contactId,email\nc-1,a@x.de\n,b@x.de\nc-3,c@x.de\n",
    );
    bench.run("contacts.csv", &[]).run().expect_code(1);
    assert!(
        !bench.runs()[0].join("mapping.ndjson").exists(),
        "off by default"
    );
    bench
        .run("contacts.csv", &["--diff-log"])
        .run()
        .expect_code(1);
    let path = bench.runs()[1].join("mapping.ndjson");
    let text = fs::read_to_string(&path).expect("the log");
    let lines: Vec<Value> = (text.lines())
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: Vec<_> = (lines.iter())
        .map(|line| (line["line"].as_u64(), line["source_key"].as_str()))
        .collect();
    assert_eq!(told, [(Some(2), Some("c-1")), (Some(4), Some("c-3"))]);
    let first = &lines[0];
    assert_eq!(
        first["rules"],
        json!({"contactId": ["from"], "email": ["from"]})
    );
    let hash = |text: &str| blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
    assert_eq!(first["source_hash"], hash("c-1,a@x.de"));
    assert_eq!(first["body_hash"], hash(r#"{"email":"a@x.de"}"#));
    assert_eq!(first["target_id"], "");
    assert!(!text.contains("a@x.de"), "no personal data but the key");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_diff_log_of_an_interrupted_run_has_each_row_once() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", support::numbered_csv(40));
    let flags = [
        "--diff-log",
        "--max-rate",
        "20/s",
        "--max-duration",
        "600ms",
    ];
    bench.run("contacts.csv", &flags).run().expect_code(6);
    let log = || {
        let path = bench.runs()[0].join("mapping.ndjson");
        let text = fs::read_to_string(path).expect("the log");
        let row = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["row"].as_u64().expect("a number")
        };
        text.lines().map(row).collect::<Vec<u64>>()
    };
    let before = log();
    assert!(before.len() < 40, "{before:?}");
    bench
        .sluice(&["resume", "--max-rate", "1000/s"])
        .run()
        .expect_code(0);
    assert_eq!(log(), (1..=40).collect::<Vec<u64>>());
}
