//! Sources other than CSV: workbooks and files of JSON objects.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::{Bench, Cell, Sheet, assert_accounted, wait_until, workbook};

use Cell::{Boolean, Date, Empty, Error, Formula, Number, Padded, Text};

const OPEN: &str = "keep_bodies: true";

/// A file of so many contacts, one JSON object a line.
fn numbered_ndjson(count: u64) -> String {
    let mut text = String::new();
    for number in 1..=count {
        writeln!(
            text,
            r#"{{"contactId":"c-{number}","firstName":"Name {number}","phone":"+49 151 {number:08}"}}"#
        )
        .expect("writing to memory doesn't fail");
    }
    text
}

#[test]
fn of_an_ndjson_file_the_bad_lines_alone_are_rejected_under_their_numbers() {
    let bench = Bench::new(OPEN);
    let long = "x".repeat(2 << 20);
    let lines = [
        r#"{"contactId":"c-1","firstName":"Zoë \"Z\", jr.","phone":"+49 151 00000001"}"#.to_owned(),
        String::new(),
        r#"{"contactId":"c-2","firstName":"#.to_owned(),
        format!(r#"{{"contactId":"c-3","firstName":"{long}"}}"#),
        r#"["c-4"]"#.to_owned(),
        r#"{"contactId":"c-5","company":"two\nlines","lastName":null}"#.to_owned(),
        r#"{"firstName":"nobody"}"#.to_owned(),
        r#"{"contactId":"c-6","firstName":"nul \u0000"}"#.to_owned(),
        r#"{"contactId":"c-7","firstName":7.50}"#.to_owned(),
    ];
    bench.write("contacts.ndjson", lines.join("\r\n"));
    bench.run("contacts.ndjson", &[]).run().expect_code(1);
    let books = bench.books();
    let rejected: Vec<(u64, &str)> = books
        .rejected
        .iter()
        .map(|row| (row.line(), row.get("_error")))
        .collect();
    assert_eq!(
        rejected,
        [
            (3, "bad_record"),
            (4, "bad_record"),
            (5, "bad_record"),
            (7, "missing_key"),
            (8, "bad_record"),
        ]
    );
    assert!(books.rejected[0].get("_message").contains("line 3"));
    let shown = |row: usize| {
        let row = &books.rejected[row];
        (row.get("contactId"), row.get("firstName"))
    };
    assert_eq!(shown(0), ("c-2", ""));
    assert_eq!(shown(1), ("c-3", ""));
    assert_eq!(shown(2), (r#"["c-4"]"#, ""));
    assert_eq!(shown(4), ("c-6", "nul \0"));
    assert_eq!((books.count("read"), books.count("updated")), (8, 3));
    assert_accounted(&books.summary["counts"]);
    let field = |id, name| bench.field(id, name);
    assert_eq!(field("c-1", "firstName").as_deref(), Some("Zoë \"Z\", jr."));
    assert_eq!(field("c-5", "company").as_deref(), Some("two\nlines"));
    assert_eq!(field("c-7", "firstName").as_deref(), Some("7.50"));
    let staged = bench.run_directory().join("staged.csv");
    let mode = fs::metadata(staged)
        .expect("a staged file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_was_rejected_is_sent_again_once_it_is_repaired() {
    let bench =
        Bench::new("contacts: {existing: {numbered: {prefix: c-, count: 3}}}\nkeep_bodies: true");
    let text = "{\"contactId\":\"c-1\",\"firstName\":\"a\"}\n\n{\"contactId\":\"c-9\",\"firstName\":\"b\"}\nnonsense\n";
    bench.write("contacts.jsonl", text);
    bench.run("contacts.jsonl", &[]).run().expect_code(1);
    let path = bench.run_directory().join("rejected.csv");
    let books = bench.books();
    let lines: BTreeSet<u64> = books.rejected.iter().map(|row| row.line()).collect();
    assert_eq!(lines, BTreeSet::from([3, 4]));
    // As it stands, the line that is no record is refused again.
    let book = fs::read_to_string(&path).expect("a book");
    fs::write(&path, book.replace("c-9", "c-2")).expect("written");
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_eq!(bench.field("c-2", "firstName").as_deref(), Some("b"));
    let books = bench.books();
    assert_eq!((books.count("updated"), books.count("rejected")), (2, 1));
}

/// The rows of the run's reject file, with their repairs; what asks for one is
/// taken out of them.
fn repaired(bench: &Bench, repairs: &[(&str, &str)]) -> String {
    let book = fs::read(bench.run_directory().join("rejected.csv")).expect("a book");
    let mut text = String::new();
    for line in String::from_utf8_lossy(&book).lines() {
        let (row, _) = line
            .split_once(",repair this row before loading it")
            .unwrap_or((line, ""));
        text.push_str(row);
        text.push('\n');
    }
    for (wrong, right) in repairs {
        assert!(text.contains(wrong), "no {wrong} in {text}");
        text = text.replace(wrong, right);
    }
    text
}

/// The rejected rows of the last run stand under their own columns: as they are
/// they are refused again, and repaired they are loaded.
#[track_caller]
fn assert_loads_again(bench: &Bench, rows: u64, repairs: &[(&str, &str)]) {
    let book = bench.run_directory().join("rejected.csv");
    let repaired = repaired(bench, repairs);
    bench.write("again.csv", fs::read(book).expect("a book"));
    bench.write("repaired.csv", repaired);
    for (file, code, count) in [("again.csv", 1, "rejected"), ("repaired.csv", 0, "updated")] {
        let ended = bench.run(file, &["--output", "json"]).run();
        let summary = ended.expect_code(code).json();
        assert_eq!(summary["counts"]["read"], rows, "{file}");
        assert_eq!(summary["counts"][count], rows, "{file}");
    }
}

#[test]
fn lines_that_are_no_records_stand_under_their_columns_and_load_again_once_repaired() {
    let bench = Bench::new(OPEN);
    let lines: [&[u8]; 6] = [
        br#"{"contactId":"c-1","firstName":"whole","company":"Ltd, Inc"}"#,
        br#"{"contactId":"c-2","firstName":"cut off","company":"#,
        b"{\"contactId\":\"c-3\",\"firstName\":\"M\xfcller\",\"company\":\"\xe4\xb8\xad\"}",
        br#"{"contactId":"c-4","firstName":"nul\u0000","company":"\"quoted\""}"#,
        br#"{"contactId":"c-5","firstName":"twice","firstName":"once"}"#,
        br#"{"contactId":"c-6","firstName":"half","company":"\ud83d"}"#,
    ];
    let long = "x".repeat(2 << 20);
    let long = format!(r#"{{"contactId":"c-7","firstName":"long","company":"{long}"}}"#);
    let mut text = lines.join(&b'\n');
    text.push(b'\n');
    text.extend_from_slice(long.as_bytes());
    bench.write("contacts.ndjson", text);
    bench.run("contacts.ndjson", &[]).run().expect_code(1);
    let repairs = [("M\u{fffd}ller", "Müller"), ("nul\0", "nul")];
    assert_loads_again(&bench, 6, &repairs);
    let field = |id, name| bench.field(id, name).unwrap_or_default();
    assert_eq!(field("c-2", "firstName"), "cut off");
    assert_eq!(field("c-3", "firstName"), "Müller");
    assert_eq!(field("c-3", "company"), "中");
    assert_eq!(field("c-4", "firstName"), "nul");
    assert_eq!(field("c-4", "company"), "\"quoted\"");
    assert_eq!(field("c-5", "firstName"), "twice");
    assert_eq!(field("c-6", "firstName"), "half");
    assert_eq!(field("c-7", "firstName"), "long");
}

#[test]
fn nested_members_and_lists_are_columns_for_the_map() {
    let bench = Bench::new(OPEN);
    bench.write(
        "people.ndjson",
        "{\"id\":\"c-1\",\"name\":{\"first\":\"Ada\"},\"mails\":[{\"value\":\"a@example.com\"}],\"tags\":\"[x]\"}\n\
         {\"id\":\"c-2\",\"name\":{\"first\":\"Bob\"}}\n\
         {\"id\":\"c-3\",\"tags\":[\"x\"]}\n{\"id\":[\"c-4\"],\"name\":{\"first\":\"Eve\"}}\n",
    );
    bench.write(
        "job.yaml",
        format!(
            "source: {{ndjson: people.ndjson}}\n\
             target: {{connector: cxone-contacts, base_url: {}}}\n\
             map:\n  contactId: id\n  firstName: name.first\n  email: mails.0.value\n  \
             company: tags\n  lastName: name.last\n",
            bench.base_url()
        ),
    );
    let ended = bench.sluice(&["run", "job.yaml"]).run().expect_code(1);
    ended.expect_stderr(&["no record has `name.last`"]);
    let told: Vec<String> = bench
        .books()
        .rejected
        .iter()
        .map(|row| format!("{} {}", row.get("_error"), row.get("_field")))
        .collect();
    assert_eq!(told, ["not_one_value company", "not_one_value contactId"]);
    let field = |id, name| bench.field(id, name);
    assert_eq!(field("c-1", "firstName").as_deref(), Some("Ada"));
    assert_eq!(field("c-1", "email").as_deref(), Some("a@example.com"));
    assert_eq!(field("c-1", "company").as_deref(), Some("[x]"));
    assert_eq!(field("c-2", "firstName").as_deref(), Some("Bob"));
    assert_eq!(field("c-2", "email"), None);
}

#[test]
fn a_sheet_arrives_as_it_is_shown() {
    let bench = Bench::new(OPEN);
    let header: &[Cell<'_>] = &[
        Text("contactId"),
        Text(" firstName "),
        Text("phone"),
        Text("company"),
    ];
    let rows: &[&[Cell<'_>]] = &[
        &[],
        header,
        &[
            Text("c-1"),
            Text("Zoë & <Co>"),
            Number("491511234567"),
            Date("45943"),
        ],
        &[],
        &[
            Text("c-2"),
            Number("0.30000000000000004"),
            Empty,
            Boolean(true),
        ],
        &[Text("c-3"), Error("#N/A")],
        &[Text("c-4"), Text("x"), Empty, Empty, Text("stray")],
        &[
            Text("c-5"),
            Text("two\nlines"),
            Number("4012888888881881123"),
        ],
        &[Text("c-6"), Formula("A1&amp;B1")],
    ];
    let notes: &[&[Cell<'_>]] = &[&[Text("not this one")]];
    let file = workbook(&[("People", rows, &[]), ("Notes", notes, &[])]);
    bench.write("contacts.xlsx", file);
    let ended = bench.run("contacts.xlsx", &[]).run().expect_code(1);
    ended.expect_stderr(&["sheet People"]);
    let books = bench.books();
    let rejected: Vec<(u64, &str)> = books
        .rejected
        .iter()
        .map(|row| (row.line(), row.get("_message")))
        .collect();
    assert_eq!(rejected.len(), 4, "{rejected:?}");
    for ((line, message), (wanted_line, wanted)) in rejected.iter().zip([
        (6, "cell B6 holds the error #N/A"),
        (7, "cell E7 stands in a column without a name"),
        (8, "cell C8 holds the number"),
        (9, "cell B9 holds a formula without its result"),
    ]) {
        assert_eq!(*line, wanted_line);
        assert!(message.contains(wanted), "{message}");
    }
    let field = |id, name| bench.field(id, name);
    assert_eq!(field("c-1", "firstName").as_deref(), Some("Zoë & <Co>"));
    assert_eq!(field("c-1", "phone").as_deref(), Some("491511234567"));
    assert_eq!(field("c-1", "company").as_deref(), Some("2025-10-13"));
    assert_eq!(field("c-2", "firstName").as_deref(), Some("0.3"));
    assert_eq!(field("c-2", "company").as_deref(), Some("true"));
    assert_eq!((books.count("read"), books.count("updated")), (6, 2));
    let repairs = [("#N/A", "Ann"), ("4012888888881880000", "+49 151 7")];
    assert_loads_again(&bench, 4, &repairs);
    assert_eq!(field("c-3", "firstName").as_deref(), Some("Ann"));
    assert_eq!(field("c-4", "firstName").as_deref(), Some("x"));
    assert_eq!(field("c-5", "firstName").as_deref(), Some("two\nlines"));
    assert_eq!(field("c-5", "phone").as_deref(), Some("+49 151 7"));
}

#[test]
fn zeros_that_a_format_shows_and_cells_left_of_the_header_are_no_loss() {
    let bench = Bench::new(OPEN);
    let rows: &[&[Cell<'_>]] = &[
        &[Empty, Text("contactId"), Text("firstName"), Text("company")],
        &[Empty, Text("c-1"), Padded("1067"), Padded("123456")],
        &[Empty, Padded("42"), Padded("1.5"), Text("x")],
        &[Text("stray"), Text("c-3"), Text("x"), Text("y")],
        &[Empty, Text("c-4"), Number("1067"), Empty],
    ];
    bench.write("contacts.xlsx", workbook(&[("People", rows, &[])]));
    bench.run("contacts.xlsx", &[]).run().expect_code(1);
    let books = bench.books();
    let rejected: Vec<(u64, &str)> = (books.rejected.iter())
        .map(|row| (row.line(), row.get("_message")))
        .collect();
    assert_eq!(
        rejected,
        [(
            4,
            "cell A4 stands in a column without a name; name it, or empty the cell"
        )]
    );
    let field = |id, name| bench.field(id, name);
    assert_eq!(field("c-1", "firstName").as_deref(), Some("01067"));
    assert_eq!(field("c-1", "company").as_deref(), Some("123456"));
    assert_eq!(field("00042", "firstName").as_deref(), Some("1.5"));
    assert_eq!(field("c-4", "firstName").as_deref(), Some("1067"));
}

#[test]
fn a_sheet_is_chosen_by_its_name_and_its_header_must_name_every_column() {
    let bench = Bench::new(OPEN);
    let good: &[&[Cell<'_>]] = &[
        &[Text("contactId"), Text("firstName")],
        &[Text("c-1"), Text("Ada")],
    ];
    let gap: &[&[Cell<'_>]] = &[&[Text("contactId"), Empty, Text("firstName")]];
    let twice: &[&[Cell<'_>]] = &[&[Text("contactId"), Text("contactId")]];
    let sheets: [Sheet<'_>; 5] = [
        ("Gap", gap, &[]),
        ("Merged", good, &["A1:B1"]),
        ("Twice", twice, &[]),
        ("Nothing", &[], &[]),
        ("Contacts", good, &[]),
    ];
    bench.write("book.xlsx", workbook(&sheets));
    let job = |sheet: &str| {
        bench.write(
            "job.yaml",
            format!(
                "source: {{xlsx: book.xlsx, sheet: {sheet}}}\n\
                 target: {{connector: cxone-contacts, base_url: {}}}\n",
                bench.base_url()
            ),
        );
        bench.sluice(&["run", "job.yaml"]).run()
    };
    for (sheet, told) in [
        ("Gap", "the cell B1 is empty"),
        ("Merged", "the cells A1 to B1 are merged"),
        ("Twice", "both say `contactId`"),
        ("Nothing", "is empty"),
        ("Contact", "did you mean `Contacts`"),
    ] {
        job(sheet)
            .expect_code(2)
            .expect_stderr(&["book.xlsx", told]);
    }
    assert!(bench.runs().is_empty(), "nothing was begun");
    job("Contacts").expect_code(0);
    assert_eq!(bench.field("c-1", "firstName").as_deref(), Some("Ada"));
}

#[test]
fn what_only_looks_like_such_a_file_is_told_before_any_request() {
    let bench = Bench::new(OPEN);
    bench.write("list.ndjson", "[\n{\"contactId\":\"c-1\"}\n]\n");
    bench.write("pretty.ndjson", "{\n  \"contactId\": \"c-1\"\n}\n");
    bench.write("nothing.ndjson", "\n\n");
    bench.write("words.ndjson", "hello\nworld\n");
    bench.write("words.xlsx", "contactId\nc-1\n");
    for (file, told) in [
        ("list.ndjson", "a JSON list"),
        ("pretty.ndjson", "JSON over several lines"),
        ("nothing.ndjson", "is empty"),
        ("words.ndjson", "line 1: it isn't JSON"),
        ("words.xlsx", "can't be read as a workbook"),
    ] {
        bench
            .run(file, &[])
            .run()
            .expect_code(2)
            .expect_stderr(&[file, told]);
        bench
            .plan(file, &[])
            .run()
            .expect_code(2)
            .expect_stderr(&[file, told]);
    }
    assert_eq!(bench.counters().contacts_written, 0);
    assert!(bench.runs().is_empty());
}

#[test]
fn a_killed_run_goes_on_from_the_copy_unless_the_file_has_changed() {
    let bench = Bench::new("latency: {median: 20ms}\nkeep_bodies: true");
    bench.write("contacts.ndjson", numbered_ndjson(3_000));
    let mut run = bench
        .run("contacts.ndjson", &["--concurrency", "8"])
        .start();
    run.wait_while_running("some contacts are written", || {
        bench.counters().contacts_written > 200
    });
    run.kill();
    bench.write("contacts.ndjson", numbered_ndjson(2_999));
    bench
        .resume()
        .expect_code(2)
        .expect_stderr(&["the input has changed", "contacts.ndjson"]);
    bench.write("contacts.ndjson", numbered_ndjson(3_000));
    bench.resume().expect_code(0);
    let books = bench.books();
    assert_eq!(
        (books.count("read"), books.count("updated")),
        (3_000, 3_000)
    );
    assert_accounted(&books.summary["counts"]);
    let written: BTreeSet<String> = bench.ledger().applies.keys().cloned().collect();
    assert_eq!(written.len(), 3_000);
}

#[test]
fn plan_and_guess_read_such_files_and_leave_nothing_behind() {
    let bench = Bench::new(OPEN);
    bench.write("contacts.ndjson", numbered_ndjson(40));
    let rows: &[&[Cell<'_>]] = &[
        &[Text("contactId"), Text("First Name")],
        &[Text("c-1"), Text("Ada")],
    ];
    bench.write("contacts.xlsx", workbook(&[("Sheet1", rows, &[])]));
    let temporary = bench.folder().join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    let temporary_text = temporary.to_str().expect("a path in UTF-8");
    let plan = bench
        .plan("contacts.ndjson", &["--output", "json"])
        .environment("TMPDIR", temporary_text)
        .run()
        .expect_code(0)
        .json();
    assert_eq!(plan["rows"], 40);
    assert_eq!(plan["input"], "contacts.ndjson");
    assert_eq!(
        plan["columns"],
        serde_json::json!(["contactId", "firstName", "phone"])
    );
    bench
        .sluice(&["guess", "contacts.xlsx", "--to", "cxone-contacts"])
        .environment("TMPDIR", temporary_text)
        .run()
        .expect_code(0)
        .expect_stdout(&["source: {xlsx: contacts.xlsx}", "firstName: \"First Name\""]);
    wait_until("the temporary folder is empty", || {
        fs::read_dir(&temporary).expect("a folder").next().is_none()
    });
    assert_eq!(bench.counters().contacts_written, 0);
}
