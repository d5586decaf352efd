//! What rules do to a value, and what their fields hold it to.

use super::support::*;

#[test]
fn a_rule_does_its_parts_in_their_order() {
    let mut one = OneField::of(FieldKind::String);
    one.rule.trim = true;
    one.rule.letter_case = Some(LetterCase::Lower);
    one.rule.truncate = Some(4);
    one.rule.default = Some("None".to_owned());
    assert_eq!(one.map("  ÄBCDE ").as_deref(), Ok("\"äbcd\""));
    assert_eq!(one.map("   ").as_deref(), Ok("\"None\""));
    assert_eq!(
        one.rule.parts(),
        ["from", "trim", "lowercase", "truncate", "default"]
    );
    one.rule.letter_case = Some(LetterCase::Upper);
    assert_eq!(one.map("straße").as_deref(), Ok("\"STRA\""));
}

#[test]
fn the_first_filled_column_counts_or_all_are_joined() {
    let mut one = OneField::of(FieldKind::String);
    let columns = || vec!["cell".to_owned(), "other".to_owned()];
    one.rule.from = RuleSource::Columns(columns());
    one.rule.trim = true;
    assert_eq!(one.map_beside("a", "b").as_deref(), Ok("\"a\""));
    assert_eq!(one.map_beside("  ", "b").as_deref(), Ok("\"b\""));
    assert_eq!(one.map_beside("", "").as_deref(), Ok(""));
    one.rule.from = RuleSource::Joined {
        columns: columns(),
        separator: ", ".to_owned(),
    };
    assert_eq!(one.map_beside(" a", "b ").as_deref(), Ok("\"a, b\""));
    assert_eq!(one.map_beside("", "b").as_deref(), Ok("\"b\""));
}

#[test]
fn a_lookup_replaces_what_it_has_and_refuses_the_rest() {
    let mut one = OneField::of(FieldKind::String);
    one.rule.lookup = Some(Lookup {
        entries: [("1", "Gold"), ("2", "Silver")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        file: None,
    });
    assert_eq!(one.map("1").as_deref(), Ok("\"Gold\""));
    assert_eq!(one.map("").as_deref(), Ok(""));
    assert_eq!(
        one.map("9"),
        Err((
            "not_in_lookup".to_owned(),
            "\"9\" isn't in the lookup table; add it there, or give the rule a `default`"
                .to_owned()
        ))
    );
    one.rule.default = Some("Bronze".to_owned());
    assert_eq!(one.map("9").as_deref(), Ok("\"Bronze\""));
    assert_eq!(one.map("").as_deref(), Ok("\"Bronze\""));
}

#[test]
fn each_kind_refuses_what_is_not_of_it() {
    for (kind, rule, good, bad) in [
        (
            FieldKind::Email,
            "not_an_email",
            &[
                "ann@example.com",
                "a.b+c@sub.example.co",
                "jürgen@müller.de",
            ][..],
            &[
                "ann",
                "ann@",
                "@example.com",
                "a b@example.com",
                "a..b@example.com",
                "a@b",
                "a@-b.com",
                "a@b@c.com",
                "a@example.123",
                "ann@example.com,",
                "Ann <ann@example.com>",
                "a@example..com",
            ][..],
        ),
        (
            FieldKind::Uuid,
            "not_a_uuid",
            &[
                "123e4567-e89b-12d3-a456-426614174000",
                "123E4567-E89B-12D3-A456-426614174000",
            ],
            &[
                "123e4567e89b12d3a456426614174000",
                "123e4567-e89b-12d3-a456-42661417400",
                "g23e4567-e89b-12d3-a456-426614174000",
            ],
        ),
        (
            FieldKind::Url,
            "not_a_url",
            &[
                "https://example.com",
                "HTTP://example.com:8080/a?b=c#d",
                "https://müller.de/ä",
            ],
            &[
                "example.com",
                "ftp://example.com",
                "https://",
                "https:///a",
                "https://a b.com",
                "https://me@example.com",
                "javascript:alert(1)",
            ],
        ),
        (
            FieldKind::Number,
            "not_a_number",
            &["0", "-1.5e10", "12345678901234567890"],
            &["1,5", "01", "+1", "1.", ".5", "0x10", "NaN", "1 000"],
        ),
        (
            FieldKind::Integer,
            "not_an_integer",
            &["0", "-15"],
            &["1.0", "1e3", "007", "one"],
        ),
        (
            FieldKind::Boolean,
            "not_a_boolean",
            &["true", "false"],
            &["True", "yes", "1"],
        ),
        (
            FieldKind::Date,
            "not_a_date",
            &["2024-02-29"],
            &[
                "2023-02-29",
                "2024-13-01",
                "2024-2-9",
                "29.02.2024",
                "2024-02-29T00:00:00Z",
                "+024-02-29",
            ],
        ),
        (
            FieldKind::DateTime,
            "not_a_datetime",
            &[
                "2024-02-29T10:00:00Z",
                "2024-02-29T10:00:00.123+02:00",
                "2024-02-29T10:00:00-08:00",
            ],
            &[
                "2024-02-29",
                "2024-02-29T10:00:00",
                "2024-02-29T10:00Z",
                "2024-02-29 10:00:00Z",
                "2024-02-29T25:00:00Z",
                "2024-02-30T10:00:00Z",
                "2024-02-29T10:00:00+2",
            ],
        ),
        (
            FieldKind::E164,
            "not_a_phone_number",
            &["+4930123456"],
            &[
                "030123456",
                "+0301234",
                "+49 30 123456",
                "+49",
                "+1234567890123456",
            ],
        ),
        (
            FieldKind::Json,
            "not_json",
            &["{\"a\":[1,null]}", "null", "\"x\""],
            &["{a:1}", "{\"a\":1", "{} {}", "'x'"],
        ),
    ] {
        let one = OneField::of(kind);
        let is_bare = matches!(
            kind,
            FieldKind::Number | FieldKind::Integer | FieldKind::Boolean | FieldKind::Json
        );
        for cell in good {
            let told = match is_bare {
                true => (*cell).to_owned(),
                false => serde_json::to_string(cell).expect("a text"),
            };
            assert_eq!(one.map(cell), Ok(told), "{kind:?}");
        }
        for cell in bad {
            assert_eq!(one.refuses(cell), rule, "{kind:?} {cell}");
        }
    }
    let phone = OneField::of(FieldKind::Phone);
    assert_eq!(phone.refuses("4.41E+11"), "spreadsheet_number");
    let mut formatted = OneField::of(FieldKind::String);
    formatted.rule.format = Some(Format::Email);
    assert_eq!(formatted.refuses("ann"), "not_an_email");
    assert_eq!(
        formatted.map("ann").expect_err("refused").1,
        "\"ann\" isn't an e-mail address such as ann@example.com"
    );
}

#[test]
fn a_field_holds_its_values_to_its_bounds() {
    let mut tier = OneField::of(FieldKind::Enum);
    tier.field.values = ["Gold", "Silver"].map(str::to_owned).into();
    assert_eq!(tier.map("Gold").as_deref(), Ok("\"Gold\""));
    assert_eq!(
        tier.map("gold"),
        Err((
            "not_allowed".to_owned(),
            "\"gold\" is none of the values that the field takes: Gold, Silver; did you mean Gold?"
                .to_owned()
        ))
    );
    let mut code = OneField::of(FieldKind::String);
    code.field.pattern = Some("[A-Z]{3}|x".to_owned());
    assert_eq!(code.map("ABC").as_deref(), Ok("\"ABC\""));
    assert_eq!(code.refuses("ABCx"), "wrong_pattern");
    assert_eq!(
        code.map("ab").expect_err("refused").1,
        "\"ab\" doesn't match [A-Z]{3}|x"
    );
    let mut age = OneField::of(FieldKind::Integer);
    (age.field.min, age.field.max) = (Some(0.0), Some(150.0));
    assert_eq!(age.map("150").as_deref(), Ok("150"));
    assert_eq!(age.refuses("151"), "too_large");
    assert_eq!(
        age.map("-1").expect_err("refused").1,
        "\"-1\" is below 0, the field's smallest value"
    );
    let mut short = OneField::of(FieldKind::String);
    short.field.max_length = Some(5);
    short.rule.max_length = Some(3);
    assert_eq!(short.refuses("abcd"), "too_long");
    short.rule.truncate = Some(3);
    assert_eq!(short.map("äöüß").as_deref(), Ok("\"äöü\""));
}

#[test]
fn a_fixed_text_that_the_field_does_not_take_is_a_mistake() {
    let mut one = OneField::of(FieldKind::Integer);
    one.rule.from = RuleSource::Constant("many".to_owned());
    one.rule.line = 7;
    let found = one.program().expect_err("a mistake");
    assert_eq!(found[0].line, 7);
    assert_eq!(
        found[0].to_string(),
        "`value` can't be filled with the fixed text: \"many\" isn't a whole number; write it in digits alone"
    );
    let mut one = OneField::of(FieldKind::Enum);
    one.field.values = vec!["Gold".to_owned()];
    one.rule.default = Some("Bronze".to_owned());
    assert!(one.problem().contains("none of the values"));
    let mut number = OneField::of(FieldKind::Number);
    number.rule.from = RuleSource::Constant("1.50".to_owned());
    assert_eq!(number.map("").as_deref(), Ok("1.50"));
}

#[test]
fn lists_are_split_and_each_entry_is_checked() {
    let mut tags = OneField::of(FieldKind::String);
    tags.field.list = Some(ListForm::default());
    tags.field.max_length = Some(5);
    tags.rule.split = Some(";".to_owned());
    tags.rule.trim = true;
    assert_eq!(tags.map("a; b;;c").as_deref(), Ok(r#"["a","b","c"]"#));
    assert_eq!(tags.map(" ; ").as_deref(), Ok(""));
    assert_eq!(tags.refuses("a;toolong"), "too_long");
    tags.rule.omit_empty = Some(false);
    assert_eq!(tags.map("").as_deref(), Ok("[]"));
    tags.rule.required = true;
    assert_eq!(tags.refuses(";"), "required");
    let mut numbers = OneField::of(FieldKind::Integer);
    numbers.field.list = Some(ListForm {
        item: vec!["no".to_owned(), "value".to_owned()],
    });
    numbers.rule.split = Some(",".to_owned());
    assert_eq!(
        numbers.map("1,2").as_deref(),
        Ok(r#"[{"no":{"value":1}},{"no":{"value":2}}]"#)
    );
    let mut single = OneField::of(FieldKind::String);
    single.rule.split = Some(";".to_owned());
    assert_eq!(
        single.problem(),
        "`value`: the field takes one value, not a list, so `split` can't be used"
    );
}

#[test]
fn an_empty_value_is_left_out_or_sent_as_the_rule_says() {
    let mut text = OneField::of(FieldKind::String);
    assert_eq!(text.map("").as_deref(), Ok(""));
    text.rule.omit_empty = Some(false);
    assert_eq!(text.map("").as_deref(), Ok("\"\""));
    let mut number = OneField::of(FieldKind::Number);
    number.rule.omit_empty = Some(false);
    assert_eq!(number.map("").as_deref(), Ok("null"));
}

#[test]
fn the_key_is_one_value_of_every_row() {
    let contract = contract_of(vec![ContractField::new("value", FieldKind::String)]);
    let problem = |change: fn(&mut FieldRule)| {
        let mut key = FieldRule::column("id", "id");
        change(&mut key);
        let rules = [key, FieldRule::column("value", "cell")];
        problems(by_rules(&rules, &["id", "cell"], &contract)).join("; ")
    };
    assert!(problem(|key| key.when = Some("true".to_owned())).contains("`when` can't be used"));
    assert!(problem(|key| key.split = Some(";".to_owned())).contains("`split` can't be used"));
    assert!(problem(|key| key.omit_empty = Some(true)).contains("`omit_empty` can't be used"));
    let mut key = FieldRule::new("id", RuleSource::Template("CONE-{{ id }}".to_owned()));
    key.letter_case = Some(LetterCase::Lower);
    let rules = [key, FieldRule::column("value", "cell")];
    let program = by_rules(&rules, &["id", "cell"], &contract).expect("fits");
    assert_eq!(apply(&program, &["7", "x"]).expect("fits").0, "cone-7");
}

#[test]
fn a_key_that_lacks_a_part_is_no_key() {
    let contract = contract_of(vec![ContractField::new("value", FieldKind::String)]);
    let names = ["id", "region code", "region", "value"];
    let program = |from: RuleSource| {
        let rules = [
            FieldRule::new("id", from),
            FieldRule::column("value", "value"),
        ];
        by_rules(&rules, &names, &contract)
    };
    let template = |text: &str| RuleSource::Template(text.to_owned());
    let key = |from: &RuleSource, cells: [&str; 3]| {
        let program = program(from.clone()).expect("fits");
        let [id, code, region] = cells;
        apply(&program, &[id, code, region, "x"])
            .map(|(key, _)| key)
            .map_err(|refusal| (refusal.error, refusal.field, refusal.message))
    };
    let missing = |column: &str| {
        Err((
            "missing_key".to_owned(),
            "id".to_owned(),
            format!("the column `{column}`, which the key is made of, is empty; fill it in"),
        ))
    };
    let plain = template("CONE-{{ id }}");
    assert_eq!(key(&plain, ["7", "", ""]), Ok("CONE-7".to_owned()));
    assert_eq!(key(&plain, ["", "", ""]), missing("id"));
    assert_eq!(key(&plain, [" \t", "", ""]), missing("id"));
    let two = template("{{ row[\"region code\"]|upper }}-{{ id|trim }}");
    assert_eq!(key(&two, ["7", "eu", ""]), Ok("EU-7".to_owned()));
    assert_eq!(key(&two, ["7", "", "x"]), missing("region code"));
    assert_eq!(key(&two, ["", "eu", "x"]), missing("id"));
    let put_together = template("{% set prefix = region %}{{ prefix ~ '-' ~ id }}");
    assert_eq!(key(&put_together, ["7", "", ""]), missing("region"));
    // What a template leaves out by its own choice may be empty; not all of it.
    for text in [
        "{% if region %}{{ region }}-{% endif %}{{ id or row['region code'] }}",
        "{{ region ~ '-' if region else '' }}{{ id or row.region }}",
    ] {
        let chosen = template(text);
        assert_eq!(key(&chosen, ["7", "", ""]), Ok("7".to_owned()), "{text}");
        assert_eq!(key(&chosen, ["7", "", "eu"]), Ok("eu-7".to_owned()));
        assert_eq!(key(&chosen, ["", "", ""]).expect_err(text).0, "missing_key");
    }
    let fallback = template("CONE-{{ id or region }}");
    assert_eq!(key(&fallback, ["", "", "eu"]), Ok("CONE-eu".to_owned()));
    assert_eq!(
        key(&fallback, ["", "", ""]).expect_err("none").0,
        "missing_key"
    );
    let joined = RuleSource::Joined {
        columns: vec!["region".to_owned(), "id".to_owned()],
        separator: "-".to_owned(),
    };
    assert_eq!(key(&joined, ["7", "", "eu"]), Ok("eu-7".to_owned()));
    assert_eq!(key(&joined, ["", "", "eu"]), missing("id"));
    assert_eq!(key(&joined, ["7", "", ""]), missing("region"));
    // A part that a spreadsheet has cut down is no better than the whole.
    assert_eq!(
        key(&plain, ["4.41E+11", "", ""]).expect_err("cut down").0,
        "spreadsheet_number"
    );
    for text in ["CONE", "{{ range(3)|join }}", "{# {{ id }} #}x"] {
        assert_eq!(
            problems(program(template(text))),
            [
                "the key `id` has a fixed text, so many rows would change the same record; take it from a column"
            ],
            "{text}"
        );
    }
}

#[test]
fn the_rule_s_own_texts_are_held_to_what_the_field_takes() {
    let table = |entries: &[(&str, &str)]| {
        let entries = entries.iter();
        Some(Lookup {
            entries: entries
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            file: None,
        })
    };
    let mut tier = OneField::of(FieldKind::Enum);
    tier.field.values = vec!["Gold".to_owned(), "Silver".to_owned()];
    tier.rule.lookup = table(&[("1", "Gold"), ("2", "Silber"), ("3", "")]);
    tier.rule.line = 4;
    let problems = |one: &OneField| one.program().expect_err("a mistake");
    let found = problems(&tier);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "`value` can't be filled with what its lookup table has: \"Silber\" is none of the values that the field takes: Gold, Silver; did you mean Silver?"
    );
    assert_eq!(found[0].line, 4);
    tier.rule.text_lines.insert("Silber".to_owned(), 6);
    assert_eq!(problems(&tier)[0].line, 6);
    tier.rule.lookup = table(&[("1", "Gold"), ("2", "Silver"), ("3", "")]);
    assert_eq!(tier.map("2").as_deref(), Ok("\"Silver\""));
    tier.rule.default = Some("Bronze".to_owned());
    tier.rule.text_lines.insert("Bronze".to_owned(), 9);
    assert_eq!(problems(&tier)[0].line, 9);

    // What comes behind the lookup is done to its texts before they are held to
    // anything.
    let mut short = OneField::of(FieldKind::String);
    short.field.max_length = Some(3);
    short.rule.lookup = table(&[("1", "long")]);
    assert!(short.problem().contains("the value has 4 characters"));
    short.rule.truncate = Some(3);
    assert_eq!(short.map("1").as_deref(), Ok("\"lon\""));
    let mut number = OneField::converting(
        FieldKind::Number,
        Conversion::Number(NumberRule {
            decimal: ',',
            thousands: None,
        }),
    );
    number.rule.lookup = table(&[("a", "1,5"), ("b", "many")]);
    assert!(number.problem().contains("\"many\" isn't a number"));
    let mut phone = OneField::converting(
        FieldKind::E164,
        Conversion::E164(Region::Column("other".to_owned())),
    );
    // Which number it is, only a row can tell.
    phone.rule.lookup = table(&[("a", "030 123456")]);
    assert_eq!(
        phone.map_beside("a", "DE").as_deref(),
        Ok("\"+4930123456\"")
    );
}
