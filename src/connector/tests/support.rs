//! Connectors for the tests here, and verdicts in short.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::connector::*;

/// A batch of five, with trackers that are one more than their places.
pub(super) const ITEMS: [ItemKey<'static>; 5] = [
    ItemKey {
        key: "c-1",
        tracker: 1,
    },
    ItemKey {
        key: "c-2",
        tracker: 2,
    },
    ItemKey {
        key: "c-3",
        tracker: 3,
    },
    ItemKey {
        key: "c-4",
        tracker: 4,
    },
    ItemKey {
        key: "c-5",
        tracker: 5,
    },
];

/// A connector around the lines of one operation, which begin at its keys.
pub(super) fn connector_text(operation: &str) -> String {
    let mut text = "name: own\ntitle: A platform of one's own\n\
        base_url: https://api.example.com\n\
        auth: {grant: client_credentials, token_url: \"https://api.example.com/token\"}\n\
        operations:\n  write:\n"
        .to_owned();
    for line in operation.trim_matches('\n').lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

pub(super) fn operation(lines: &str) -> Arc<Operation> {
    let connector = Connector::parse("own.yaml", &connector_text(lines)).expect("right");
    connector.bind(&BTreeMap::new()).expect("bound").operation
}

/// A batch of creates that may not be repeated, with these results.
pub(super) fn creating(results: &str) -> Arc<Operation> {
    batch_operation("POST", "created", results)
}

/// A batch of upserts that may be repeated, with these results.
pub(super) fn upserting(results: &str) -> Arc<Operation> {
    batch_operation("PUT", "upserted", results)
}

fn batch_operation(method: &str, effect: &str, results: &str) -> Arc<Operation> {
    let mut lines = format!(
        "method: {method}\npath: /things\nkey: id\neffect: {effect}\nbatch: 50\n\
        body: {{includes_key: true, records: /things{}}}\nfields: {{name: {{}}}}\nresults:\n",
        match results.contains("tracker: ") {
            true => ", tracker: /tracker",
            false => "",
        }
    );
    for line in results.trim_matches('\n').lines() {
        lines.push_str("  ");
        lines.push_str(line);
        lines.push('\n');
    }
    operation(&lines)
}

/// A connector file of `fixtures/connectors`.
pub(super) fn fixture(name: &str) -> Arc<Operation> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/connectors/{name}.yaml"));
    let connector = Connector::load(path.to_str().expect("UTF-8")).expect("a right fixture");
    connector.bind(&BTreeMap::new()).expect("bound").operation
}

/// A reply's body of `fixtures/responses`.
pub(super) fn response(name: &str) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/responses/{name}.json"));
    std::fs::read(path).expect("a fixture")
}

pub(super) fn no_header(_: &str) -> Option<&'static str> {
    None
}

pub(super) fn split(operation: &Operation, status: u16, body: &[u8]) -> Split {
    operation.split(status, &no_header, body, &ITEMS)
}

/// The verdicts of a reply that tells its records apart.
pub(super) fn items(split: Split) -> Vec<ItemVerdict> {
    match split {
        Split::Items(verdicts) | Split::NamesNone(verdicts) => {
            assert_eq!(verdicts.len(), ITEMS.len());
            verdicts
        }
        other => panic!("no results of each record: {other:?}"),
    }
}

/// A verdict on one line: how the row ends or what is done with it, the id or
/// the error, the field, and the message.
pub(super) fn short(verdict: &ItemVerdict) -> String {
    let end = match verdict.outcome {
        _ if verdict.untouched => "untouched",
        Some(kind) => kind.name(),
        None => verdict.class.name(),
    };
    let id = verdict.id.clone().unwrap_or_default();
    [end, &id, &verdict.error, &verdict.field, &verdict.message]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
}

/// The class of a reply that is the same for all records.
pub(super) fn whole(split: &Split) -> ReplyClass {
    match split {
        Split::Whole(classified) => classified.class,
        other => panic!("not one class for all: {other:?}"),
    }
}

/// Fails unless `connectors check` tells of this mistake, with its line.
#[track_caller]
pub(super) fn assert_told(connector: &str, told: &str) {
    let findings = check_text("own.yaml", connector);
    let is_told = |finding: &Finding| finding.message.contains(told) && finding.line.is_some();
    assert!(findings.iter().any(is_told), "{told}: {findings:?}");
}
