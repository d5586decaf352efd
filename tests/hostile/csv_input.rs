//! Whole inputs as users name them: encoding, delimiter, header, rows.

use std::borrow::Cow;
use std::collections::HashSet;

use encoding_rs::{Encoding, UTF_8};
use sluice::source::csv::{CsvShape, REJECT_COLUMNS, inspect};

use crate::corpus;
use crate::csv_rows::{Sheet, WORDS, agree_with_the_csv_crate, signature};
use crate::hunt::Hunt;

/// The text as the source counts it; `None` where the input has bytes that its
/// encoding can't explain.
fn text_of<'input>(input: &'input [u8], shape: &CsvShape) -> Option<Cow<'input, [u8]>> {
    if shape.encoding == UTF_8 {
        return Some(Cow::Borrowed(input));
    }
    let text = shape
        .encoding
        .decode_without_bom_handling_and_without_replacement(&input[shape.bom_bytes()..])?;
    Some(Cow::Owned(text.into_owned().into_bytes()))
}

fn hold_header_to_rules(shape: &CsvShape) {
    let names: HashSet<&String> = shape.header.iter().collect();
    assert!(!names.is_empty());
    assert_eq!(names.len(), shape.header.len(), "a name stands twice");
    for name in &names {
        assert!(!name.is_empty() && name.trim() == name.as_str() && !name.contains('\0'));
    }
    let delimiter = shape.dialect().delimiter;
    assert!(
        delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\r' | b'\n' | 0),
        "{delimiter} can't separate fields"
    );
    let payload = shape.payload_columns();
    assert!(
        payload
            .iter()
            .all(|&column| !REJECT_COLUMNS.contains(&shape.header[column].as_str()))
    );
}

#[test]
fn any_input_is_read_truly_or_refused_in_words() {
    let mut seeds = corpus::files(&["csv", "csv/corpus"]);
    for seed in &mut seeds {
        seed.truncate(800);
    }
    let hunt = Hunt {
        target: "csv-input",
        seeds,
        words: WORDS,
        rounds: 250,
    };
    hunt.run(|input| {
        let sheet = Sheet::new(input);
        let shape = match inspect(&sheet.settings) {
            Ok(shape) => shape,
            Err(refusal) => {
                let words = refusal.to_string();
                assert!(words.chars().all(|c| !c.is_control()), "{words:?}");
                return (
                    words.split(' ').take(3).map(str::to_owned).collect(),
                    Vec::new(),
                );
            }
        };
        hold_header_to_rules(&shape);
        if let Some((encoding, bom_bytes)) = Encoding::for_bom(input) {
            assert_eq!((shape.encoding, shape.bom_bytes()), (encoding, bom_bytes));
        }
        // Text that is UTF-8 is never read as anything else.
        if shape.encoding != UTF_8 && !shape.bom {
            assert!(std::str::from_utf8(input).is_err() || input.contains(&0));
        }
        let mut shown = vec![
            shape.encoding.name().to_owned(),
            shape.delimiter.to_string(),
        ];
        shown.push(format!(
            "{:?} {}",
            shape.terminator,
            shape.header.len().min(4)
        ));
        let rows = match text_of(input, &shape) {
            Some(text) => {
                let rows = sheet.hold_to_rules(&shape, &text);
                agree_with_the_csv_crate(&shape, &text, &rows);
                rows
            }
            None => sheet.rows(&shape, sluice::source::csv::Start::Beginning),
        };
        sheet.resume_everywhere(&shape, &rows);
        (shown, signature(&rows))
    });
}
