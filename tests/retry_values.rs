//! The promise of `retry` and of `rejected.csv` about values: what is sent again
//! never takes the place of newer values unasked, and no letter of it is changed
//! by a guess at its encoding.

mod support;

use std::fs;

use support::{Bench, numbered_csv, read_rows};

const HEADER: &str = "contactId,firstName,email,phone";

/// A run of these lines below the header, which has rejected some.
fn run_of(lines: &[&str], flags: &[&str]) -> Bench {
    let bench = Bench::new("{ keep_bodies: true }");
    bench.write("contacts.csv", format!("{HEADER}\n{}\n", lines.join("\n")));
    bench.run("contacts.csv", flags).run().expect_code(1);
    bench
}

/// Puts these rows into `rejected.csv`, each with the line that it stands for.
fn mend(bench: &Bench, rows: &[(&str, u64)]) {
    let path = bench.run_directory().join("rejected.csv");
    let text = fs::read_to_string(&path).expect("readable");
    let header = text.lines().next().expect("a header");
    let rows = rows
        .iter()
        .map(|(own, line)| format!("{own},{line},mended,,,,,\n"));
    fs::write(&path, format!("{header}\n{}", rows.collect::<String>())).expect("written");
}

fn rejected(bench: &Bench) -> Vec<(u64, String)> {
    let books = bench.books();
    let rows = books.rejected.iter();
    rows.map(|row| (row.line(), row.get("_error").to_owned()))
        .collect()
}

#[test]
fn a_mended_row_does_not_take_the_place_of_a_later_one() {
    for choice in ["apply", "last", "first"] {
        let lines = [
            "c-1,Old,old@example.com",
            "c-1,New,new@example.com,+49 151 1",
            "c-2,Late,late@example.com",
        ];
        let bench = run_of(&lines, &["--duplicates", choice]);
        let mended = [
            ("c-1,Old,old@example.com,+49 151 2", 2),
            ("c-2,Late,late@example.com,+49 151 3", 4),
        ];
        mend(&bench, &mended);
        bench.sluice(&["retry"]).run().expect_code(1);
        assert_eq!(bench.field("c-1", "firstName").as_deref(), Some("New"));
        assert_eq!(bench.field("c-2", "firstName").as_deref(), Some("Late"));
        assert_eq!(rejected(&bench), [(2, "superseded".to_owned())], "{choice}");
        let message = bench.books().rejected[0].get("_message").to_owned();
        assert!(message.contains("line 3 has the key \"c-1\""), "{message}");
        // Nor does it the next time.
        bench.sluice(&["retry"]).run().expect_code(1);
        assert_eq!(bench.field("c-1", "firstName").as_deref(), Some("New"));
    }
}

#[test]
fn a_later_row_that_was_mended_itself_stands_in_the_way_too() {
    let lines = [
        "c-1,Old,old@example.com",
        "c-9,Ninth,ninth@example.com",
        "c-3,Third,third@example.com,+49 151 1",
    ];
    let bench = run_of(&lines, &[]);
    // The second one gets the first one's key.
    mend(&bench, &[("c-1,New,new@example.com,+49 151 2", 3)]);
    bench.sluice(&["retry"]).run().expect_code(1);
    let path = bench.run_directory().join("rejected.csv");
    let header = fs::read_to_string(bench.run_directory().join("retry-2.csv")).expect("kept");
    fs::write(&path, header).expect("written");
    mend(&bench, &[("c-1,Old,old@example.com,+49 151 3", 2)]);
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_eq!(bench.field("c-1", "firstName").as_deref(), Some("New"));
    assert_eq!(rejected(&bench), [(2, "superseded".to_owned())]);
}

#[test]
fn rows_rejected_as_duplicates_stay_so() {
    let lines = [
        "c-1,First,first@example.com,+49 151 1",
        "c-1,Second,second@example.com,+49 151 2",
        "c-2,Other,other@example.com",
    ];
    let bench = run_of(&lines, &["--duplicates", "reject"]);
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_eq!(bench.field("c-1", "firstName").as_deref(), Some("First"));
    let errors: Vec<String> = rejected(&bench)
        .into_iter()
        .map(|(_, error)| error)
        .collect();
    assert!(errors.contains(&"duplicate_key".to_owned()), "{errors:?}");
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn what_is_no_utf_8_stays_rejected_by_a_retry() {
    let bench = Bench::new("{ keep_bodies: true }");
    let mut text = numbered_csv(3).replace("Name 2", "Grüße").into_bytes();
    text.extend_from_slice(b"c-4,Caf\x82,cafe@example.com,+49 151 4\n");
    bench.write("contacts.csv", text);
    bench.run("contacts.csv", &[]).run().expect_code(1);
    assert_eq!(rejected(&bench), [(5, "invalid_utf8".to_owned())]);
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_eq!(rejected(&bench), [(5, "invalid_utf8".to_owned())]);
    assert_eq!(bench.field("c-4", "firstName"), None, "it was never sent");
    // Nor is it by a run of its own.
    let path = bench.run_directory().join("rejected.csv");
    bench.write("again.csv", fs::read(path).expect("readable"));
    bench.run("again.csv", &[]).run().expect_code(1);
    assert_eq!(bench.field("c-4", "firstName"), None, "it was never sent");
}

#[test]
fn a_file_of_rejected_rows_is_read_as_it_was_written_whatever_encoding_is_named() {
    let bench = Bench::new("{ keep_bodies: true }");
    let mut text = format!("{HEADER}\n").into_bytes();
    text.extend_from_slice(b"c-1,Gr\xf6\xdfe,size@example.com\n");
    bench.write("contacts.csv", text);
    let named = ["--encoding", "windows-1252"];
    bench.run("contacts.csv", &named).run().expect_code(1);
    mend(&bench, &[("c-1,Größe,size@example.com,+49 151 1", 2)]);
    let path = bench.run_directory().join("rejected.csv");
    assert_eq!(read_rows(&path).len(), 1);
    bench.write("mended.csv", fs::read(path).expect("readable"));
    bench
        .run("mended.csv", &named)
        .run()
        .expect_code(0)
        .expect_stderr(&["encoding UTF-8 (a file of rejected rows"]);
    assert_eq!(bench.field("c-1", "firstName").as_deref(), Some("Größe"));
}

#[test]
fn a_row_that_nobody_has_repaired_keeps_its_reason() {
    let lines = [
        "c-1,Short,short@example.com",
        "c-2,\"Half\" quoted,half@example.com,+49 151 2",
        "c-3,Third,third@example.com,+49 151 3",
    ];
    let bench = run_of(&lines, &[]);
    let reasons = |bench: &Bench| {
        let rows = bench.books().rejected;
        let told = rows.iter().map(|row| {
            let message = row.get("_message").to_owned();
            (row.line(), row.get("_error").to_owned(), message)
        });
        told.collect::<Vec<_>>()
    };
    let first = reasons(&bench);
    bench.sluice(&["retry"]).run().expect_code(1);
    let second = reasons(&bench);
    for ((line, _, before), (same_line, error, message)) in first.iter().zip(&second) {
        assert_eq!((line, error.as_str()), (same_line, "not_repaired"));
        assert!(message.contains(before.as_str()), "{message}");
    }
    assert_eq!(second.len(), 2);
    bench.sluice(&["retry"]).run().expect_code(1);
    assert_eq!(reasons(&bench), second, "the words don't pile up");
}

#[test]
fn a_book_that_is_gone_or_shorter_is_told() {
    let lines = [
        "c-1,One,one@example.com",
        "c-2,Two,two@example.com",
        "c-3,Three,three@example.com",
    ];
    let bench = run_of(&lines, &[]);
    mend(&bench, &[("c-1,One,one@example.com,+49 151 1", 2)]);
    bench
        .sluice(&["retry"])
        .run()
        .expect_code(1)
        .expect_stdout(&["2 rejected rows, taken out of"]);
    fs::remove_file(bench.run_directory().join("rejected.csv")).expect("removed");
    bench
        .sluice(&["retry"])
        .run()
        .expect_code(2)
        .expect_stderr(&["there is no ", "rejected.csv", "Put it back"]);
}
