//! Rows above the bound, and quotes left open before much text.

use super::*;
use crate::record::FlawKind::*;
use crate::source::Spool;

const MEBIBYTE: usize = 1 << 20;

/// A row between two good ones; its second field has `lines` lines that look
/// like rows, and is closed.
fn with_closed_field(lines: usize) -> String {
    let inner: String = (0..lines).map(|line| format!("evil{line},x\n")).collect();
    format!("contactId,firstName\na1,A\na2,\"{inner}\"\na3,B\n")
}

fn kinds(seen: &[Seen]) -> Vec<Result<String, FlawKind>> {
    let first = |seen: &Seen| seen.fields.clone().map(|fields| fields[0].clone());
    seen.iter().map(first).collect()
}

fn expected() -> [Result<String, FlawKind>; 3] {
    [Ok("a1".to_owned()), Err(TooLong), Ok("a3".to_owned())]
}

#[test]
fn the_text_of_a_long_closed_field_never_becomes_rows() {
    let mut sheet = sheet(with_closed_field(110_000));
    for encoding in [encoding_rs::UTF_8, encoding_rs::WINDOWS_1252] {
        sheet.settings.encoding = Some(encoding);
        for read_bytes in [4_000, 4 * MEBIBYTE] {
            let seen = sheet.seen_from(Start::Beginning, read_bytes);
            assert_eq!(kinds(&seen), expected());
            assert_eq!(seen[2].position.line, 110_004);
            assert!(seen[1].raw.len() <= 4096);
            assert_eq!(sheet.count(read_bytes), 3);
            for from in 1..3 {
                assert_eq!(sheet.seen_from(at(&seen[from]), read_bytes), seen[from..]);
            }
        }
    }
}

#[test]
fn a_long_closed_field_is_named_with_its_lines_and_byte() {
    let sheet = sheet(with_closed_field(110_000));
    let mut reader =
        CsvReader::open(&sheet.settings, &sheet.shape(), Start::Beginning).expect("opened");
    let mut flaws = Vec::new();
    while let Some(batch) = reader.next_batch().expect("read") {
        flaws.extend(batch.rows.into_iter().filter_map(|row| row.flaw));
    }
    assert_eq!(
        flaws[0].message,
        "the row is longer than 1048576 bytes (lines 3 to 110003, byte 25); \
         shorten it, or close its quote where the field should end"
    );
}

#[test]
fn the_text_of_a_long_closed_field_of_a_stream_never_becomes_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = std::io::Cursor::new(with_closed_field(110_000));
    let spool = Spool::start(text, &directory.path().join("input.csv")).expect("started");
    let settings = CsvSettings::new(Input::Spool(spool));
    let shape = inspect(&settings).expect("a shape");
    for read_bytes in [4_000, 256 * 1024] {
        let reader = CsvReader::open_with(&settings, &shape, Start::Beginning, read_bytes);
        let seen = all_rows(&mut reader.expect("opened"), &shape);
        assert_eq!(kinds(&seen), expected());
        let mut counter = CsvCounter::open_with(&settings, &shape, read_bytes).expect("opened");
        while !counter.step(1).expect("read").finished {}
        assert_eq!(counter.digest().rows, 3);
    }
}

#[test]
fn a_quoted_field_behind_a_long_plain_one_is_kept_together_too() {
    let long = "x".repeat(2 * MEBIBYTE);
    let sheet = sheet(format!("a,b\n{long},\"evil,1\nevil,2\n\"\n3,4\n"));
    assert_eq!(sheet.fields(), [Err(TooLong), good(["3", "4"])]);
    assert_eq!(sheet.seen()[1].position.line, 5);
}

#[test]
fn a_quote_left_open_before_much_text_costs_one_row() {
    // Long rows: there are fewer of them to look at.
    let plain = "x".repeat(400);
    let rows = 20 * MEBIBYTE / plain.len();
    let mut text = "a,b\n".to_owned();
    for row in 0..rows {
        let quote = if row % 20_000 == 5 { "\"" } else { "" };
        text.push_str(&format!("{row},{quote}{plain}\n"));
    }
    let sheet = sheet(text);
    let seen = sheet.seen();
    assert_eq!(seen.len(), rows);
    let bad: Vec<_> = seen.iter().filter(|seen| seen.fields.is_err()).collect();
    assert_eq!(bad.len(), 3);
    // The first two are closed by the next one, with text behind it.
    assert!(bad.iter().all(|seen| seen.fields == Err(BadQuoting)));
    assert_eq!(sheet.count(256 * 1024), rows as u64);
}

#[test]
fn quotes_left_open_before_quoted_rows_cost_one_row_each() {
    let mut text = "a,b\n".to_owned();
    let rows = 100_000;
    for row in 0..rows {
        let field = if row % 20_000 == 5 {
            "\"open"
        } else {
            "\"shut\""
        };
        text.push_str(&format!("{row},{field}\n"));
    }
    let sheet = sheet(text);
    let seen = sheet.seen();
    assert_eq!(seen.len(), rows);
    assert_eq!(
        seen.iter()
            .filter(|seen| seen.fields == Err(BadQuoting))
            .count(),
        5
    );
}

/// Every line seems to be the middle of a record that ends nowhere; each would
/// be looked through to the end of the input.
#[test]
fn text_made_to_be_looked_through_again_and_again_is_read_in_linear_time() {
    for line in ["b\",\"a\n", "b\",\"a\n,\",\"\n"] {
        let lines = 4 * MEBIBYTE / line.len();
        let mut sheet = sheet(format!("a,b\n\"{}", line.repeat(lines)));
        for encoding in [encoding_rs::UTF_8, encoding_rs::WINDOWS_1252] {
            sheet.settings.encoding = Some(encoding);
            let rows = sheet.count(256 * 1024);
            assert!(rows as usize >= lines, "{rows} of {lines}");
        }
    }
}
