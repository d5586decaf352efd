//! Dates and times.

use super::support::*;

fn date(kind: FieldKind, rule: DateRule) -> OneField {
    OneField::converting(kind, Conversion::Date(rule))
}

fn berlin() -> Option<String> {
    Some("Europe/Berlin".to_owned())
}

#[test]
fn dates_are_read_and_written_as_asked() {
    let day = date(
        FieldKind::Date,
        DateRule {
            from: texts(&["%d.%m.%Y", "%Y-%m-%d"]),
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
                from: texts(&[form]),
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
            from: texts(from),
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
        from: texts(&["%d.%m.%Y %H:%M"]),
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
        from: texts(&["%s"]),
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
        from: texts(&["%Y-%m-%d %H:%M"]),
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
fn a_form_of_the_target_without_a_part_of_the_date_is_a_mistake() {
    for form in ["UTC", "Date", "yyyy-mm-dd", "DD.MM.YYYY", "", "100 %%"] {
        let rule = DateRule {
            to: Some(DateTarget::Format(form.to_owned())),
            ..DateRule::default()
        };
        let told = date(FieldKind::String, rule).rule.check().expect_err(form);
        assert!(
            told.contains(&format!("`to: {form}` would write these letters")),
            "{told}"
        );
    }
}

#[test]
fn a_date_that_two_forms_read_differently_is_refused() {
    let two = date(
        FieldKind::Date,
        DateRule {
            from: texts(&["%d/%m/%Y", "%m/%d/%Y"]),
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
                from: texts(&["%d.%m.%Y %H:%M"]),
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
                from: texts(&["%H:%M"]),
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
            from: texts(&[form]),
            ..DateRule::default()
        };
        assert!(
            date(FieldKind::String, rule).rule.check().is_err(),
            "{form}"
        );
    }
}
