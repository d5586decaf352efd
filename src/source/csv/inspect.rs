//! A look at the head of an input, which settles how it is written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Cursor;

use bytes::Bytes;
use encoding_rs::UTF_8;

use super::cutter::{Cutter, READ_BYTES, ROW_LIMIT_BYTES};
use super::delimiter;
use super::encoding::{self, Detected};
use super::head::Head;
use super::input::{CsvSettings, separates_fields};
use super::reject::REJECT_COLUMNS;
use super::shape::{CsvShape, Dialect, Terminator};
use super::split::{RawFields, split};
use super::stream::TextStream;
use crate::record::{Fields, Position};
use crate::source::SourceError;

/// Where the header is looked for: a record at its bound, and some blank lines.
const HEADER_BYTES: usize = ROW_LIMIT_BYTES + 64 * 1024;

/// What the first bytes of files say that are taken for CSV by mistake.
const OTHER_FORMATS: [(&[u8], &str, &str); 4] = [
    (
        b"PK\x03\x04",
        "a workbook (XLSX) or a zip archive",
        "Give a workbook's file the extension .xlsx, or unpack the archive, and name that file.",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old workbook (XLS)",
        "Save the sheet as \"CSV UTF-8\" and name that file.",
    ),
    (
        b"\x1f\x8b",
        "compressed with gzip",
        "Unpack it first: gzip -d.",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed with zstd",
        "Unpack it first: zstd -d.",
    ),
];

/// Reads the head of the input and finds out encoding, delimiter, line ends and
/// columns. Up to 4 MiB of a file are read; of a stream what arrives first, at
/// least the header, which is waited for.
///
/// # Errors
/// The input can't be opened or read, is empty or no text, or its header breaks
/// a rule: each is the user's to change (exit 2), but for a failed read.
pub fn inspect(settings: &CsvSettings) -> Result<CsvShape, SourceError> {
    let wanted_delimiter = settings.delimiter_byte()?;
    let input = settings.describe();
    let head = Head::read(&settings.input)?;
    if head.bytes.is_empty() {
        return Err(SourceError::Empty { input });
    }
    for (magic, format, hint) in OTHER_FORMATS {
        if head.bytes.starts_with(magic) {
            return Err(SourceError::NotText {
                input,
                wanted: "CSV text",
                format,
                hint,
            });
        }
    }
    let detected = match is_reject_file(&head.bytes) {
        true => encoding::of_reject_file(&head.bytes, head.cut_short, settings.encoding),
        false => encoding::detect(&head.bytes, head.cut_short, settings.encoding),
    };
    let text = decode(&head.bytes, &detected);
    let terminator = if text.contains(&b'\r') && !text.contains(&b'\n') {
        Terminator::CarriageReturn
    } else {
        Terminator::LineFeed
    };
    let mut notices = Vec::from_iter(detected.notice.clone());
    let excel = excel_delimiter(&text, terminator);
    let body = &text[excel.map_or(0, |(_, line_bytes)| line_bytes)..];
    let found = excel.map(|(named, _)| named).or_else(|| {
        wanted_delimiter
            .is_none()
            .then(|| delimiter::guess(body, terminator))
            .flatten()
    });
    let delimiter = wanted_delimiter.or(found).unwrap_or(b',');
    let mut shape = CsvShape {
        delimiter: char::from(delimiter),
        encoding: detected.encoding,
        bom: detected.bom_bytes > 0,
        terminator,
        header: Vec::new(),
        first_row: Position { byte: 0, line: 1 },
        notices: Vec::new(),
        header_text: Vec::new(),
        records_before_rows: 1 + u32::from(excel.is_some()),
        input_seeks: settings.input.can_seek(),
        head: None,
    };
    read_header(&text, &mut shape, input)?;
    if wanted_delimiter.is_none() && delimiter != b',' {
        notices.push(format!("delimiter {}", in_words(delimiter)));
    }
    if shape.header.len() == 1 {
        notices.push(one_column_notice(
            wanted_delimiter,
            delimiter::guess(body, terminator),
        ));
    }
    if terminator == Terminator::CarriageReturn {
        notices.push("lines end with a carriage return alone".to_owned());
    }
    shape.notices = notices;
    if !settings.input.can_seek() {
        shape.head = Some(Bytes::from(head.bytes));
    }
    Ok(shape)
}

/// Whether the header has the columns that a reject file adds: they are ASCII,
/// which reads the same in UTF-8 and in the encodings it is taken for.
fn is_reject_file(head: &[u8]) -> bool {
    let header = &head[..head.len().min(HEADER_BYTES)];
    // A column's name may hold a line break, and the columns stand in one record.
    let [first, ..] = REJECT_COLUMNS;
    let Some(place) = memchr::memmem::find(header, first.as_bytes()) else {
        return false;
    };
    let before = header[..place].iter().rposition(|&byte| byte == b'\n');
    let start = before.map_or(0, |place| place + 1);
    let end = memchr::memchr2(b'\n', b'\r', &header[place..]);
    let line = &header[start..end.map_or(header.len(), |end| place + end)];
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    REJECT_COLUMNS.iter().all(|column| {
        memchr::memmem::find_iter(line, column.as_bytes()).any(|at| {
            let before = at.checked_sub(1).map(|index| line[index]);
            let after = line.get(at + column.len()).copied();
            !before.is_some_and(is_name) && !after.is_some_and(is_name)
        })
    })
}

fn in_words(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("'{}'", char::from(other)),
    }
}

fn one_column_notice(wanted: Option<u8>, guessed: Option<u8>) -> String {
    match (wanted, guessed) {
        (Some(wanted), Some(other)) if wanted != other => format!(
            "one column only with delimiter {}; {} would give more",
            in_words(wanted),
            in_words(other)
        ),
        _ => "one column only".to_owned(),
    }
}

/// Excel's own way to name the delimiter: a first line such as `sep=;`. Gives
/// it with the bytes of that line.
fn excel_delimiter(text: &[u8], terminator: Terminator) -> Option<(u8, usize)> {
    let end = memchr::memchr(terminator.byte(), text)?;
    let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
    let (name, value) = line.split_at_checked(4)?;
    match value {
        [byte] if name.eq_ignore_ascii_case(b"sep=") && separates_fields(*byte) => {
            Some((*byte, end + 1))
        }
        _ => None,
    }
}

/// The head as UTF-8 text, without its byte order mark.
fn decode<'head>(head: &'head [u8], detected: &Detected) -> Cow<'head, [u8]> {
    if detected.encoding == UTF_8 {
        return Cow::Borrowed(&head[detected.bom_bytes..]);
    }
    let source = Box::new(Cursor::new(head.to_vec()));
    let mut stream = TextStream::new(source, detected.encoding, detected.bom_bytes);
    let mut text = Vec::new();
    let mut room = vec![0; READ_BYTES];
    // Text in memory can't fail to be read.
    while let Ok(filled @ 1..) = stream.fill(&mut room) {
        text.extend_from_slice(&room[..filled]);
    }
    Cow::Owned(text)
}

/// Takes the header out of the decoded head.
fn read_header(text: &[u8], shape: &mut CsvShape, input: String) -> Result<(), SourceError> {
    let dialect: Dialect = shape.dialect();
    let start = &text[..text.len().min(HEADER_BYTES)];
    let stream = TextStream::new(Box::new(Cursor::new(start.to_vec())), UTF_8, 0);
    let mut cutter = Cutter::new(stream, dialect, shape.text_start(), READ_BYTES);
    let mut records_left = shape.records_before_rows;
    let row = loop {
        match cutter.cut() {
            Some(_) if records_left > 1 => records_left -= 1,
            Some(row) => break row,
            None if cutter.is_finished() => return Err(SourceError::Empty { input }),
            None => {
                let refilled = cutter.refill();
                refilled.map_err(|cause| SourceError::reading(input.clone(), 0, cause))?;
            }
        }
    };
    let raw = &cutter.window()[row.start..row.end];
    let line = row.position.line;
    let bad_header = |flaw: crate::record::Flaw| SourceError::BadHeader {
        input: input.clone(),
        line,
        byte: flaw.byte,
        message: flaw.message,
    };
    if let Some(flaw) = row.flaw {
        return Err(bad_header(*flaw));
    }
    let columns = RawFields::new(raw, dialect.delimiter).count();
    let mut fields = Fields::default();
    split(raw, row.position, dialect, columns, &mut fields).map_err(bad_header)?;
    let header: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (column, name) in (1..).zip(&header) {
        if name.is_empty() {
            return Err(SourceError::UnnamedColumn {
                input,
                line,
                column,
            });
        }
        if let Some(first) = seen.insert(name, column) {
            let name = name.clone();
            return Err(SourceError::DuplicateColumn {
                input,
                name,
                first,
                second: column,
            });
        }
    }
    shape.header_text = raw.to_vec();
    shape.header = header;
    shape.first_row = cutter.next_position();
    Ok(())
}
