//! A flaw rejects its row alone.

use super::*;
use crate::record::FlawKind::*;

const MEBIBYTE: usize = 1 << 20;

#[test]
fn each_kind_of_flaw_rejects_one_row_and_the_rest_goes_on() {
    for (bad, kind) in [
        ("7", TooFewFields),
        ("7,8,9", TooManyFields),
        ("\"7\"8,9", BadQuoting),
        ("7,\"8", BadQuoting),
        ("7,\"8\" ", BadQuoting),
        ("7,\0", Nul),
    ] {
        let sheet = sheet(format!("a,b\n1,2\n{bad}\n3,4\n5,\"6\"\n"));
        assert_eq!(
            sheet.fields(),
            [
                good(["1", "2"]),
                Err(kind),
                good(["3", "4"]),
                good(["5", "6"])
            ],
            "{bad:?}"
        );
        assert_eq!(sheet.seen()[1].raw, bad.as_bytes());
        assert_eq!(sheet.seen()[2].position.line, 4);
    }
}

#[test]
fn a_quote_never_closed_before_a_later_quoted_field_costs_its_own_line_only() {
    let sheet = sheet("a,b\n1,\"open\n2,\"x\"\n\"3\",\"y\nz\"\n");
    assert_eq!(
        sheet.fields(),
        [Err(BadQuoting), good(["2", "x"]), good(["3", "y\nz"])]
    );
}

#[test]
fn a_flaw_names_line_and_byte() {
    let sheet = sheet(b"a,b\n1,2\n\"x\ny\",c\xff(\n3\n");
    let shape = sheet.shape();
    let mut reader = CsvReader::open(&sheet.settings, &shape, Start::Beginning).expect("opened");
    let batch = reader.next_batch().expect("read").expect("a batch");
    let mut fields = Fields::default();
    let mut flaw_of = |index: usize| {
        let row = &batch.rows[index];
        let raw = &batch.buffer[row.start..row.end];
        split(raw, row.position, shape.dialect(), 2, &mut fields).expect_err("flawed")
    };
    let flaw = flaw_of(1);
    assert_eq!((flaw.kind, flaw.byte), (InvalidUtf8, 15));
    assert!(flaw.message.contains("line 4, byte 15"), "{}", flaw.message);
    let flaw = flaw_of(2);
    assert!(
        flaw.message
            .starts_with("the row has 1 field, the header has 2 (line 5"),
        "{flaw:?}"
    );
}

#[test]
fn a_huge_row_is_dropped_in_bounded_memory() {
    let huge = "x".repeat(2 * MEBIBYTE);
    let sheet = sheet(format!(
        "a,b\n1,{huge}\n2,\"{huge}\n3,ok\n\"{huge}\",5\n6,7\n"
    ));
    for read_bytes in [4_000, 256 * 1024, 8 * MEBIBYTE] {
        let seen = sheet.seen_from(Start::Beginning, read_bytes);
        let fields: Vec<_> = seen.iter().map(|seen| seen.fields.clone()).collect();
        assert_eq!(
            fields,
            [
                Err(TooLong),
                Err(TooLong),
                good(["3", "ok"]),
                Err(TooLong),
                good(["6", "7"])
            ]
        );
        assert!(seen.iter().all(|seen| seen.raw.len() <= 4096));
        assert_eq!(
            seen.iter()
                .map(|seen| seen.position.line)
                .collect::<Vec<_>>(),
            [2, 3, 4, 5, 6]
        );
        assert_eq!(sheet.count(read_bytes), 5);
    }
}

#[test]
fn the_bound_on_a_row_is_the_same_at_any_buffer_size() {
    for surplus in [0_i64, 1, 2] {
        for (before, after) in [("1,", ""), ("1,\"", "\""), ("1,\"\n", "\""), ("1,\"\n", "")] {
            for line_end in ["\n", "\r\n", ""] {
                let framed = before.len() + after.len();
                let inner = usize::try_from((MEBIBYTE - framed) as i64 + surplus).expect("small");
                let text = format!("a,b\n{before}{}{after}{line_end}", "x".repeat(inner));
                let sheet = sheet(text + if line_end.is_empty() { "" } else { "2,3\n" });
                let seen = sheet.seen_from(Start::Beginning, 100_003);
                assert_eq!(seen, sheet.seen_from(Start::Beginning, 2 * MEBIBYTE));
                let is_closed = before.len() == 2 || !after.is_empty();
                if is_closed {
                    assert_eq!(seen[0].fields.is_ok(), surplus <= 0, "{surplus} {before:?}");
                }
            }
        }
    }
}

#[test]
fn a_quote_left_open_in_a_large_file_costs_one_row() {
    let mut text = "a,b\n1,\"open\n".to_owned();
    let rows: u64 = 70_000;
    for row in 0..rows {
        text.push_str(&format!("{row},some more text\n"));
    }
    let seen = sheet(text).seen();
    assert_eq!(seen.len() as u64, rows + 1);
    assert_eq!(seen.iter().filter(|seen| seen.fields.is_err()).count(), 1);
}

/// Every line of these opens and closes quotes so that it looks like the middle
/// of one record without end. Scanned anew from each line they would take
/// minutes.
#[test]
fn text_made_to_be_scanned_again_and_again_is_read_in_linear_time() {
    for line in ["b\",\"a\n", "b\",\"a\n,\",\"\n", "\",\"\n"] {
        let text = format!("a,b\n\"{}", line.repeat(2 * MEBIBYTE / line.len()));
        let sheet = sheet(&text);
        let started = std::time::Instant::now();
        let rows = sheet.count(256 * 1024);
        assert!(
            started.elapsed().as_secs() < 20,
            "{line:?} took {:?}",
            started.elapsed()
        );
        assert!(rows > 0);
    }
}
