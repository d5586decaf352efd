//! A reject file can be repaired and loaded again.

use proptest::prelude::*;

use super::*;

const ADDED: [&str; 7] = ["3", "http_400", "mail", "not, \"valid\"", "400", "2", "r-1"];

/// The reject file of all rows of a sheet.
fn reject_file(sheet: &Sheet, added: &[&str; 7]) -> Vec<u8> {
    let layout = RejectLayout::new(&sheet.shape());
    let mut out = Vec::new();
    write_header(&mut out, &layout);
    for seen in sheet.seen() {
        write_reject_row(&mut out, &seen.raw, &layout, added);
    }
    out
}

fn text_of(out: Vec<u8>) -> String {
    String::from_utf8(out).expect("text")
}

#[test]
fn the_original_fields_stand_verbatim_before_the_added_ones() {
    let sheet = sheet("id;\"na;me\"\n1;\"a\"\"b\"\n2\n3;c;d;\"e\"\n");
    assert_eq!(
        text_of(reject_file(&sheet, &ADDED)),
        "id;\"na;me\";_line;_error;_field;_message;_status;_attempts;_request_id\n\
         1;\"a\"\"b\";3;http_400;mail;\"not, \"\"valid\"\"\";400;2;r-1\n\
         2;;3;http_400;mail;\"not, \"\"valid\"\"\";400;2;r-1;repair this row before loading it\n\
         3;c;3;http_400;mail;\"not, \"\"valid\"\"\";400;2;r-1;d;\"e\"\n"
    );
}

#[test]
fn a_reject_file_loaded_again_does_not_double_its_added_columns() {
    let first = sheet("id,name\n1,a\n2,b,surplus\n");
    let second = sheet(reject_file(&first, &ADDED));
    assert_eq!(second.shape().payload_columns(), [0, 1]);
    let mut later = ADDED;
    later[0] = "9";
    let third = text_of(reject_file(&second, &later));
    assert_eq!(third, text_of(reject_file(&first, &later)));
}

#[test]
fn a_row_that_cannot_be_split_stands_whole_and_is_refused_until_it_is_repaired() {
    let first = sheet("id,name\n1,\"open\n");
    let bad = ["2", FlawKind::BadQuoting.name(), "", "", "", "0", ""];
    let file = text_of(reject_file(&first, &bad));
    let row = file.lines().nth(1).expect("a row");
    assert_eq!(
        row,
        "\"1,\"\"open\",,2,bad_quoting,,,,0,,repair this row before loading it"
    );
    assert_eq!(sheet(&file).fields(), [Err(FlawKind::NotRepaired)]);
}

#[test]
fn a_row_that_is_too_short_is_refused_until_it_is_repaired() {
    let first = sheet("id,name,mail\n1,a\n2,b,c\n");
    let short = ["2", FlawKind::TooFewFields.name(), "", "", "", "0", ""];
    let file = text_of(reject_file(&first, &short));
    let row = file.lines().nth(1).expect("a row");
    assert_eq!(
        row,
        "1,a,,2,too_few_fields,,,,0,,repair this row before loading it"
    );
    let second = sheet(&file);
    assert_eq!(second.fields()[0], Err(FlawKind::NotRepaired));
    assert!(second.fields()[1].is_ok(), "its fields are all there");
    // Rejected again it stays as it is, and what is repaired is let in.
    let again = text_of(reject_file(&second, &short));
    assert_eq!(again, file);
    let repaired = row.replace("1,a,,", "1,a,m,");
    let repaired = repaired.replace(",repair this row before loading it", "");
    let third = sheet(file.replace(row, &repaired));
    assert!(third.fields()[0].is_ok());
}

#[test]
fn a_row_that_was_cut_short_is_never_loaded_as_if_it_were_whole() {
    let first = sheet(format!("id,name\n1,{}\n", "é".repeat(1 << 20)));
    let bad = ["2", FlawKind::TooLong.name(), "", "", "", "0", ""];
    let file = text_of(reject_file(&first, &bad));
    assert!(file.len() < 5_000);
    assert_eq!(sheet(&file).fields(), [Err(FlawKind::NotRepaired)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_rejected_row_reads_back_with_the_same_fields(
        body in "[a-z,\"\r\né ]{0,60}",
        with_returns in any::<bool>(),
    ) {
        let body = if with_returns { body.replace('\n', "\r") } else { body };
        let mut first = sheet(format!("a,b{}{body}", if with_returns { "\r" } else { "\n" }));
        first.settings.delimiter = Some(',');
        let mut second = sheet(reject_file(&first, &ADDED));
        second.settings.delimiter = Some(',');
        let (rows, again) = (first.seen(), second.seen());
        prop_assert_eq!(rows.len(), again.len());
        for (row, again) in rows.iter().zip(&again) {
            match (&row.fields, &again.fields) {
                (Ok(fields), Ok(fields_again)) => prop_assert_eq!(fields, &fields_again[..2]),
                (Err(_), Err(FlawKind::NotRepaired | FlawKind::TooManyFields)) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
