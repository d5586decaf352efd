//! How an input is written is found out, said once, and never mangled.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::*;
use crate::error::ExitStatus;

const TEXT: &str = "id,name\r\n1,Müller\r\n2,\"Łódź, „Süd“\"\r\n";

fn utf_16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn expect_text(content: &[u8], encoding: &'static Encoding, bom: bool) -> CsvShape {
    let sheet = sheet(content);
    let shape = sheet.shape();
    assert_eq!((shape.encoding, shape.bom), (encoding, bom));
    assert_eq!(
        sheet.fields(),
        [good(["1", "Müller"]), good(["2", "Łódź, „Süd“"])]
    );
    assert_eq!(sheet.count(17), 2);
    shape
}

#[test]
fn unicode_is_read_with_and_without_its_mark() {
    let shape = expect_text(TEXT.as_bytes(), UTF_8, false);
    assert_eq!(shape.notices, [""; 0]);
    let with_mark = ["\u{feff}", TEXT].concat();
    let shape = expect_text(with_mark.as_bytes(), UTF_8, true);
    assert_eq!(shape.first_row, Position { byte: 12, line: 2 });
    assert!(shape.can_seek());
    for (text, bom) in [(TEXT, false), (&with_mark, true)] {
        let shape = expect_text(&utf_16(text, u16::to_le_bytes), UTF_16LE, bom);
        assert!(!shape.can_seek());
        assert!(shape.notices[0].contains("UTF-16LE"), "{:?}", shape.notices);
        expect_text(&utf_16(text, u16::to_be_bytes), UTF_16BE, bom);
    }
}

#[test]
fn windows_1252_is_decoded_and_announced() {
    let sheet = sheet(b"id;name\n1;M\xfcller\n2;Stra\xdfe \x80 5 \x96 \xc4\xd6\xdc\n");
    let shape = sheet.shape();
    assert_eq!(shape.encoding, WINDOWS_1252);
    assert_eq!(
        shape.notices,
        [
            "encoding Windows-1252 (no byte order mark)",
            "delimiter ';'"
        ]
    );
    assert_eq!(
        sheet.fields(),
        [good(["1", "Müller"]), good(["2", "Straße € 5 – ÄÖÜ"])]
    );
}

#[test]
fn utf_8_with_a_few_damaged_rows_stays_utf_8() {
    let mut rows = "id,name\n".to_owned().into_bytes();
    for row in 1..=300 {
        let name: &[u8] = if row == 40 { b"M\xfcller" } else { b"Smith" };
        rows.extend(format!("{row},").bytes());
        rows.extend(name);
        rows.push(b'\n');
    }
    let damaged = sheet(&rows);
    let shape = damaged.shape();
    assert_eq!(shape.encoding, UTF_8);
    assert!(shape.notices[0].contains("line 41"), "{:?}", shape.notices);
    let flawed: Vec<_> = damaged
        .seen()
        .into_iter()
        .filter(|seen| seen.fields.is_err())
        .collect();
    assert_eq!(flawed.len(), 1);
    assert_eq!(
        (flawed[0].row, flawed[0].fields.clone()),
        (40, Err(FlawKind::InvalidUtf8))
    );

    for content in [
        b"id,name\n1,caf\xc3\xa9\n2,M\xfcller\n".to_vec(),
        b"id,name\n1,\xc3(\n2,\xff\xfe\n".to_vec(),
        b"id,name\n1,abc\xc3(\n".to_vec(),
        b"a,b\n\0".to_vec(),
    ] {
        assert_eq!(sheet(content).shape().encoding, UTF_8);
    }
}

#[test]
fn a_mark_wins_over_what_was_set_and_what_was_set_over_a_guess() {
    let mut marked = sheet(["\u{feff}", TEXT].concat());
    marked.settings.encoding = Some(WINDOWS_1252);
    assert_eq!(marked.shape().encoding, UTF_8);
    let mut plain = sheet(b"id,name\n1,M\xc3\xbcller\n");
    plain.settings.encoding = Some(WINDOWS_1252);
    assert_eq!(plain.fields(), [good(["1", "MÃ¼ller"])]);
}

#[test]
fn what_an_encoding_cannot_explain_rejects_its_row_and_mangles_nothing() {
    let mut content = utf_16("\u{feff}id,name\n1,a", u16::to_le_bytes);
    content.extend([0x00, 0xd8]);
    content.extend(utf_16("b\n2,c\n", u16::to_le_bytes));
    assert_eq!(
        sheet(content).fields(),
        [Err(FlawKind::InvalidUtf8), good(["2", "c"])]
    );
}

#[test]
fn the_delimiter_is_found_by_header_and_rows_together() {
    for (content, delimiter) in [
        ("a,b\n1,2\n", ','),
        ("a;b\n1,5;2,5\n", ';'),
        ("a\tb\n1,5\t2;5\n", '\t'),
        ("a|b\n1|2\n", '|'),
        ("\"a,b\";c\n1;2\n", ';'),
        ("id;\"x, y, z\";n\n1;\"1, 2\";3\n", ';'),
        ("id,first|last,mail\n1,a|b,c\n", ','),
        ("only\nx\n", ','),
    ] {
        assert_eq!(sheet(content).shape().delimiter, delimiter, "{content:?}");
    }
    let mut forced = sheet("a;b\n1;2\n");
    forced.settings.delimiter = Some(',');
    let shape = forced.shape();
    assert_eq!(shape.header, ["a;b"]);
    assert_eq!(
        shape.notices,
        ["one column only with delimiter ','; ';' would give more"]
    );
}

#[test]
fn excels_own_first_line_names_the_delimiter() {
    let sheet = sheet("sep=|\r\na|b\r\n1,5|2\r\n");
    let shape = sheet.shape();
    assert_eq!((shape.delimiter, shape.header.len()), ('|', 2));
    assert_eq!(shape.first_row, Position { byte: 12, line: 3 });
    assert_eq!(sheet.fields(), [good(["1,5", "2"])]);
    assert_eq!(sheet.count(20), 1);
}

#[test]
fn every_line_end_is_read_and_blank_lines_are_no_rows() {
    for (content, positions) in [
        ("a,b\n1,2\n\n3,4", [(4, 2), (9, 4)]),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n\r\n", [(5, 2), (12, 4)]),
        ("a,b\r1,2\r\r3,4\r", [(4, 2), (9, 4)]),
        ("\na,b\n1,2\n3,4\r", [(5, 3), (9, 4)]),
    ] {
        let sheet = sheet(content);
        let seen = sheet.seen();
        let places: Vec<_> = seen
            .iter()
            .map(|seen| (seen.position.byte, seen.position.line))
            .collect();
        assert_eq!(places, positions, "{content:?}");
        assert_eq!(
            sheet.fields(),
            [good(["1", "2"]), good(["3", "4"])],
            "{content:?}"
        );
    }
}

#[test]
fn quoted_line_breaks_are_data_and_are_counted() {
    let sheet = sheet("a,b\n\"1\n\",\"x\r\ny\"\"z\"\n2,5\" pipe\n\"\",\"\"\n");
    let seen = sheet.seen();
    assert_eq!(
        sheet.fields(),
        [
            good(["1\n", "x\r\ny\"z"]),
            good(["2", "5\" pipe"]),
            good(["", ""])
        ]
    );
    assert_eq!(
        seen.iter()
            .map(|seen| seen.position.line)
            .collect::<Vec<_>>(),
        [2, 5, 6]
    );
}

#[test]
fn a_header_alone_is_no_error() {
    for content in ["a,b", "a,b\n", "a,b\r\n\r\n"] {
        let sheet = sheet(content);
        assert!(sheet.seen().is_empty());
        assert_eq!(sheet.count(16), 0);
    }
}

#[test]
fn what_cannot_be_loaded_is_refused_with_exit_2_and_what_to_do() {
    let workbook = sheet(b"PK\x03\x04rest");
    let directory = workbook.path.parent().expect("a parent").to_path_buf();
    let elsewhere = |path| inspect(&CsvSettings::new(Input::File(path))).expect_err("refused");
    for (refusal, words) in [
        (sheet("").refusal(), "is empty"),
        (sheet("\u{feff}\n\r\n").refusal(), "is empty"),
        (workbook.refusal(), "XLSX"),
        (
            sheet("id,name,id\n").refusal(),
            "`id` twice: columns 1 and 3",
        ),
        (sheet("id, id\n").refusal(), "`id` twice"),
        (sheet("id,,name\n1,2,3\n").refusal(), "no name for column 2"),
        (sheet("id,\"name\n1,2\n").refusal(), "never closed"),
        (sheet(b"id,na\xffme\n1,2\n").refusal(), "0xff"),
        (elsewhere(directory.join("missing.csv")), "missing.csv"),
        (elsewhere(directory), "is a directory"),
    ] {
        assert!(
            refusal.to_string().contains(words),
            "{refusal} lacks {words:?}"
        );
        let fatal = refusal.into_fatal();
        assert_eq!(fatal.exit_status(), ExitStatus::Usage);
        assert!(!fatal.hint.is_empty(), "{fatal} has no hint");
    }
    for delimiter in ['"', '\n', '§'] {
        let mut odd = sheet("a,b\n");
        odd.settings.delimiter = Some(delimiter);
        assert!(matches!(odd.refusal(), SourceError::BadDelimiter { .. }));
    }
}
