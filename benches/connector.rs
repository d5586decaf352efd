//! The connector: a key to a path, and a reply to its class.

mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput};

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
    criterion.final_summary();
}
