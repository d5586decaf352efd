//! Batches in, requests and refusals out.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::connector::Connector;
use crate::mapping::Program;
use crate::record::{
    ByteCredit, Flaw, FlawKind, MappedBatch, OutcomeKind, Position, RawBatch, RawRow, RowId,
};
use crate::source::csv::{Dialect, Terminator};

use super::super::selection::Selection;
use super::RowMapper;

const CONNECTOR: &str = r#"
name: scripted
title: For the mapper's tests
base_url: https://scripted.example/base
auth: {grant: client_credentials, token_url: "https://scripted.example/token"}
operations:
  save:
    method: PATCH
    path: /contacts/{id}
    key: id
    effect: updated
    body: {envelope: /data}
    fields: {name: {max_length: 20}, city: {}}
"#;

fn mapper(selection: Selection) -> RowMapper {
    let connector = Connector::parse("scripted.yaml", CONNECTOR).expect("a connector");
    let bound = connector.bind(&[].into()).expect("bound");
    let header = ["id", "name", "city"].map(str::to_owned);
    let program = Program::compile(None, &header, &[0, 1, 2], &bound.operation.contract);
    RowMapper {
        dialect: Dialect {
            delimiter: b',',
            terminator: Terminator::LineFeed,
        },
        columns: 3,
        program: Arc::new(program.expect("a mapping")),
        operation: bound.operation,
        carries_keys: false,
        selection,
    }
}

/// The lines as a batch, numbered from row 1.
fn batch(lines: &[impl AsRef<str>]) -> RawBatch {
    let mut text = String::new();
    let mut rows = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let start = text.len();
        text.push_str(line.as_ref());
        rows.push(RawRow {
            row: RowId(index as u64 + 1),
            position: Position {
                byte: start as u64,
                line: index as u64 + 2,
            },
            start,
            end: text.len(),
            flaw: None,
        });
        text.push('\n');
    }
    RawBatch {
        sequence: 5,
        buffer: Bytes::from(text),
        rows,
        credit: None,
    }
}

/// The error's name of each refused row.
fn refused(mapped: &MappedBatch) -> Vec<(u64, &str)> {
    let refusals = mapped.outcomes.iter().map(|outcome| {
        let refusal = outcome.refusal.as_ref();
        let error = refusal.map_or("", |refusal| refusal.error.as_str());
        (outcome.row.0, error)
    });
    refusals.collect()
}

#[test]
fn a_row_becomes_a_path_and_a_body_and_keeps_its_text() {
    let mapped = mapper(Selection::default()).map(batch(&[r#"../a?b,"Ann ""X""",Bonn"#]));
    assert_eq!((mapped.sequence, mapped.outcomes.len()), (5, 0));
    let [item] = mapped.items.as_slice() else {
        panic!("one item, not {:?}", mapped.items);
    };
    assert_eq!(item.path, "/base/contacts/..%2Fa%3Fb");
    let body: Value = serde_json::from_slice(&item.body).expect("JSON");
    assert_eq!(body, json!({"data": {"name": "Ann \"X\"", "city": "Bonn"}}));
    assert_eq!(item.raw, r#"../a?b,"Ann ""X""",Bonn"#);
    assert_eq!(
        (item.row, item.position.line, item.key_hash),
        (RowId(1), 2, RowMapper::hash_key("../a?b"))
    );
}

#[test]
fn a_refused_row_leaves_nothing_in_its_neighbours() {
    let long = "x".repeat(21);
    let mapped = mapper(Selection::default()).map(batch(&[
        "1,Ann,Bonn".to_owned(),
        format!("2,{long},Bonn"),
        "3,too few".to_owned(),
        ",no key,Bonn".to_owned(),
        "5,Eve,Ulm".to_owned(),
    ]));
    assert_eq!(mapped.items.len(), 2);
    assert_eq!(mapped.items[1].path, "/base/contacts/5");
    assert_eq!(
        mapped.items[1].body,
        r#"{"data":{"name":"Eve","city":"Ulm"}}"#
    );
    let refused = refused(&mapped);
    let rows: Vec<u64> = refused.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, [2, 3, 4]);
    assert_eq!(refused[1].1, "too_few_fields");
    let third = &mapped.outcomes[1];
    assert_eq!(
        (third.raw.as_ref(), third.position.line),
        (&b"3,too few"[..], 4)
    );
    assert_eq!(third.kind, OutcomeKind::Rejected);
}

#[test]
fn a_flaw_that_the_source_found_rejects_its_row_unsplit() {
    let mut batch = batch(&["1,Ann,Bonn", "2,\"open,Bonn"]);
    batch.rows[1].flaw = Some(Box::new(Flaw {
        kind: FlawKind::BadQuoting,
        byte: 13,
        message: "a quote is never closed".to_owned(),
    }));
    let mapped = mapper(Selection::default()).map(batch);
    assert_eq!(mapped.items.len(), 1);
    assert_eq!(refused(&mapped), [(2, "bad_quoting")]);
}

#[test]
fn a_repeated_row_is_skipped_or_rejected_as_the_user_chose() {
    let lines = ["1,Ann,Bonn", "1,Eve,Ulm", "2,Joe,Kiel"];
    for reject_repeated in [false, true] {
        let selection = Selection {
            repeated: Arc::new(vec![2]),
            reject_repeated,
            ..Selection::default()
        };
        let mapped = mapper(selection).map(batch(&lines));
        let bodies: Vec<&[u8]> = mapped.items.iter().map(|item| item.body.as_ref()).collect();
        assert_eq!(
            bodies,
            [
                &br#"{"data":{"name":"Ann","city":"Bonn"}}"#[..],
                br#"{"data":{"name":"Joe","city":"Kiel"}}"#,
            ]
        );
        let outcome = &mapped.outcomes[0];
        let (kind, error) = match reject_repeated {
            true => (OutcomeKind::Rejected, "duplicate_key"),
            false => (OutcomeKind::Skipped, ""),
        };
        assert_eq!(outcome.kind, kind);
        assert_eq!(refused(&mapped), [(2, error)]);
    }
}

#[test]
fn every_row_holds_the_batch_s_credit_until_the_last_is_gone() {
    let credit = ByteCredit::new(1_000);
    let mut batch = batch(&["1,Ann,Bonn", "bad"]);
    batch.credit = credit.take(600);
    let mapped = mapper(Selection::default()).map(batch);
    assert_eq!(credit.held_bytes(), 600);
    drop(mapped.items);
    assert_eq!(credit.held_bytes(), 600);
    drop(mapped.outcomes);
    assert_eq!(credit.held_bytes(), 0);
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn every_row_is_in_one_list_and_says_what_its_cells_said(
        cells in prop::collection::vec(
            ("\\PC{0,12}", "\\PC{0,24}", "[^\0]{0,24}"),
            0..20,
        ),
    ) {
        let lines: Vec<String> = cells
            .iter()
            .map(|(id, name, city)| [id, name, city].map(|cell| quoted(cell)).join(","))
            .collect();
        let mapped = mapper(Selection::default()).map(batch(&lines));
        let mut seen: HashMap<u64, &str> = HashMap::new();
        for outcome in &mapped.outcomes {
            prop_assert!(seen.insert(outcome.row.0, "refused").is_none());
        }
        for item in &mapped.items {
            prop_assert!(seen.insert(item.row.0, "sent").is_none());
            let index = item.row.0 as usize - 1;
            let (_, name, city) = &cells[index];
            prop_assert_eq!(item.raw.as_ref(), lines[index].as_bytes());
            let body: Value = serde_json::from_slice(&item.body).expect("JSON");
            let member = |field: &str| body["data"][field].as_str().unwrap_or("").to_owned();
            prop_assert_eq!(member("name"), name.clone());
            prop_assert_eq!(member("city"), city.clone());
            let path = std::str::from_utf8(&item.path).expect("text");
            let segment = path.strip_prefix("/base/contacts/").expect("the operation's path");
            prop_assert!(!segment.is_empty() && !segment.contains('/'));
        }
        prop_assert_eq!(seen.len(), lines.len());
        let sent: Vec<u64> = mapped.items.iter().map(|item| item.row.0).collect();
        prop_assert!(sent.is_sorted());
    }
}
