//! Fields that hold ids of other entities' records.

use std::sync::Arc;

use super::support::*;

/// Sites with the ids that they got.
#[derive(Debug)]
struct Sites;

impl TargetIds for Sites {
    fn find(&self, entity: &str, key: &str) -> FoundId {
        match (entity, key) {
            ("sites", "HQ") => FoundId::Known("5f0c7f4e-0000-4000-8000-000000000001".to_owned()),
            ("sites", "lab") => FoundId::Known("17".to_owned()),
            ("sites", "twin") => FoundId::Several,
            ("sites", "torn") => FoundId::Failed("the journal is damaged".to_owned()),
            ("sites", "later") => FoundId::Later,
            _ => FoundId::Absent("none of its rows has this key".to_owned()),
        }
    }
}

fn reference(kind: FieldKind) -> OneField {
    let mut one = OneField::of(kind);
    one.rule.reference = Some("sites".to_owned());
    one
}

/// What a cell becomes where the ids are at hand.
fn map(one: &OneField, cell: &str) -> Result<String, (String, String)> {
    let ids: Arc<dyn TargetIds> = Arc::new(Sites);
    let mut program = one.program().expect("fits");
    program.set_target_ids(&ids);
    match apply(&program, &["1", cell, ""]) {
        Ok((_, body)) => Ok(body),
        Err(refusal) => {
            assert_eq!(refusal.field, "value");
            Err((refusal.error, refusal.message))
        }
    }
}

fn refused(one: &OneField, cell: &str) -> String {
    let (rule, message) = map(one, cell).expect_err(cell);
    assert_eq!(rule, "reference");
    message
}

#[test]
fn the_field_gets_the_id_that_the_key_stands_for() {
    let one = reference(FieldKind::String);
    let id = r#"{"value":"5f0c7f4e-0000-4000-8000-000000000001"}"#;
    assert_eq!(map(&one, "HQ"), Ok(id.to_owned()));
    assert_eq!(
        map(&reference(FieldKind::Integer), "lab"),
        Ok(r#"{"value":17}"#.to_owned())
    );
}

#[test]
fn everything_else_is_done_to_the_key_before() {
    let mut one = reference(FieldKind::String);
    one.rule.trim = true;
    one.rule.letter_case = Some(LetterCase::Lower);
    one.rule.lookup = Some(Lookup {
        entries: [("The Lab".to_owned(), "LAB".to_owned())].into(),
        file: None,
    });
    one.rule.default = Some("lab".to_owned());
    let lab = Ok(r#"{"value":"17"}"#.to_owned());
    assert_eq!(map(&one, " The Lab "), lab);
    assert_eq!(map(&one, ""), lab);
    let mut always = reference(FieldKind::String);
    always.rule.from = RuleSource::Constant("lab".to_owned());
    assert_eq!(map(&always, "HQ"), lab);
}

#[test]
fn an_empty_key_follows_the_rules_for_empty_values() {
    let mut one = reference(FieldKind::String);
    assert_eq!(map(&one, ""), Ok("{}".to_owned()));
    one.rule.omit_empty = Some(false);
    assert_eq!(map(&one, ""), Ok(r#"{"value":""}"#.to_owned()));
    one.rule.required = true;
    let (rule, _) = map(&one, "").expect_err("nothing there");
    assert_eq!(rule, "required");
}

#[test]
fn every_entry_of_a_list_may_refer() {
    let mut one = reference(FieldKind::String);
    one.field.list = Some(ListForm::default());
    one.rule.split = Some(";".to_owned());
    assert_eq!(
        map(&one, "lab;;HQ"),
        Ok(r#"{"value":["17","5f0c7f4e-0000-4000-8000-000000000001"]}"#.to_owned())
    );
    assert!(refused(&one, "lab;moon").contains("the key \"moon\""));
}

#[test]
fn the_checks_are_held_against_the_id() {
    let uuid = reference(FieldKind::Uuid);
    assert!(map(&uuid, "HQ").is_ok());
    let (rule, _) = map(&uuid, "lab").expect_err("no UUID");
    assert_eq!(rule, "not_a_uuid");
    let mut short = reference(FieldKind::String);
    short.rule.max_length = Some(2);
    assert_eq!(map(&short, "lab"), Ok(r#"{"value":"17"}"#.to_owned()));
}

#[test]
fn a_key_without_one_id_refuses_its_row_and_says_what_to_do() {
    let one = reference(FieldKind::String);
    assert_eq!(
        refused(&one, "moon"),
        "`sites` has no id for the key \"moon\"; none of its rows has this key"
    );
    assert_eq!(
        refused(&one, "twin"),
        "`sites` has several records of the key \"twin\"; keep one of their rows"
    );
    assert_eq!(
        refused(&one, "torn"),
        "the id of \"torn\" in `sites` can't be found out: the journal is damaged"
    );
}

#[test]
fn a_plan_shows_the_key_in_the_ids_place_and_checks_nothing_there() {
    for kind in [FieldKind::Uuid, FieldKind::Integer] {
        assert_eq!(
            map(&reference(kind), "later"),
            Ok(r#"{"value":"→ id of sites “later”"}"#.to_owned())
        );
    }
}

#[test]
fn without_ids_no_row_gets_through() {
    let (rule, message) = reference(FieldKind::String).map("HQ").expect_err("no ids");
    assert_eq!(rule, "reference");
    assert!(message.contains("aren't at hand"), "{message}");
}

#[test]
fn the_key_itself_refers_to_nothing() {
    let mut key = FieldRule::column("id", "id");
    key.reference = Some("sites".to_owned());
    let contract = contract_of(vec![ContractField::new("value", FieldKind::String)]);
    let rules = [key, FieldRule::column("value", "cell")];
    let found = problems(by_rules(&rules, &["id", "cell"], &contract));
    assert_eq!(
        found,
        [
            "`id`: it is the key, by which a row is known before any id is, so `reference` can't be used"
        ]
    );
}
