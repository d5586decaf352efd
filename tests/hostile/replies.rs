//! Replies of a tenant: whatever the body is, each record has one verdict, and
//! a body that says nothing makes nothing done that can't be sent again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sluice::connector::{Connector, ItemKey, LookUpAnswer, Operation, ReplyClass, Split};
use sluice::limit::retry_after_in_body;

use crate::corpus;
use crate::hunt::Hunt;

const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"null",
    b"true",
    b"false",
    b"-1",
    b"0",
    b"1e999",
    b"99999999999999999999",
    b"\"status\":201",
    b"\"status\":\"429\"",
    b"\"index\":0",
    b"\"index\":-1",
    b"\"externalId\":\"c-1\"",
    b"\"errorIndexes\":[0,0,9]",
    b"\"results\":",
    b"\"errors\":[]",
    b"\"entity\":{}",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\xc3\xa9",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":",
    b" retry after 5 seconds",
    b"already exists",
    b"\n",
    b"<html>",
];

const FIXTURES: [&str; 6] = [
    "batch-create",
    "batch-upsert",
    "create-contacts",
    "create-contacts-blind",
    "create-contacts-once",
    "upsert-contacts",
];

const STATUSES: [u16; 12] = [200, 201, 207, 202, 400, 401, 404, 409, 413, 429, 500, 503];

fn operations() -> Vec<(Arc<Operation>, bool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/connectors");
    let bound = |name: &str| {
        let path = folder.join(format!("{name}.yaml"));
        let connector = Connector::load(path.to_str().expect("UTF-8")).expect("right");
        let variables: BTreeMap<String, String> = connector
            .variables()
            .map(|(name, _)| (name.to_owned(), "https://api.example.com".to_owned()))
            .collect();
        let operation = connector.bind(&variables).expect("bound").operation;
        let looks_up = operation.look_up("c-1").is_some();
        (operation, looks_up)
    };
    FIXTURES.map(bound).into()
}

fn no_header(_: &str) -> Option<&'static str> {
    None
}

#[test]
fn any_reply_gives_each_record_one_verdict() {
    let operations = operations();
    let keys: Vec<String> = (1..=5).map(|number| format!("c-{number}")).collect();
    let items: Vec<ItemKey<'_>> = (1..)
        .zip(&keys)
        .map(|(tracker, key)| ItemKey { key, tracker })
        .collect();
    let seeds = corpus::files(&["responses"]);
    let hunt = Hunt {
        target: "replies",
        seeds,
        words: WORDS,
        rounds: 3_000,
    };
    hunt.run(|body| {
        let status = STATUSES[usize::from(blake3::hash(body).as_bytes()[0]) % STATUSES.len()];
        let mut seen = Vec::new();
        for (operation, looks_up) in &operations {
            let one = operation.classify(status, &no_header, body);
            assert!(
                one.message.chars().count() <= 500 && !one.message.chars().any(char::is_control)
            );
            let _ = operation.target_id(body);
            match operation.split(status, &no_header, body, &items) {
                Split::Items(verdicts) | Split::NamesNone(verdicts) => {
                    assert_eq!(verdicts.len(), items.len());
                    for verdict in &verdicts {
                        assert!(verdict.message.chars().count() <= 500);
                        let is_good =
                            matches!(verdict.class, ReplyClass::Done | ReplyClass::Unchanged);
                        assert_eq!(verdict.message.is_empty(), is_good, "{verdict:?}");
                        seen.push(verdict.class.name());
                    }
                }
                Split::Whole(why) => seen.push(why.class.name()),
                Split::Halve(_) => seen.push("halve"),
                Split::ShrinkCap { most, .. } => {
                    assert!((1..items.len()).contains(&most));
                    seen.push("shrink");
                }
            }
            let answer =
                operation.classify_look_up(status, &no_header, body, "c-1", b"{\"id\":\"c-1\"}");
            assert!(*looks_up || matches!(answer, LookUpAnswer::NotSure { .. }));
            // A look-up that fails is no word about the record.
            if status >= 500 || status == 429 || status == 401 {
                assert!(
                    !matches!(answer, LookUpAnswer::Found { .. } | LookUpAnswer::Absent),
                    "{answer:?}"
                );
            }
            seen.push(match answer {
                LookUpAnswer::Found { .. } => "found",
                LookUpAnswer::Absent => "absent",
                _ => "no answer",
            });
        }
        let wait = retry_after_in_body(&String::from_utf8_lossy(body));
        (seen, wait.is_some())
    });
}
