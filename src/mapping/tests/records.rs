//! Where values stand in a record.

use super::support::*;

fn at(name: &str, place: &[&str]) -> ContractField {
    ContractField {
        at: place.iter().map(|&name| name.to_owned()).collect(),
        ..ContractField::new(name, FieldKind::String)
    }
}

fn fixed(place: &[&str], json: &str) -> FixedMember {
    FixedMember {
        at: place.iter().map(|&name| name.to_owned()).collect(),
        json: json.to_owned(),
    }
}

fn nested() -> Contract {
    let mut email = at("email", &["emails", "0", "value"]);
    email.beside = vec![fixed(&["emails", "0", "primary"], "true")];
    let second = at("second", &["emails", "1", "value"]);
    let mut street = at("street", &["address", "street"]);
    let mut city = at("city", &["address", "city"]);
    street.beside = vec![fixed(&["address", "kind"], "\"HOME\"")];
    city.beside = street.beside.clone();
    Contract {
        constants: vec![
            fixed(&["entityTypeId"], "\"e-1\""),
            fixed(&["meta", "from"], "7"),
        ],
        key_in_body: true,
        ..contract_of(vec![
            email,
            second,
            street,
            city,
            at("custom.tier", &["custom", "tier"]),
        ])
    }
}

const COLUMNS: [&str; 6] = ["id", "email", "second", "street", "city", "custom.tier"];

#[test]
fn values_stand_where_the_contract_puts_them() {
    let program = by_header(&COLUMNS, &nested()).expect("fits");
    let (_, body) =
        apply(&program, &["1", "a@x.de", "b@x.de", "Main St", "", "Gold"]).expect("fits");
    assert_eq!(
        body,
        r#"{"id":"1","emails":[{"value":"a@x.de","primary":true},{"value":"b@x.de"}],"address":{"street":"Main St","kind":"HOME"},"custom":{"tier":"Gold"},"entityTypeId":"e-1","meta":{"from":7}}"#
    );
}

#[test]
fn what_is_empty_leaves_no_empty_object_behind() {
    let program = by_header(&COLUMNS, &nested()).expect("fits");
    let (_, body) = apply(&program, &["1", "", "", "", "", ""]).expect("fits");
    assert_eq!(body, r#"{"id":"1","entityTypeId":"e-1","meta":{"from":7}}"#);
    // A list closes the gap, and what stands beside a value goes with it.
    let (_, body) = apply(&program, &["1", "", "b@x.de", "", "Bonn", ""]).expect("fits");
    assert_eq!(
        body,
        r#"{"id":"1","emails":[{"value":"b@x.de"}],"address":{"kind":"HOME","city":"Bonn"},"entityTypeId":"e-1","meta":{"from":7}}"#
    );
    let (_, body) = apply(&program, &["1", "", "", "A", "B", ""]).expect("fits");
    assert_eq!(body.matches("HOME").count(), 1);
}

#[test]
fn a_field_that_no_column_fills_takes_its_neighbours_along() {
    let program = by_header(&["id", "city"], &nested()).expect("fits");
    let (_, body) = apply(&program, &["1", "Bonn"]).expect("fits");
    assert!(!body.contains("primary"), "{body}");
    assert!(
        body.contains(r#""address":{"city":"Bonn","kind":"HOME"}"#),
        "{body}"
    );
}

#[test]
fn two_things_at_one_place_are_a_mistake() {
    for (one, other) in [
        (at("one", &["a"]), at("other", &["a"])),
        (at("one", &["a"]), at("other", &["a", "b"])),
        (at("one", &["a", "b"]), at("other", &["a", "0"])),
        (at("one", &["a", "0"]), at("other", &["a", "b"])),
        (at("one", &["x"]), at("other", &["a", "1000"])),
        (at("one", &["x"]), at("id", &["0"])),
    ] {
        let contract = contract_of(vec![one, other.clone()]);
        assert_eq!(contract.clash(), Some(other.name.clone()), "{other:?}");
        let found = problems(by_header(&["id", "one", "other"], &contract));
        assert!(!found.is_empty());
    }
    assert_eq!(nested().clash(), None);
    let mut contract = nested();
    contract
        .constants
        .push(fixed(&["address", "kind"], "\"WORK\""));
    assert_eq!(contract.clash(), Some("/address/kind".to_owned()));
    contract.constants.pop();
    contract.fields[2].beside[0].json = "\"WORK\"".to_owned();
    assert_eq!(contract.clash(), Some("city".to_owned()));
}

#[test]
fn the_fields_tell_where_they_come_from() {
    let mut full_name = FieldRule::new(
        "street",
        RuleSource::Template("{{ row['house no'] }} {{ city }}".to_owned()),
    );
    full_name.trim = true;
    let rules = [FieldRule::column("id", "key"), full_name];
    let program = by_rules(&rules, &["city", "key", "house no"], &nested()).expect("fits");
    let fields: Vec<_> = program.fields().collect();
    assert_eq!(
        (fields[0].name, fields[0].columns.as_slice()),
        ("id", &[1][..])
    );
    assert_eq!(fields[1].parts, ["template", "trim"]);
    let mut mapped = MappedRow::default();
    let mut body = Vec::new();
    program
        .apply(&row(&["Bonn", "k", "7"]), &mut mapped, &mut body)
        .expect("fits");
    assert_eq!(mapped.value(0), Some(&b"\"7 Bonn\""[..]));
    assert_eq!(mapped.value(1), None);
}

#[test]
fn a_record_without_a_value_is_refused_where_it_would_replace_another() {
    let mut contract = contract_of(vec![ContractField::new("value", FieldKind::String)]);
    contract.replaces = true;
    contract.constants = vec![FixedMember {
        at: vec!["kind".to_owned()],
        json: "1".to_owned(),
    }];
    let rules = [
        FieldRule::column("id", "id"),
        FieldRule::column("value", "cell"),
    ];
    let map = |contract: &Contract, cell: &str| {
        let program = by_rules(&rules, &["id", "cell"], contract).expect("fits");
        apply(&program, &["7", cell]).map_err(|refusal| refusal.error)
    };
    assert_eq!(map(&contract, "").expect_err("nothing"), "nothing_to_send");
    assert_eq!(
        map(&contract, "x").expect("a value").1,
        r#"{"value":"x","kind":1}"#
    );
    // What isn't named stays as it is.
    contract.replaces = false;
    assert_eq!(map(&contract, "").expect("no change").1, r#"{"kind":1}"#);
    contract.replaces = true;
    // A record of its key alone can be made.
    contract.key_in_body = true;
    assert_eq!(
        map(&contract, "").expect("a key").1,
        r#"{"id":"7","kind":1}"#
    );
    // … but where it can only be changed, nothing would be left of it.
    contract.only_changes = true;
    assert_eq!(map(&contract, "").expect_err("nothing"), "nothing_to_send");
    contract.only_changes = false;
    contract.key_in_body = false;
    contract.empty_cells = EmptyCells::Send;
    assert_eq!(
        map(&contract, "").expect("sent empty").1,
        r#"{"value":"","kind":1}"#
    );
}
