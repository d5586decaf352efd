//! The key, the header and what rows are refused for without any rule.

use super::support::*;

#[test]
fn headers_that_are_field_names_need_no_rules() {
    let program = by_header(
        &["contactId", "firstName", "phone", "score", "active"],
        &contract(),
    )
    .expect("fits");
    let (key, body) =
        apply(&program, &["c-1", "A\"\n\u{1}ä", "+49 30", "1.50", "true"]).expect("fits");
    assert_eq!(key, "c-1");
    assert_eq!(
        body,
        r#"{"firstName":"A\"\n\u0001ä","phone":"+49 30","score":1.50,"active":true}"#
    );
    let (_, body) = apply(&program, &["c-1", "", "0", "", ""]).expect("fits");
    assert_eq!(body, r#"{"phone":"0"}"#);
}

#[test]
fn columns_of_a_reject_file_are_no_part_of_the_record() {
    let names = header(&["contactId", "firstName", "_line", "_error"]);
    assert!(Program::compile(None, &names, &[0, 1], &contract()).is_ok());
    assert_eq!(
        problems(Program::compile(None, &names, &[0, 1, 2, 3], &contract())),
        [
            "the target has no field `_line`",
            "the target has no field `_error`"
        ]
    );
}

#[test]
fn all_problems_are_told_at_once_with_the_nearest_name() {
    assert_eq!(
        problems(by_header(&["Contact ID", "first_name"], &contract())),
        [
            "the target has no field `Contact ID`; did you mean `contactId`?",
            "the target has no field `first_name`; did you mean `firstName`?",
            "no column gives the key `contactId`; is it the column `Contact ID`?",
        ]
    );
    let mut rules = vec![
        FieldRule::column("contactId", "custmer_id"),
        FieldRule::column("firstName", "first"),
        FieldRule::column("firstName", "last"),
        FieldRule::column("lastName", "twice"),
    ];
    let names = header(&["customer_id", "first", "last", "twice", "twice"]);
    let columns = [0, 1, 2, 3, 4];
    assert_eq!(
        problems(Program::compile(
            Some(&rules),
            &names,
            &columns,
            &contract()
        )),
        [
            "`contactId` comes from the column `custmer_id`, which the input doesn't have; did you mean `customer_id`?",
            "the field `firstName` is filled twice; keep one",
            "`lastName` comes from the column `twice`, which the input has more than once; rename all but one",
        ]
    );
    rules.truncate(1);
    rules[0] = FieldRule::column("contactId", "customer_id");
    assert_eq!(
        problems(Program::compile(
            Some(&rules),
            &names,
            &columns,
            &contract()
        )),
        ["there is no field to write besides the key"]
    );
    rules[0].default = Some("x".to_owned());
    assert_eq!(
        problems(Program::compile(
            Some(&rules),
            &names,
            &columns,
            &contract()
        )),
        [
            "the key `contactId` has a fixed text, so many rows would change the same record; take it from a column"
        ]
    );
    let mut strict = contract();
    strict.fields[0].required = true;
    assert_eq!(
        problems(by_header(&["contactId", "lastName"], &strict)),
        ["the target requires the field `firstName`, and nothing fills it"]
    );
}

#[test]
fn rules_trim_lower_and_fill_in() {
    let mut rules = vec![
        FieldRule::column("contactId", "id"),
        FieldRule::column("firstName", "mail"),
        FieldRule::column("lastName", "none"),
    ];
    rules[1].trim = true;
    rules[1].letter_case = Some(LetterCase::Lower);
    rules[2].default = Some("Miller".to_owned());
    rules.push(FieldRule {
        from: RuleSource::Constant("+1".to_owned()),
        ..FieldRule::column("phone", "")
    });
    let names = header(&["id", "mail", "none"]);
    let program = Program::compile(Some(&rules), &names, &[0, 1, 2], &contract()).expect("fits");
    let (_, body) = apply(&program, &["1", "  ÄB@Example.COM ", ""]).expect("fits");
    assert_eq!(
        body,
        r#"{"firstName":"äb@example.com","lastName":"Miller","phone":"+1"}"#
    );
}

#[test]
fn a_row_that_breaks_a_rule_is_refused_and_leaves_nothing_behind() {
    let mut strict = contract();
    strict.fields[0].max_length = Some(3);
    strict.fields[0].forbids_control_characters = true;
    strict.fields[1].required = true;
    let names = [
        "contactId",
        "firstName",
        "lastName",
        "phone",
        "score",
        "active",
    ];
    let program = by_header(&names, &strict).expect("fits");
    let cases = [
        (["", "a", "b", "", "", ""], "missing_key", "contactId"),
        ([" \t", "a", "b", "", "", ""], "missing_key", "contactId"),
        ([".", "a", "b", "", "", ""], "unsafe_key", "contactId"),
        (["..", "a", "b", "", "", ""], "unsafe_key", "contactId"),
        (
            ["4.41E+11", "a", "b", "", "", ""],
            "spreadsheet_number",
            "contactId",
        ),
        (
            ["4,41E+11", "a", "b", "", "", ""],
            "spreadsheet_number",
            "contactId",
        ),
        (
            ["1E+12", "a", "b", "", "", ""],
            "spreadsheet_number",
            "contactId",
        ),
        (
            [
                "01234567890123456789012345678901234567890",
                "a",
                "b",
                "",
                "",
                "",
            ],
            "too_long",
            "contactId",
        ),
        (["1", "äöüß", "b", "", "", ""], "too_long", "firstName"),
        (
            ["1", "a\n", "b", "", "", ""],
            "control_character",
            "firstName",
        ),
        (["1", "a", "", "", "", ""], "required", "lastName"),
        (
            ["1", "a", "b", "4.41e+11", "", ""],
            "spreadsheet_number",
            "phone",
        ),
        (["1", "a", "b", "", "1,5", ""], "not_a_number", "score"),
        (["1", "a", "b", "", "", "yes"], "not_a_boolean", "active"),
    ];
    for (cells, rule, field) in cases {
        let (mut mapped, mut body) = (MappedRow::default(), b"kept".to_vec());
        let refusal = program
            .apply(&row(&cells), &mut mapped, &mut body)
            .expect_err(rule);
        assert_eq!(
            (refusal.error.as_str(), refusal.field.as_str()),
            (rule, field)
        );
        assert!(!refusal.message.is_empty());
        assert_eq!(body, b"kept");
    }
    // A hexadecimal id and an umlaut within the length pass.
    assert!(apply(&program, &["12345E67", "äöü", "b", "", "-1e5", "false"]).is_ok());
}

#[test]
fn an_empty_cell_can_be_sent() {
    let mut sends = contract();
    sends.empty_cells = EmptyCells::Send;
    sends.key_in_body = true;
    let program = by_header(&["contactId", "firstName", "score"], &sends).expect("fits");
    let (_, body) = apply(&program, &["1", "", ""]).expect("fits");
    assert_eq!(body, r#"{"contactId":"1","firstName":"","score":null}"#);
}

#[test]
fn the_plan_hears_of_zeros_that_may_be_lost() {
    let program = by_header(&["contactId", "phone", "lastName"], &contract()).expect("fits");
    let mut observations = Observations::default();
    for line in 2..12 {
        observations.observe(&program, &row(&["1", "4930123", "x"]), line);
    }
    observations.observe(&program, &row(&["1", "0301", "4,4E+3"]), 12);
    observations.observe(&program, &row(&["1", "+4930", "x"]), 13);
    let found = observations.found();
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].rows, found[0].first_lines.as_slice()),
        (10, [2, 3, 4, 5, 6].as_slice())
    );
    assert_eq!(found[0].kind, ObservationKind::LeadingZerosMayBeLost);
    assert_eq!(
        (found[1].field.as_str(), found[1].first_lines[0]),
        ("lastName", 12)
    );
}

#[test]
fn the_plan_hears_of_white_space_around_a_key() {
    let mut rules = [
        FieldRule::column("contactId", "id"),
        FieldRule::column("lastName", "last"),
    ];
    let found = |rules: &[FieldRule]| {
        let program = by_rules(rules, &["id", "last"], &contract()).expect("fits");
        let mut observations = Observations::default();
        for (line, id) in (2..).zip(["c-1", " c-2", "c-3\t", "c 4", " ", "\u{a0}c-6"]) {
            observations.observe(&program, &row(&[id, " x "]), line);
        }
        observations.found().to_vec()
    };
    let told = found(&rules);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (
            told[0].kind,
            told[0].field.as_str(),
            told[0].first_lines.as_slice()
        ),
        (
            ObservationKind::BlanksAroundKey,
            "contactId",
            &[3, 4, 7][..]
        )
    );
    rules[0].trim = true;
    assert!(found(&rules).is_empty());
    rules[0].from = RuleSource::Template("CONE-{{ id }}".to_owned());
    // At its end the whole key is trimmed; between its parts it isn't.
    assert_eq!(found(&rules)[0].first_lines, [3, 7]);
    rules[0].from = RuleSource::Template("CONE-{{ id|trim }}".to_owned());
    assert!(found(&rules).is_empty());
}

#[test]
fn a_target_that_takes_white_space_away_gets_none() {
    let contract = Contract {
        trims: true,
        ..contract()
    };
    let program = by_header(&["contactId", "firstName"], &contract).expect("fits");
    assert_eq!(
        apply(&program, &["\u{a0}7 ", "\tAda  L "]).expect("mapped"),
        ("7".to_owned(), r#"{"firstName":"Ada  L"}"#.to_owned())
    );
    apply(&program, &["  ", "Ada"]).expect_err("no key");
}
