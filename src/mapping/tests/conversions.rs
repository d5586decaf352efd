//! Numbers, telephone numbers and truth values.

use super::support::*;

#[test]
fn numbers_are_read_as_the_source_spells_them() {
    let german = OneField::converting(
        FieldKind::Number,
        Conversion::Number(NumberRule {
            decimal: ',',
            thousands: Some('.'),
        }),
    );
    for (cell, number) in [
        ("1.234,50", "1234.50"),
        ("-1.234.567", "-1234567"),
        ("+12,5", "12.5"),
        ("0,1", "0.1"),
        ("1234,5", "1234.5"),
        ("", ""),
    ] {
        assert_eq!(german.map(cell).as_deref(), Ok(number), "{cell}");
    }
    // A group that hasn't three digits might be an English decimal.
    for cell in [
        "1.5", "12.34,5", "1234.567", ",5", "5,", "007", "1,2,3", "1e3", "--1", "١٢",
    ] {
        assert_eq!(german.refuses(cell), "not_a_number", "{cell}");
    }
    let (_, message) = german.map("1.5").expect_err("refused");
    assert_eq!(message, r#""1.5" isn't a number such as 1.234,5"#);
    let blanks = OneField::converting(
        FieldKind::Number,
        Conversion::Number(NumberRule {
            decimal: '.',
            thousands: Some(' '),
        }),
    );
    assert_eq!(blanks.map("1\u{a0}234 567.5").as_deref(), Ok("1234567.5"));
    assert_eq!(blanks.map("1e3").as_deref(), Ok("1e3"));
    for (decimal, thousands) in [(',', Some(',')), ('a', None), (' ', None), ('.', Some('5'))] {
        let rule = NumberRule { decimal, thousands };
        let wrong = OneField::converting(FieldKind::Number, Conversion::Number(rule));
        assert!(wrong.rule.check().is_err(), "{rule:?}");
        assert!(wrong.problem().starts_with("`value`: "));
    }
}

fn phone(region: Region) -> OneField {
    OneField::converting(FieldKind::E164, Conversion::E164(region))
}

#[test]
fn telephone_numbers_get_their_international_form() {
    let german = phone(Region::Fixed("DE".to_owned()));
    for (cell, number) in [
        ("030 123456", "\"+4930123456\""),
        ("(030) 12 34 56", "\"+4930123456\""),
        ("0151/23456789", "\"+4915123456789\""),
        ("+49 (0)30 123456", "\"+4930123456\""),
        ("0049 30 123456", "\"+4930123456\""),
        ("+44 20 7946 0018", "\"+442079460018\""),
        ("+39 06 6982 1234", "\"+390669821234\""),
        (" +4930123456 ", "\"+4930123456\""),
        ("", ""),
    ] {
        assert_eq!(german.map(cell).as_deref(), Ok(number), "{cell}");
    }
    let american = phone(Region::Fixed("us".to_owned()));
    assert_eq!(
        american.map("(650) 253-0000").as_deref(),
        Ok("\"+16502530000\"")
    );
    assert_eq!(
        american.map("1 650 253 0000").as_deref(),
        Ok("\"+16502530000\"")
    );
}

#[test]
fn no_telephone_number_is_repaired_by_guess() {
    let german = phone(Region::Fixed("DE".to_owned()));
    for (cell, rule) in [
        // A zero is lost, or the + of the country code.
        ("30 123456", "leading_zeros_lost"),
        ("4930123456", "leading_zeros_lost"),
        ("15123456789", "leading_zeros_lost"),
        ("4.41E+11", "spreadsheet_number"),
        ("+1 555 0100", "not_a_phone_number"),
        ("12", "not_a_phone_number"),
        ("030 12345678901234567890", "not_a_phone_number"),
        // Its country allows so many digits, the international form doesn't.
        ("030 1234567890123", "not_a_phone_number"),
        ("+49 30 1234567890123", "not_a_phone_number"),
        ("+999 123456789", "not_a_phone_number"),
        ("1-800-FLOWERS", "not_a_phone_number"),
        ("030 123456 ext. 12", "not_a_phone_number"),
        ("030 123456, 0171 2345678", "not_a_phone_number"),
        ("Tel: 030 123456", "not_a_phone_number"),
        ("++4930123456", "not_a_phone_number"),
        ("٠٣٠١٢٣٤٥٦", "not_a_phone_number"),
        ("-", "not_a_phone_number"),
    ] {
        assert_eq!(german.refuses(cell), rule, "{cell}");
    }
    for (cell, told) in [
        (
            "030 1234567890123",
            "\"030 1234567890123\" isn't a number of +49: it has too many digits",
        ),
        (
            "+49 30 123456789012345678",
            "\"+49 30 123456789012345678\" isn't a telephone number: it has too many digits",
        ),
        (
            "+49 3",
            "\"+49 3\" isn't a telephone number: it has too few digits",
        ),
        (
            "+999 123456789",
            "\"+999 123456789\" isn't a telephone number: no country has the code that it begins with",
        ),
    ] {
        assert_eq!(german.map(cell).expect_err(cell).1, told);
    }
    let (_, message) = german.map("30 123456").expect_err("refused");
    assert!(
        message.starts_with("\"30 123456\" begins neither with + nor with 0"),
        "{message}"
    );
    // Where numbers are dialled without a zero, none is missed.
    let spanish = phone(Region::Fixed("ES".to_owned()));
    assert_eq!(
        spanish.map("612 34 56 78").as_deref(),
        Ok("\"+34612345678\"")
    );
    assert_eq!(spanish.refuses("34612345678"), "leading_zeros_lost");
    let australian = phone(Region::Fixed("AU".to_owned()));
    assert_eq!(
        australian.map("1300 975 707").as_deref(),
        Ok("\"+611300975707\"")
    );
    assert_eq!(
        phone(Region::Fixed("Germany".to_owned())).problem(),
        "`value`: \"Germany\" is no region; write two letters such as DE, GB or US"
    );
}

#[test]
fn the_region_may_stand_in_the_row() {
    let by_row = phone(Region::Column("other".to_owned()));
    let map = |cell, region| by_row.map_beside(cell, region);
    assert_eq!(map("030 123456", "de").as_deref(), Ok("\"+4930123456\""));
    assert_eq!(
        map("020 7946 0018", " GB ").as_deref(),
        Ok("\"+442079460018\"")
    );
    assert_eq!(map("+4930123456", "").as_deref(), Ok("\"+4930123456\""));
    assert_eq!(map("030 123456", "").expect_err("none").0, "unknown_region");
    assert_eq!(
        map("030 123456", "ZZ").expect_err("none").0,
        "unknown_region"
    );
    assert_eq!(
        phone(Region::Column("othr".to_owned())).problem(),
        "`value` comes from the column `othr`, which the input doesn't have; did you mean `other`?"
    );
}

#[test]
fn words_for_true_and_false() {
    let rule = |yes: &[&str], no: &[&str]| {
        Conversion::Boolean(BooleanRule {
            yes: texts(yes),
            no: texts(no),
        })
    };
    let words = OneField::converting(FieldKind::Boolean, rule(&["Ja", "1"], &["nein", "0"]));
    for (cell, told) in [
        ("ja", "true"),
        ("JA", "true"),
        ("1", "true"),
        ("Nein", "false"),
        ("", ""),
    ] {
        assert_eq!(words.map(cell).as_deref(), Ok(told), "{cell}");
    }
    let (name, message) = words.map("vielleicht").expect_err("refused");
    assert_eq!(name, "not_a_boolean");
    assert_eq!(
        message,
        "\"vielleicht\" is none of the words for true and false: ja, 1, nein, 0"
    );
    for (yes, no) in [
        (&["x"][..], &["X"][..]),
        (&["x"], &[]),
        (&["x", ""], &["y"]),
    ] {
        let wrong = OneField::converting(FieldKind::Boolean, rule(yes, no));
        assert!(wrong.rule.check().is_err());
    }
}
