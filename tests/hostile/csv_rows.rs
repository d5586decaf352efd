//! Rows of CSV text: against the `csv` crate, at every border of the reader's
//! buffer, from every start, and with every byte accounted for.

use std::fs;

use sluice::record::{Fields, FlawKind, Position, RowId};
use sluice::source::Source;
use sluice::source::csv::{
    CsvCounter, CsvReader, CsvSettings, CsvShape, Input, Start, Terminator, inspect, split,
};
use tempfile::TempDir;

use crate::corpus;
use crate::hunt::Hunt;

/// The reader's buffer; text is moved so that this border falls into it.
const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) const WORDS: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"|",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"sep=;\n",
    b"sep=\r\r\n",
    b"\",\"",
    b"\"\r",
    b"\"\n",
    b"\"x",
    b"x\"",
    b",\"",
    b"\n\n",
    b"\xc3\xa4",
    b"\xe4",
    b"\xf0\x9f\x98\x80",
    b"\xe2\x80",
    b"a",
    b" ",
    b"\x1a",
];

/// One row, as its users see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) row: u64,
    pub(crate) position: Position,
    pub(crate) raw: Vec<u8>,
    pub(crate) fields: Result<Vec<String>, FlawKind>,
}

/// A CSV file for the length of a check.
pub(crate) struct Sheet {
    _folder: TempDir,
    pub(crate) settings: CsvSettings,
}

impl Sheet {
    pub(crate) fn new(content: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("input.csv");
        fs::write(&path, content).expect("written");
        Self {
            _folder: folder,
            settings: CsvSettings::new(Input::File(path)),
        }
    }

    pub(crate) fn rows(&self, shape: &CsvShape, start: Start) -> Vec<Row> {
        let mut reader = CsvReader::open(&self.settings, shape, start).expect("opened");
        let mut rows = Vec::new();
        let mut fields = Fields::default();
        while let Some(batch) = reader.next_batch().expect("read") {
            for row in &batch.rows {
                let raw = &batch.buffer[row.start..row.end];
                let parts = shape.header.len();
                let fields = match &row.flaw {
                    Some(flaw) => Err(flaw.kind),
                    None => split(raw, row.position, shape.dialect(), parts, &mut fields)
                        .map(|()| fields.iter().map(str::to_owned).collect())
                        .map_err(|flaw| flaw.kind),
                };
                rows.push(Row {
                    row: row.row.0,
                    position: row.position,
                    raw: raw.to_vec(),
                    fields,
                });
            }
        }
        rows
    }

    /// Rows are numbered without gaps, their positions are true, what stands
    /// between them is line ends alone, and the counter counts the same.
    pub(crate) fn hold_to_rules(&self, shape: &CsvShape, text: &[u8]) -> Vec<Row> {
        let rows = self.rows(shape, Start::Beginning);
        let mut counter = CsvCounter::open(&self.settings, shape).expect("opened");
        while !counter.step(u64::MAX).expect("counted").finished {}
        assert_eq!(
            counter.digest().rows,
            rows.len() as u64,
            "reader and counter"
        );
        let line_end = shape.terminator.byte();
        let mut accounted = place(shape.first_row);
        let mut lines = shape.first_row.line;
        for (number, row) in (1..).zip(&rows) {
            let start = place(row.position);
            assert_eq!(row.row, number);
            assert!(start >= accounted, "row {number} overlaps the one before");
            assert!(
                only_line_ends(&text[accounted..start]),
                "bytes lost before row {number}"
            );
            lines += count(line_end, &text[accounted..start]);
            assert_eq!(row.position.line, lines, "the line of row {number}");
            assert_eq!(
                text[start..start + row.raw.len()],
                row.raw,
                "the text of row {number}"
            );
            assert!(!row.raw.is_empty(), "row {number} is empty");
            lines += count(line_end, &row.raw);
            accounted = start + row.raw.len();
        }
        assert!(only_line_ends(&text[accounted..]), "bytes lost at the end");
        rows
    }

    /// Reading on from a row gives what reading through gave.
    pub(crate) fn resume_everywhere(&self, shape: &CsvShape, rows: &[Row]) {
        let step = rows.len() / 4 + 1;
        for from in (0..rows.len())
            .step_by(step)
            .chain(rows.len().checked_sub(1))
        {
            let start = Start::At(RowId(rows[from].row), rows[from].position);
            assert_eq!(
                self.rows(shape, start),
                rows[from..],
                "resumed at row {}",
                from + 1
            );
        }
    }
}

/// Where both readers call the text valid they read the same. The `csv` crate
/// is lenient, so it is followed up to the first row with bad quoting only.
pub(crate) fn agree_with_the_csv_crate(shape: &CsvShape, text: &[u8], rows: &[Row]) {
    let body = &text[place(shape.first_row)..];
    let lone_return = body
        .iter()
        .enumerate()
        .any(|(at, &byte)| byte == b'\r' && body.get(at + 1) != Some(&b'\n'));
    // To the crate a return alone ends a line too, and a mark may stand here.
    if shape.terminator == Terminator::LineFeed && lone_return
        || body.starts_with(b"\xef\xbb\xbf")
        || shape.dialect().delimiter == b'\r'
    {
        return;
    }
    let mut model = csv::ReaderBuilder::new()
        .delimiter(shape.dialect().delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(body);
    let mut expected = model.byte_records();
    for row in rows {
        if matches!(row.fields, Err(FlawKind::BadQuoting | FlawKind::TooLong)) {
            return;
        }
        let record = expected
            .next()
            .expect("as many rows")
            .expect("memory doesn't fail");
        match &row.fields {
            Ok(fields) => assert!(
                record.iter().eq(fields.iter().map(String::as_bytes)),
                "row {}: {record:?} is not {fields:?}",
                row.row
            ),
            Err(FlawKind::TooFewFields) => assert!(record.len() < shape.header.len()),
            Err(FlawKind::TooManyFields) => assert!(record.len() > shape.header.len()),
            Err(_) => {}
        }
    }
    assert!(expected.next().is_none(), "the crate reads one row more");
}

fn place(position: Position) -> usize {
    usize::try_from(position.byte).expect("small")
}

fn only_line_ends(text: &[u8]) -> bool {
    text.iter().all(|byte| b"\r\n".contains(byte))
}

fn count(wanted: u8, text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == wanted).count() as u64
}

/// What a row shows, in short.
pub(crate) fn signature(rows: &[Row]) -> Vec<(u8, usize)> {
    rows.iter()
        .take(6)
        .map(|row| match &row.fields {
            Ok(fields) => (0, fields.len().min(5)),
            Err(flaw) => (1 + *flaw as u8, row.raw.contains(&b'\n').into()),
        })
        .collect()
}

/// Rows that fill the buffer up to `before` bytes of its border, none of which
/// has to do with what follows.
fn filler(before: usize) -> Vec<u8> {
    let wanted = BUFFER_BYTES - before;
    let mut text = Vec::with_capacity(wanted);
    while wanted - text.len() > 8_200 {
        text.extend([b'x'; 8_190]);
        text.extend(b",y\n");
    }
    let rest = wanted - text.len() - 1;
    text.resize(text.len() + rest, b'z');
    text.push(b'\n');
    text
}

#[test]
fn rows_are_the_same_wherever_they_stand() {
    let mut seeds = corpus::files(&["csv", "csv/corpus"]);
    seeds.iter_mut().for_each(|seed| seed.truncate(600));
    let hunt = Hunt {
        target: "csv-rows",
        seeds,
        words: WORDS,
        rounds: 120,
    };
    hunt.run(|body| {
        let text = [b"a,b\n", body].concat();
        let mut sheet = Sheet::new(&text);
        sheet.settings.delimiter = Some(',');
        sheet.settings.encoding = Some(encoding_rs::UTF_8);
        let mut shape = inspect(&sheet.settings).expect("a header");
        // Whether line feeds follow decides it, and the header has one.
        assert_eq!(shape.terminator, Terminator::LineFeed);
        let rows = sheet.hold_to_rules(&shape, &text);
        sheet.resume_everywhere(&shape, &rows);
        agree_with_the_csv_crate(&shape, &text, &rows);

        // The same rows with the buffer's border somewhere within them.
        let before = blake3::hash(body).as_bytes()[0] as usize % (body.len() + 1);
        let filler = filler(before + 4);
        let moved_text = [b"a,b\n", &filler[..], body].concat();
        let moved_sheet = Sheet::new(&moved_text);
        shape.first_row.byte = 4 + filler.len() as u64;
        shape.first_row.line = 2;
        let all = moved_sheet.rows(&shape, Start::At(RowId(1), Position { byte: 4, line: 2 }));
        let filled = all
            .iter()
            .take_while(|row| row.position.byte < shape.first_row.byte)
            .count();
        let moved = all[filled..].iter().map(|row| (&row.raw, &row.fields));
        assert!(
            moved.eq(rows.iter().map(|row| (&row.raw, &row.fields))),
            "moved rows differ"
        );
        signature(&rows)
    });
}
