//! Whatever a row holds, its record is what a JSON library would have built.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::mapping::json as written;

use super::support::*;

/// Puts a value at a place, the way one builds JSON by hand.
fn put(tree: &mut Value, place: &[&str], value: Value) {
    let Some((name, rest)) = place.split_first() else {
        *tree = value;
        return;
    };
    if tree.is_null() {
        *tree = match name.parse::<usize>() {
            Ok(_) => json!([]),
            Err(_) => json!({}),
        };
    }
    match tree {
        // Entries are put in their order, so that a gap closes.
        Value::Array(entries) => {
            if rest.first().is_none_or(|_| entries.is_empty()) || name.ends_with('1') {
                entries.push(Value::Null);
            }
            put(entries.last_mut().expect("pushed"), rest, value);
        }
        Value::Object(members) => {
            put(members.entry(*name).or_insert(Value::Null), rest, value);
        }
        _ => panic!("a value stands in the way"),
    }
}

const PLACES: [(&str, &[&str]); 4] = [
    ("plain", &["plain"]),
    ("deep", &["a", "b\"/~", "c"]),
    ("first", &["list", "0", "value"]),
    ("second", &["list", "1", "value"]),
];

fn nested() -> Contract {
    let field = |(name, place): (&str, &[&str])| ContractField {
        at: place.iter().map(|&name| name.to_owned()).collect(),
        ..ContractField::new(name, FieldKind::String)
    };
    contract_of(PLACES.map(field).into())
}

proptest! {
    #[test]
    fn the_record_is_what_a_json_library_would_write(
        cells in prop::array::uniform4(any::<String>()),
        omits in prop::array::uniform4(any::<bool>()),
    ) {
        let rules: Vec<FieldRule> = std::iter::once(FieldRule::column("id", "id"))
            .chain(PLACES.iter().zip(omits).map(|((name, _), omit_empty)| FieldRule {
                omit_empty: Some(omit_empty),
                ..FieldRule::column(*name, *name)
            }))
            .collect();
        let names: Vec<&str> = ["id"].into_iter().chain(PLACES.map(|(name, _)| name)).collect();
        let program = by_rules(&rules, &names, &nested()).expect("fits");
        let all: Vec<&str> = ["1"].into_iter().chain(cells.iter().map(String::as_str)).collect();
        let (_, body) = apply(&program, &all).expect("any text is a text");
        let mut model = json!({});
        for (((_, place), cell), omits) in PLACES.iter().zip(&cells).zip(omits) {
            if !(cell.is_empty() && omits) {
                put(&mut model, place, json!(cell));
            }
        }
        let parsed: Value = serde_json::from_str(&body).expect("JSON");
        prop_assert_eq!(parsed, model);
    }

    // Whatever is in a cell, whatever a rule does to it: JSON, or a refusal.
    #[test]
    fn no_cell_makes_a_rule_panic_or_write_something_else_than_json(
        cell in prop_oneof![any::<String>(), "[-+0-9., ()/:TZeE]{0,24}", "[a-z@.:/]{0,20}"],
        which in 0_usize..8,
        kind in prop::sample::select(vec![
            FieldKind::String, FieldKind::Phone, FieldKind::E164, FieldKind::Email, FieldKind::Uuid,
            FieldKind::Url, FieldKind::Number, FieldKind::Integer, FieldKind::Boolean, FieldKind::Date,
            FieldKind::DateTime, FieldKind::Json,
        ]),
        is_list in any::<bool>(),
        truncate in prop::option::of(1_usize..6),
        sends_empty in any::<bool>(),
    ) {
        let mut one = OneField::of(kind);
        one.rule.convert = match which {
            0 => Some(Conversion::Number(NumberRule { decimal: ',', thousands: Some('.') })),
            1 => Some(Conversion::E164(Region::Fixed("DE".to_owned()))),
            2 => Some(Conversion::Date(DateRule::default())),
            3 => Some(Conversion::Date(DateRule {
                from: vec!["%d.%m.%Y".to_owned(), "%m.%d.%Y".to_owned()],
                zone: Some("Europe/Berlin".to_owned()),
                to: Some(DateTarget::Local),
                gap: None,
            })),
            4 => Some(Conversion::Boolean(BooleanRule {
                yes: vec!["a".to_owned()],
                no: vec!["b".to_owned()],
            })),
            _ => None,
        };
        one.rule.letter_case = (which == 5).then_some(LetterCase::Upper);
        one.rule.from = match which {
            6 => RuleSource::Template("{{ cell|upper }}".to_owned()),
            _ => one.rule.from,
        };
        one.rule.truncate = truncate;
        one.rule.omit_empty = Some(!sends_empty);
        if is_list {
            one.field.list = Some(ListForm { item: vec!["value".to_owned()] });
            one.rule.split = Some(",".to_owned());
        }
        let program = one.program().expect("fits");
        match apply(&program, &["1", &cell, ""]) {
            Ok((_, body)) => {
                let parsed: Map<String, Value> = serde_json::from_str(&body).expect("JSON");
                prop_assert!(parsed.keys().all(|key| key == "value"));
            }
            Err(refusal) => prop_assert!(!refusal.error.is_empty() && !refusal.message.is_empty()),
        }
    }

    // Exponents of two digits, since the library alone refuses 1e999.
    #[test]
    fn a_number_is_one_that_json_knows(
        text in "[-+]?[0-9]{0,3}[.]{0,2}[0-9]{0,2}[eE]?[-+]?[0-9]{0,2}",
    ) {
        let known = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_number());
        prop_assert_eq!(written::is_number(&text), known);
    }
}
