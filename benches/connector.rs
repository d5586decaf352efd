//! The connector: a key to a path, and a reply to its class.

mod support;

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use sluice::connector::{Connector, ItemKey};

const REFUSAL: &[u8] =
    br#"{"error":"validation_failed","field":"phone","message":"phone: not a telephone number"}"#;

fn main() {
    let bound = support::contacts_at("http://127.0.0.1:1");
    let operation = &bound.operation;
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("connector");
    group.throughput(Throughput::Elements(1));

    for (name, key) in [
        ("write_path", "c0012345"),
        ("write_path_that_is_encoded", "../ä b?c=1#d"),
    ] {
        group.bench_function(name, |bencher| {
            let mut path = Vec::with_capacity(128);
            bencher.iter(|| {
                path.clear();
                operation.write_path(black_box(key), &mut path);
                black_box(&path);
            });
        });
    }

    let header = |name: &str| name.eq_ignore_ascii_case("X-Request-Id").then_some("r-1");
    for (name, status, body) in [
        ("classify_done", 204, &b""[..]),
        ("classify_rejected_with_its_field", 400, REFUSAL),
        ("classify_throttled", 429, b"{}"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| operation.classify(black_box(status), &header, black_box(body)));
        });
    }
    group.finish();
    batches(&mut criterion);
    criterion.final_summary();
}

/// Two hundred records in one body, and their results in another order.
fn batches(criterion: &mut Criterion) {
    const RECORDS: u64 = 200;
    let text = include_str!("../fixtures/connectors/batch-create.yaml");
    let connector = Connector::parse("batch-create.yaml", text).expect("a connector");
    let bound = connector.bind(&BTreeMap::new()).expect("bound");
    let operation = &bound.operation;
    let keys: Vec<String> = (0..RECORDS).map(|number| format!("c{number:07}")).collect();
    let records: Vec<String> = keys
        .iter()
        .map(|key| {
            format!(r#"{{"externalId":"{key}","firstName":"Ann","email":"{key}@example.com"}}"#)
        })
        .collect();
    let items: Vec<ItemKey<'_>> = keys.iter().map(|key| ItemKey { key, tracker: 0 }).collect();
    let results: Vec<String> = (keys.iter().rev())
        .map(|key| format!(r#"{{"externalId":"{key}","status":201,"id":"7f3a-{key}"}}"#))
        .collect();
    let reply = format!(r#"{{"results":[{}],"errorCount":0}}"#, results.join(","));
    let header = |_: &str| None;

    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("write_body_of_200", |bencher| {
        let mut body = Vec::with_capacity(64 * 1024);
        bencher.iter(|| {
            body.clear();
            let records = records.iter().map(String::as_bytes).zip(0..);
            operation.write_batch_body(black_box(records), &mut body);
            black_box(&body);
        });
    });
    group.bench_function("split_results_of_200", |bencher| {
        bencher.iter(|| operation.split(200, &header, black_box(reply.as_bytes()), &items));
    });
    group.finish();
}
