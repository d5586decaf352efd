//! What becomes of real-world input: encodings, delimiters, dirty rows, repeated
//! keys, chosen rows, and columns that a job file renames.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::Cell::{self, Text};
use support::{Bench, assert_accounted, fixture, numbered_csv, read_rows, workbook};

#[test]
fn of_a_dirty_file_exactly_the_bad_rows_are_rejected() {
    let bench = Bench::new("keep_bodies: true");
    let input = fixture("csv/contacts-dirty.csv");
    let input = input.to_str().expect("a path in UTF-8");
    bench.run(input, &[]).run().expect_code(1);
    let expected: BTreeMap<u64, (String, String)> =
        read_rows(&fixture("expected/contacts-dirty.csv"))
            .iter()
            .map(|row| {
                let line = row.get("line").parse().expect("a line");
                let (what, outcome) = (row.get("what"), row.get("outcome"));
                (line, (what.to_owned(), outcome.to_owned()))
            })
            .collect();
    let books = bench.books();
    let found: BTreeSet<u64> = books.rejected.iter().map(|row| row.line()).collect();
    let wanted: BTreeSet<u64> = expected
        .iter()
        .filter(|(_, (_, outcome))| outcome == "rejected")
        .map(|(line, _)| *line)
        .collect();
    assert_eq!(found, wanted, "the lines in rejected.csv");
    assert_accounted(&books.summary["counts"]);
    assert_eq!(
        (books.count("read"), books.count("updated")),
        (600, 600 - wanted.len() as u64)
    );
    assert_eq!(bench.counters().applied, books.count("updated"));
    // Keys that would lead elsewhere if they weren't one encoded path segment.
    assert_eq!(bench.counters().requests.other, 0);
    let odd = |sign: &str| bench.ledger().applies.keys().any(|id| id.contains(sign));
    assert!(odd("../") && odd("?") && odd("#"));
}

#[test]
fn a_windows_1252_file_with_semicolons_arrives_as_it_was_meant() {
    let bench = Bench::new("keep_bodies: true");
    let input = fixture("csv/contacts-windows-1252-semicolon.csv");
    let input = input.to_str().expect("a path in UTF-8");
    bench.run(input, &[]).run().expect_code(0);
    let field = |id, name| bench.field(id, name).expect("the contact was written");
    assert_eq!(field("w-0001", "firstName"), "Jürgen");
    assert_eq!(field("w-0001", "lastName"), "Groß");
    assert_eq!(field("w-0002", "lastName"), "Müller; geb. Öztürk");
    assert_eq!(field("w-0004", "lastName"), "van \"Mac\" Beek");
    assert_eq!(bench.counters().contacts_written, 8);
}

#[test]
fn a_utf_16_file_with_tabs_arrives_as_it_was_meant() {
    let bench = Bench::new("keep_bodies: true");
    let input = fixture("csv/contacts-utf16le-tab.csv");
    let input = input.to_str().expect("a path in UTF-8");
    bench.run(input, &[]).run().expect_code(0);
    let field = |id, name| bench.field(id, name).expect("the contact was written");
    assert_eq!(field("u-0001", "firstName"), "Łukasz");
    assert_eq!(field("u-0001", "lastName"), "Wójcik");
    assert_eq!(field("u-0004", "lastName"), "Yılmaz");
    assert_eq!(field("u-0003", "phone"), "+81 90 0000 0003");
    assert_eq!(bench.counters().contacts_written, 6);
}

#[test]
fn bom_tabs_and_quoted_newlines_are_read_as_data_and_shape() {
    let bench = Bench::new("keep_bodies: true");
    bench.write(
        "contacts.csv",
        "\u{feff}contactId\tfirstName\tcompany\r\nt-1\tZoë\t\"one\r\ntwo\"\r\nt-2\tBo\t\"a \"\"b\"\"\"\r\n",
    );
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let field = |id, name| bench.field(id, name).expect("the contact was written");
    assert_eq!(field("t-1", "firstName"), "Zoë");
    assert_eq!(field("t-1", "company"), "one\r\ntwo");
    assert_eq!(field("t-2", "company"), "a \"b\"");
}

#[test]
fn duplicates_can_be_rejected_or_the_first_or_the_last_be_kept() {
    let input = "contactId,firstName\na,one\nb,only\na,two\na,three\n";
    for (choice, code, value, counts) in [
        ("first", 0, Some("one"), (2, 0, 2)),
        ("last", 0, Some("three"), (2, 0, 2)),
        ("reject", 1, Some("one"), (2, 2, 0)),
        ("apply", 0, Some("three"), (4, 0, 0)),
    ] {
        let bench = Bench::new("keep_bodies: true");
        bench.write("contacts.csv", input);
        let ended = bench.run("contacts.csv", &["--duplicates", choice]).run();
        let ended = ended.expect_code(code);
        let books = bench.books();
        assert_accounted(&books.summary["counts"]);
        let found = ["updated", "rejected", "skipped"].map(|name| books.count(name));
        assert_eq!(found, [counts.0, counts.1, counts.2], "{choice}: {ended:?}");
        assert_eq!(bench.field("a", "firstName").as_deref(), value, "{choice}");
        let lines: Vec<u64> = books.rejected.iter().map(|row| row.line()).collect();
        if choice == "reject" {
            assert_eq!(lines, [4, 5], "the later rows are rejected");
        }
    }
}

#[test]
fn limit_and_skip_choose_rows_and_the_rest_is_skipped() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(100));
    let flags = ["--skip", "20", "--limit", "30"];
    bench.run("contacts.csv", &flags).run().expect_code(0);
    let expected: BTreeSet<String> = (21..=50).map(|number| format!("c-{number}")).collect();
    let applied: BTreeSet<String> = bench.ledger().applies.keys().cloned().collect();
    assert_eq!(applied, expected);
    let books = bench.books();
    assert_accounted(&books.summary["counts"]);
    let found = ["read", "updated", "skipped"].map(|name| books.count(name));
    assert_eq!(found, [100, 30, 70]);
}

#[test]
fn a_job_file_renames_tidies_and_fills_in() {
    let bench = Bench::new("keep_bodies: true");
    let job = fixture("jobs/spring-cleaning.yaml");
    let job = job.to_str().expect("a path in UTF-8");
    let base_url = format!("base_url={}", bench.base_url());
    bench
        .sluice(&["run", job, "--set", &base_url])
        .run()
        .expect_code(0);
    assert_eq!(bench.counters().contacts_written, 12);
    let field = |id, name| bench.field(id, name);
    assert_eq!(field("k-1001", "firstName").as_deref(), Some("Anna"));
    assert_eq!(
        field("k-1001", "email").as_deref(),
        Some("anna.becker@example.com")
    );
    assert_eq!(field("k-1002", "lastName").as_deref(), Some("Unknown"));
    assert_eq!(
        field("k-1003", "lastName").as_deref(),
        Some("de Vries, Dr.")
    );
    assert_eq!(field("k-1004", "firstName").as_deref(), Some("David"));
    assert_eq!(field("k-1004", "company").as_deref(), Some("Example GmbH"));
    // An empty value is left out, as the connector says.
    assert_eq!(field("k-1004", "phone"), None);
    assert_eq!(bench.books().summary["job"], "spring-cleaning");
}

#[test]
fn an_empty_selection_of_rows_is_a_run_that_is_done() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", "contactId,firstName\n");
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let books = bench.books();
    assert_eq!(books.count("read"), 0);
    assert_eq!(bench.counters().requests.patch, 0);
}

#[test]
fn a_list_of_an_ndjson_record_fills_a_list_field_with_and_without_a_map() {
    let bench = Bench::new("keep_bodies: true");
    let connector = format!(
        "name: tagged\ntitle: Contacts with a list\nbase_url: {url}\n\
         auth: {{grant: client_credentials, token_url: \"{url}/oauth/token\", credentials_in: basic}}\n\
         operations:\n  put:\n    method: PATCH\n    path: \"/api/v2/contacts/{{contactId}}\"\n    \
         key: contactId\n    effect: updated\n    fields: {{tags: {{list: true}}}}\n",
        url = bench.base_url()
    );
    bench.write("tagged.yaml", connector);
    bench.write(
        "people.ndjson",
        "{\"contactId\":\"c-1\",\"tags\":[\"x\",\"y\"]}\n{\"contactId\":\"c-2\",\"tags\":[\"only\"]}\n",
    );
    bench.write(
        "job.yaml",
        "source: {ndjson: people.ndjson}\ntarget: {connector: ./tagged.yaml}\n\
         map: {contactId: contactId, tags: tags}\n",
    );
    for input in [
        &["plan", "job.yaml"][..],
        &["plan", "people.ndjson", "--to", "./tagged.yaml"],
    ] {
        let plan = bench.sluice(input).arguments(["--output", "json"]).run();
        let plan = plan.expect_code(0).json();
        let bodies = [0, 1].map(|sample| plan["samples"][sample]["body"].as_str());
        let wanted = [r#"{"tags":["x","y"]}"#, r#"{"tags":["only"]}"#];
        assert_eq!(bodies, wanted.map(Some), "{plan}");
    }
}

#[test]
fn a_merged_cell_of_a_row_and_what_is_no_such_workbook_are_told() {
    let bench = Bench::new("keep_bodies: true");
    let rows: &[&[Cell<'_>]] = &[
        &[Text("contactId"), Text("firstName")],
        &[Text("c-1"), Text("Ada")],
        &[Text("c-2")],
        &[Text("c-3"), Text("Bob")],
    ];
    let sheet = ("People", rows, &["B2:B3"][..]);
    bench.write("contacts.xlsx", workbook(&[sheet]));
    bench.run("contacts.xlsx", &[]).run().expect_code(1);
    let books = bench.books();
    assert_eq!((books.count("updated"), books.count("rejected")), (2, 1));
    let told = books.rejected[0].get("_message").to_owned();
    assert!(
        told.contains("cell B3 belongs to the merged cells B2 to B3"),
        "{told}"
    );
    bench.write(
        "job.yaml",
        format!(
            "source:\n  xlsx: contacts.xlsx\n  sheet: Peple\n\
             target: {{connector: cxone-contacts, base_url: {}}}\nmap: {{contactId: contactId, firstName: firstName}}\n",
            bench.base_url()
        ),
    );
    bench
        .sluice(&["plan", "job.yaml"])
        .run()
        .expect_code(2)
        .expect_stderr(&[
            "job.yaml:3",
            "no sheet `Peple`; did you mean `People`?",
            "`sheet`",
        ]);
    bench.write("locked.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on");
    bench
        .run("locked.xlsx", &[])
        .run()
        .expect_code(2)
        .expect_stderr(&["protected by a password", "save it as XLSX, without"]);
}
