//! The source against models: the `csv` crate, the counter, itself at another
//! buffer size, itself from another start.

use proptest::prelude::*;

use super::*;

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zäß€ 0-9]{0,12}",
        1 => "[a-z,;\"\r\n ]{0,12}",
    ]
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (2_usize..6).prop_flat_map(|columns| {
        prop::collection::vec(prop::collection::vec(field(), columns), 0..60)
    })
}

fn written(table: &[Vec<String>], delimiter: u8, terminator: csv::Terminator) -> Vec<u8> {
    let columns = table.first().map_or(2, Vec::len);
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(terminator)
        .from_writer(Vec::new());
    writer
        .write_record((0..columns).map(|column| format!("column{column}")))
        .expect("written");
    for row in table {
        writer.write_record(row).expect("written");
    }
    writer.into_inner().expect("flushed")
}

/// Text that has much structure and little sense.
pub(super) fn rubble() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\"".to_vec()),
        Just(b"\"\"".to_vec()),
        Just(b",".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"ab".to_vec()),
        Just(b"b\",\"a\n".to_vec()),
        Just(b",\",\"\n".to_vec()),
        Just(vec![0]),
        Just(vec![0xff]),
        Just("é".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn well_formed_text_reads_as_the_csv_crate_reads_it(
        table in table(),
        delimiter in prop::sample::select(b",;\t|".to_vec()),
        returns in any::<bool>(),
        read_bytes in 16_usize..400,
    ) {
        let terminator = if returns { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let text = written(&table, delimiter, terminator);
        let mut sheet = sheet(&text);
        sheet.settings.delimiter = Some(char::from(delimiter));
        let mut model = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(&text[..]);
        let expected: Vec<(u64, Vec<String>)> = model
            .records()
            .map(|record| record.expect("well-formed"))
            .map(|record| (record.position().expect("placed").byte(),
                record.iter().map(str::to_owned).collect()))
            .collect();
        let seen = sheet.seen_from(Start::Beginning, read_bytes);
        prop_assert_eq!(seen.len(), expected.len());
        for (seen, (_, fields)) in seen.iter().zip(&expected) {
            prop_assert_eq!(seen.fields.as_ref().expect("good"), fields);
            let start = usize::try_from(seen.position.byte).expect("small");
            prop_assert_eq!(&text[start..start + seen.raw.len()], &seen.raw[..]);
            let line = 1 + text[..start].iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(seen.position.line, line as u64);
        }
    }

    #[test]
    fn reader_and_counter_agree_on_any_bytes_at_any_buffer_size(
        body in rubble(),
        read_bytes in 16_usize..200,
        counted_bytes in 16_usize..200,
    ) {
        let sheet = sheet([b"a,b\n", &body[..]].concat());
        let seen = sheet.seen_from(Start::Beginning, read_bytes);
        prop_assert_eq!(&seen, &sheet.seen());
        prop_assert_eq!(sheet.count(counted_bytes), seen.len() as u64);
        for (index, seen) in (1..).zip(&seen) {
            prop_assert_eq!(seen.row, index);
        }
        let shape = sheet.shape();
        if shape.can_seek() && shape.terminator == Terminator::LineFeed {
            every_byte_is_accounted(&sheet, &seen)?;
        }
    }

    #[test]
    fn reading_from_any_row_gives_the_same_rows(
        body in rubble(),
        choice in any::<prop::sample::Index>(),
    ) {
        let mut sheet = sheet([b"a,b\n", &body[..]].concat());
        for encoding in [encoding_rs::UTF_8, encoding_rs::WINDOWS_1252] {
            sheet.settings.encoding = Some(encoding);
            let seen = sheet.seen();
            if seen.is_empty() {
                continue;
            }
            let from = choice.index(seen.len());
            prop_assert_eq!(&sheet.seen_from(at(&seen[from]), 64), &seen[from..]);
        }
    }

    #[test]
    fn one_damaged_row_rejects_no_other(
        table in table(),
        choice in any::<prop::sample::Index>(),
        damage in prop::sample::select(vec!["x,\"open", "\"shut\"x,", "a\0,b", "x"]),
    ) {
        let columns = table.first().map_or(2, Vec::len);
        let damage = damage.to_owned() + &",".repeat(if damage == "x" { 0 } else { columns - 2 });
        let rows: Vec<Vec<u8>> = table
            .iter()
            .map(|row| {
                let mut text = written(std::slice::from_ref(row), b',', csv::Terminator::Any(b'\n'));
                let header = text.iter().position(|&byte| byte == b'\n').expect("a header") + 1;
                text.drain(..header);
                text
            })
            .collect();
        let place = choice.index(table.len() + 1);
        let mut text = written(&[vec![String::new(); columns]], b',', csv::Terminator::Any(b'\n'));
        text.extend(rows[..place].concat());
        text.extend(damage.bytes().chain([b'\n']));
        text.extend(rows[place..].concat());
        let mut sheet = sheet(&text);
        sheet.settings.delimiter = Some(',');
        let seen = sheet.seen();
        // Rows before the damage stand whatever follows.
        for (seen, row) in seen[1..].iter().zip(&table[..place]) {
            prop_assert_eq!(seen.fields.as_ref().expect("good"), row);
        }
        // A quote left open is closed, well-formed if not meant, by a later field
        // whose opening quote has a delimiter, a line break or a quote behind it.
        let rest = [b"\n", &rows[place..].concat()[..]].concat();
        let is_ambiguous = damage.contains("open")
            && rest.windows(3).any(|part| {
                b",\n".contains(&part[0]) && part[1] == b'"' && b",\r\n\"".contains(&part[2])
            });
        if !is_ambiguous {
            prop_assert!(seen[place + 1].fields.is_err());
            prop_assert_eq!(seen.len(), table.len() + 2);
            for (seen, row) in seen[place + 2..].iter().zip(&table[place..]) {
                prop_assert_eq!(seen.fields.as_ref().expect("good"), row);
            }
        }
    }
}

/// What stands between two rows is line ends and nothing else.
fn every_byte_is_accounted(sheet: &Sheet, seen: &[Seen]) -> Result<(), TestCaseError> {
    let text = std::fs::read(&sheet.path).expect("read");
    let mut expected = usize::try_from(sheet.shape().first_row.byte).expect("small");
    let ends = seen
        .iter()
        .map(|seen| usize::try_from(seen.position.byte).expect("small"));
    for (seen, start) in seen.iter().zip(ends) {
        prop_assert!(
            text[expected..start]
                .iter()
                .all(|byte| b"\r\n".contains(byte))
        );
        prop_assert_eq!(&text[start..start + seen.raw.len()], &seen.raw[..]);
        expected = start + seen.raw.len();
    }
    prop_assert!(text[expected..].iter().all(|byte| b"\r\n".contains(byte)));
    Ok(())
}
