//! Numbers, telephone numbers, dates and truth values.

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

fn date(kind: FieldKind, rule: DateRule) -> OneField {
    OneField::converting(kind, Conversion::Date(rule))
}

fn forms(forms: &[&str]) -> Vec<String> {
    forms.iter().map(|&form| form.to_owned()).collect()
}

fn berlin() -> Option<String> {
    Some("Europe/Berlin".to_owned())
}

#[test]
fn dates_are_read_and_written_as_asked() {
    let day = date(
        FieldKind::Date,
        DateRule {
            from: forms(&["%d.%m.%Y", "%Y-%m-%d"]),
            ..DateRule::default()
        },
    );
    for (cell, told) in [
        ("31.01.2024", "\"2024-01-31\""),
        ("1.2.2024", "\"2024-02-01\""),
        ("2024-02-29", "\"2024-02-29\""),
        ("", ""),
    ] {
        assert_eq!(day.map(cell).as_deref(), Ok(told), "{cell}");
    }
    for cell in [
        "30.02.2024",
        "29.02.2023",
        "31.01.24",
        "31.01.2024 ",
        "yesterday",
        "01/31/2024",
    ] {
        assert_eq!(day.refuses(cell), "not_a_date", "{cell}");
    }
    let own = date(
        FieldKind::String,
        DateRule {
            to: Some(DateTarget::Format("%m/%d/%y".to_owned())),
            ..DateRule::default()
        },
    );
    assert_eq!(own.map("2024-01-31").as_deref(), Ok("\"01/31/24\""));
    let iso = date(FieldKind::String, DateRule::default());
    assert_eq!(iso.map("2024-01-31").as_deref(), Ok("\"2024-01-31\""));
    assert_eq!(
        iso.map("2024-01-31T10:00:00.5+02:00").as_deref(),
        Ok("\"2024-01-31T08:00:00.5Z\"")
    );
    assert_eq!(iso.refuses("2024-01-31T10:00:00"), "no_zone");
}

#[test]
fn a_z_in_the_place_of_an_offset_is_utc() {
    let iso = date(FieldKind::DateTime, DateRule::default());
    let in_berlin = date(
        FieldKind::DateTime,
        DateRule {
            zone: berlin(),
            ..DateRule::default()
        },
    );
    for (cell, told) in [
        ("2024-06-01T10:00:00Z", "\"2024-06-01T10:00:00Z\""),
        ("2024-06-01T10:00:00z", "\"2024-06-01T10:00:00Z\""),
        ("2024-06-01T10:00:00.25Z", "\"2024-06-01T10:00:00.25Z\""),
        ("2024-06-01 10:00:00Z", "\"2024-06-01T10:00:00Z\""),
        ("2024-06-01T10:00:00-01:00", "\"2024-06-01T11:00:00Z\""),
    ] {
        assert_eq!(iso.map(cell).as_deref(), Ok(told), "{cell}");
        assert_eq!(in_berlin.map(cell).as_deref(), Ok(told), "{cell}");
    }
    assert_eq!(
        in_berlin.map("2024-06-01T10:00:00").as_deref(),
        Ok("\"2024-06-01T08:00:00Z\"")
    );
    for (form, cells) in [
        (
            "%Y-%m-%dT%H:%M:%S%z",
            ["2024-06-01T10:00:00Z", "2024-06-01T12:00:00+0200"],
        ),
        (
            "%d.%m.%Y %H:%M%:z",
            ["01.06.2024 10:00z", "01.06.2024 12:00+02:00"],
        ),
        (
            "%H:%M %z on %d.%m.%Y",
            ["10:00 Z on 01.06.2024", "12:00 +0200 on 01.06.2024"],
        ),
    ] {
        let own = date(
            FieldKind::DateTime,
            DateRule {
                from: forms(&[form]),
                ..DateRule::default()
            },
        );
        for cell in cells {
            assert_eq!(
                own.map(cell).as_deref(),
                Ok("\"2024-06-01T10:00:00Z\""),
                "{cell}"
            );
        }
        for cell in [
            "2024-06-01T10:00:00",
            "01.06.2024 10:00",
            "01.06.2024 10:00ZZ",
        ] {
            assert_eq!(own.refuses(cell), "not_a_date", "{cell}");
        }
    }
}

#[test]
fn a_z_that_is_a_letter_of_the_form_fits_utc_alone() {
    let check = |from: &[&str], zone: &str, to: Option<&str>| {
        let rule = DateRule {
            from: forms(from),
            zone: Some(zone.to_owned()),
            to: to.map(|form| DateTarget::Format(form.to_owned())),
            gap: None,
        };
        date(FieldKind::String, rule).rule.check()
    };
    let with_z = "%Y-%m-%dT%H:%M:%SZ";
    for from in [with_z, "%Y-%m-%dT%H:%M:%S'Z'", "%Y%m%d%H%M%Sz "] {
        let told = check(&[from], "Europe/Berlin", None).expect_err(from);
        assert!(
            told.contains(
                "reads times in Europe/Berlin, though their Z says UTC; write %:z instead of Z"
            ),
            "{told}"
        );
        for zone in ["UTC", "Etc/UTC", "Etc/GMT"] {
            check(&[from], zone, None).expect(zone);
        }
    }
    let told = check(&[], "Europe/Berlin", Some(with_z)).expect_err("a shifted time");
    assert!(
        told.contains("with a Z, which says UTC; write `to: utc`"),
        "{told}"
    );
    check(&[], "UTC", Some(with_z)).expect("UTC");
    for from in [
        "%Y-%m-%dT%H:%M:%S%:z",
        "%Y-%m-%dT%H:%M:%S%z",
        "%d.%m.%Y %H:%M",
    ] {
        check(&[from], "Europe/Berlin", None).expect(from);
    }
    // London's clocks show UTC in winter only.
    check(&[with_z], "Europe/London", None).expect_err("summer time");
}

#[test]
fn times_go_from_their_zone_to_utc_or_to_local_time() {
    let rule = |to| DateRule {
        from: forms(&["%d.%m.%Y %H:%M"]),
        zone: berlin(),
        to,
        gap: None,
    };
    let utc = date(FieldKind::DateTime, rule(None));
    assert_eq!(
        utc.map("31.01.2024 10:00").as_deref(),
        Ok("\"2024-01-31T09:00:00Z\"")
    );
    assert_eq!(
        utc.map("31.07.2024 10:00").as_deref(),
        Ok("\"2024-07-31T08:00:00Z\"")
    );
    let local = date(FieldKind::DateTime, rule(Some(DateTarget::Local)));
    assert_eq!(
        local.map("31.07.2024 10:00").as_deref(),
        Ok("\"2024-07-31T10:00:00+02:00\"")
    );
    let day = date(FieldKind::Date, rule(Some(DateTarget::Date)));
    assert_eq!(day.map("31.07.2024 00:10").as_deref(), Ok("\"2024-07-31\""));
    let moment = DateRule {
        from: forms(&["%s"]),
        zone: berlin(),
        to: Some(DateTarget::Date),
        gap: None,
    };
    // Half past eleven at night in UTC is the next day in Berlin.
    assert_eq!(
        date(FieldKind::Date, moment).map("1706743800").as_deref(),
        Ok("\"2024-02-01\"")
    );
}

#[test]
fn a_time_that_the_clocks_skip_or_show_twice_is_refused_unless_chosen() {
    let rule = |gap| DateRule {
        from: forms(&["%Y-%m-%d %H:%M"]),
        zone: berlin(),
        to: None,
        gap,
    };
    let strict = date(FieldKind::DateTime, rule(None));
    let (skipped, repeated) = ("2024-03-31 02:30", "2024-10-27 02:30");
    assert_eq!(
        strict.map(skipped),
        Err((
            "skipped_time".to_owned(),
            "\"2024-03-31 02:30\" doesn't exist in Europe/Berlin: the clocks went forward over it; `gap: later` or `gap: earlier` chooses".to_owned()
        ))
    );
    let (rule_name, message) = strict.map(repeated).expect_err("refused");
    assert_eq!(rule_name, "repeated_time");
    assert!(message.contains("came twice in Europe/Berlin"), "{message}");
    let later = date(FieldKind::DateTime, rule(Some(GapChoice::Later)));
    let earlier = date(FieldKind::DateTime, rule(Some(GapChoice::Earlier)));
    assert_eq!(
        later.map(skipped).as_deref(),
        Ok("\"2024-03-31T01:30:00Z\"")
    );
    assert_eq!(
        earlier.map(skipped).as_deref(),
        Ok("\"2024-03-31T00:30:00Z\"")
    );
    assert_eq!(
        later.map(repeated).as_deref(),
        Ok("\"2024-10-27T01:30:00Z\"")
    );
    assert_eq!(
        earlier.map(repeated).as_deref(),
        Ok("\"2024-10-27T00:30:00Z\"")
    );
}

#[test]
fn a_date_that_two_forms_read_differently_is_refused() {
    let two = date(
        FieldKind::Date,
        DateRule {
            from: forms(&["%d/%m/%Y", "%m/%d/%Y"]),
            ..DateRule::default()
        },
    );
    assert_eq!(two.map("25/12/2024").as_deref(), Ok("\"2024-12-25\""));
    assert_eq!(two.map("05/05/2024").as_deref(), Ok("\"2024-05-05\""));
    assert_eq!(two.refuses("03/04/2024"), "ambiguous_date");
}

#[test]
fn a_date_rule_that_can_not_work_is_a_mistake() {
    for (rule, told) in [
        (
            DateRule {
                from: forms(&["%d.%m.%Y %H:%M"]),
                ..DateRule::default()
            },
            "`value`: `date` doesn't say which zone the times are in; write `zone: Europe/Berlin`, or `zone: UTC`, or `to: date` where the time doesn't matter",
        ),
        (
            DateRule {
                zone: Some("Europe/Berln".to_owned()),
                ..DateRule::default()
            },
            "`value`: \"Europe/Berln\" is no time zone; did you mean `Europe/Berlin`?",
        ),
        (
            DateRule {
                from: forms(&["%H:%M"]),
                ..DateRule::default()
            },
            "`value`: \"%H:%M\" doesn't tell a whole date; write it as \"%d.%m.%Y\" or \"%Y-%m-%d %H:%M\"",
        ),
        (
            DateRule {
                to: Some(DateTarget::Local),
                ..DateRule::default()
            },
            "`value`: `date` doesn't say which zone the times are in; write `zone: Europe/Berlin`, or `zone: UTC`",
        ),
    ] {
        let one = date(FieldKind::String, rule);
        assert_eq!(one.rule.check().expect_err("a mistake"), told);
    }
    for form in ["%", "%Q", "%Y-%m-%d %", "DD.MM.YYYY"] {
        let rule = DateRule {
            from: forms(&[form]),
            ..DateRule::default()
        };
        assert!(
            date(FieldKind::String, rule).rule.check().is_err(),
            "{form}"
        );
    }
}

#[test]
fn words_for_true_and_false() {
    let rule = |yes: &[&str], no: &[&str]| {
        Conversion::Boolean(BooleanRule {
            yes: forms(yes),
            no: forms(no),
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
