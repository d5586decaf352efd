//! Whatever a tenant replies, every record has one verdict, and none is done
//! that the reply doesn't clearly call done.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::*;
use crate::connector::*;

/// One of each way to split a reply, creates and upserts.
static OPERATIONS: LazyLock<Vec<Arc<Operation>>> = LazyLock::new(|| {
    let forms = [
        "at: /results\nkey: /externalId\nstatus: /status\nid: /id\nerror_count: /errorCount",
        "at: /results\ntracker: /tracker\nstatus: /status\nabsent: done",
        "at: /results\nindex: /index\nstatus: /status\nabsent: rejected\nof_status: [2xx, 400]",
        "error_indexes: /errorIndexes\nothers: done\nerror_count: /errorCount",
        "error_indexes: /errorIndexes\nothers: untouched",
        "absent: done\nfailures: {at: /errors, index: /index, status: /status}",
        "at: /results\nkey: /externalId\nreplies: [{class: done}]\nfailures: {at: /errors, key: /externalId}",
        "at: \"\"\nkey: [/id, /externalId]\nreplies: [{body_has: /error, class: rejected}, {class: done}]\nall_or_nothing: true",
        "all_or_nothing: true",
    ];
    forms
        .iter()
        .flat_map(|form| [creating(form), upserting(form)])
        .collect()
});

/// What a tenant says of one record.
#[derive(Clone, Debug)]
struct Entry {
    key: String,
    index: i64,
    status: Value,
    error: bool,
}

impl Entry {
    fn json(&self) -> Value {
        let mut entry = json!({
            "externalId": self.key, "id": self.key, "index": self.index,
            "tracker": self.index + 1, "status": self.status,
        });
        if self.error {
            entry["error"] = json!({"message": "no", "field": "name"});
        }
        entry
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let status = prop_oneof![
        4 => prop::sample::select(vec![200, 201, 400, 404, 409, 429, 500, 503]).prop_map(|status| json!(status)),
        1 => prop::sample::select(vec![json!(null), json!("201"), json!("ok"), json!(-1), json!([]), json!(1e300)]),
    ];
    (-1..7_i64, status, any::<bool>()).prop_map(|(index, status, error)| Entry {
        key: format!("c-{}", index + 1),
        index,
        status,
        error,
    })
}

fn reply() -> impl Strategy<Value = Value> {
    let indexes = prop::collection::vec(
        prop_oneof![5 => (-1..7_i64).prop_map(|index| json!(index)), 1 => Just(json!("x"))],
        0..6,
    );
    (
        prop::collection::vec(entry(), 0..8),
        prop::option::of(prop::collection::vec(entry(), 0..4)),
        indexes,
        prop::option::of(0..9_u64),
        any::<bool>(),
    )
        .prop_map(|(results, errors, indexes, count, is_list)| {
            let list = |entries: &[Entry]| {
                Value::from(entries.iter().map(Entry::json).collect::<Vec<_>>())
            };
            if is_list {
                return list(&results);
            }
            let mut reply = json!({"results": list(&results), "errorIndexes": indexes});
            if let Some(errors) = errors {
                reply["errors"] = list(&errors);
            }
            if let Some(count) = count {
                reply["errorCount"] = json!(count);
            }
            reply
        })
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![
        6 => Just(200_u16), 2 => Just(207), 1 => Just(202), 1 => Just(400),
        1 => prop::sample::select(vec![401_u16, 403, 404, 409, 413, 422, 429, 500, 503]),
        1 => any::<u16>(),
    ]
}

/// One verdict for every record, each of which makes sense.
fn assert_sound(operation: &Operation, split: &Split) -> Result<(), TestCaseError> {
    match split {
        Split::Items(verdicts) | Split::NamesNone(verdicts) => {
            prop_assert_eq!(verdicts.len(), ITEMS.len());
            for verdict in verdicts {
                let ends = operation
                    .outcome(verdict.class, verdict.status.unwrap_or(0))
                    .is_some();
                prop_assert_eq!(verdict.outcome.is_some(), ends);
                let is_success = matches!(verdict.class, ReplyClass::Done | ReplyClass::Unchanged);
                prop_assert_eq!(verdict.error.is_empty(), is_success);
                prop_assert_eq!(verdict.message.is_empty(), is_success);
                prop_assert!(verdict.message.chars().count() <= 500);
                prop_assert!(is_success || verdict.id.is_none());
                prop_assert!(!verdict.untouched || verdict.class == ReplyClass::Retry);
            }
        }
        Split::Whole(why) | Split::Halve(why) | Split::ShrinkCap { why, .. } => {
            prop_assert!(why.message.chars().count() <= 700);
            if let Split::ShrinkCap { most, .. } = split {
                prop_assert!((1..ITEMS.len()).contains(most));
            }
        }
    }
    Ok(())
}

/// The bodies in which the lists stand in another order.
fn shuffled(mut reply: Value, seed: usize) -> Value {
    let turn = |list: &mut Value| {
        if let Some(entries) = list.as_array_mut() {
            let places = entries.len().max(1);
            entries.rotate_left(seed % places);
            if seed % 2 == 1 {
                entries.reverse();
            }
        }
    };
    if reply.is_array() {
        turn(&mut reply);
        return reply;
    }
    for name in ["results", "errors", "errorIndexes"] {
        if let Some(list) = reply.get_mut(name) {
            turn(list);
        }
    }
    reply
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_make_it_panic(status in status(), body in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a-z]{0,60}") {
        for operation in OPERATIONS.iter() {
            for body in [body.as_slice(), text.as_bytes()] {
                assert_sound(operation, &split(operation, status, body))?;
                let _ = operation.target_id(body);
            }
        }
        let operation = fixture("create-contacts");
        for body in [body.as_slice(), text.as_bytes()] {
            let _ = operation.classify_look_up(status, &no_header, body, "c-1", body);
        }
    }

    #[test]
    fn each_record_has_one_verdict_whatever_the_order_of_the_results(status in status(), reply in reply(), seed in 0..100_usize) {
        for operation in OPERATIONS.iter() {
            let told = split(operation, status, reply.to_string().as_bytes());
            assert_sound(operation, &told)?;
            if let Split::Items(verdicts) = told {
                let again = split(operation, status, shuffled(reply.clone(), seed).to_string().as_bytes());
                prop_assert_eq!(Split::Items(verdicts), again);
            }
        }
    }

    #[test]
    fn a_reply_that_breaks_off_makes_nothing_done(reply in reply(), cut in 1..400_usize) {
        let whole_body = reply.to_string();
        let end = whole_body.len().saturating_sub(cut).max(1);
        for operation in OPERATIONS.iter() {
            // Where all or nothing is applied, the status alone tells.
            if operation.split(200, &no_header, b"", &ITEMS) == operation.split(200, &no_header, b"{}", &ITEMS)
                && matches!(operation.split(200, &no_header, b"", &ITEMS), Split::Whole(why) if why.class == ReplyClass::Done)
            {
                continue;
            }
            let told = split(operation, 200, &whole_body.as_bytes()[..end]);
            prop_assert!(matches!(&told, Split::Whole(why) if why.class == ReplyClass::Unknown), "{:?}", told);
        }
    }

    #[test]
    fn a_record_is_done_only_if_the_reply_says_so_of_it_once(reply in reply()) {
        // The two forms in which only results that name a record make it done.
        for operation in &OPERATIONS[..2] {
            let Split::Items(verdicts) = split(operation, 200, reply.to_string().as_bytes()) else {
                continue;
            };
            let mut told: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for entry in reply["results"].as_array().into_iter().flatten() {
                let status = match &entry["status"] {
                    Value::String(text) => text.parse().unwrap_or(0),
                    status => status.as_u64().unwrap_or(0),
                };
                let key = entry["externalId"].as_str().unwrap_or_default().to_owned();
                told.entry(key).or_default().push(status);
            }
            for (item, verdict) in ITEMS.iter().zip(&verdicts) {
                let is_told_done = matches!(told.get(item.key).map(Vec::as_slice), Some([200 | 201]));
                prop_assert_eq!(verdict.class == ReplyClass::Done, is_told_done, "{} {:?}", item.key, verdict);
            }
        }
    }

    #[test]
    fn a_failed_record_is_never_done_by_silence(failed in prop::collection::btree_set(0..5_usize, 0..=5), foreign in any::<bool>(), miscounted in any::<bool>()) {
        let mut indexes: Vec<usize> = failed.iter().copied().collect();
        if foreign {
            indexes.push(5);
        }
        let count = failed.len() + usize::from(foreign) + usize::from(miscounted);
        let errors: Vec<Value> = indexes.iter().map(|index| json!({"index": index, "status": 422})).collect();
        let body = json!({"errorIndexes": indexes, "errorCount": count, "errors": errors}).to_string();
        for (form, counts) in [(3, true), (5, false)] {
            for operation in &OPERATIONS[form * 2..form * 2 + 2] {
                let verdicts = items(split(operation, 200, body.as_bytes()));
                for (index, verdict) in verdicts.iter().enumerate() {
                    let is_odd = foreign || (miscounted && counts);
                    let expected = match (failed.contains(&index), is_odd) {
                        (true, _) => ReplyClass::Rejected,
                        (false, true) => ReplyClass::Unknown,
                        (false, false) => ReplyClass::Done,
                    };
                    prop_assert_eq!(verdict.class, expected);
                }
            }
        }
    }

    #[test]
    fn a_batch_holds_every_record_in_its_order(records in prop::collection::vec("[a-z\"\\\\]{0,8}", 0..20)) {
        let bodies: Vec<String> = records.iter().map(|name| json!({"name": name}).to_string()).collect();
        for operation in OPERATIONS.iter().step_by(2) {
            let mut body = Vec::new();
            operation.write_batch_body(bodies.iter().map(String::as_bytes).zip(5..), &mut body);
            let tree: Value = serde_json::from_slice(&body).expect("JSON");
            let written = tree["things"].as_array().expect("a list");
            prop_assert_eq!(written.len(), records.len());
            for (index, (written, name)) in written.iter().zip(&records).enumerate() {
                prop_assert_eq!(written["name"].as_str(), Some(name.as_str()));
                if let Some(tracker) = written.get("tracker") {
                    prop_assert_eq!(tracker.as_u64(), Some(index as u64 + 5));
                }
            }
        }
    }
}
