//! The promise of `sluice plan --online`: it says what a load would do to the
//! records that are there, and sends nothing but look-ups.

mod support;

use std::fmt::Write;

use serde_json::Value;
use support::{Bench, Sluice, fixture};

/// New contacts `n-1`, `n-2` and so on, with this company.
fn contacts(numbers: std::ops::RangeInclusive<u64>, company: &str) -> String {
    let mut text = String::from("externalId,firstName,company\n");
    for number in numbers {
        writeln!(text, "n-{number},Name {number},{company}").expect("in memory");
    }
    text
}

/// `sluice COMMAND INPUT` with the upsert by look-up.
fn command(bench: &Bench, name: &str, input: &str, flags: &[&str]) -> Sluice {
    let connector = fixture("connectors").join("upsert-by-look-up.yaml");
    let to = connector.display().to_string();
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = [name, input, "--to", &to, "--set", &base_url];
    bench.sluice(&arguments).arguments(flags)
}

/// A tenant that has the contacts `n-1` to `n-60` of one company.
fn stocked() -> Bench {
    let bench = Bench::new("{}");
    bench.write("stock.csv", contacts(1..=60, "Acme"));
    command(&bench, "run", "stock.csv", &[])
        .run()
        .expect_code(0);
    bench
}

#[track_caller]
fn online(plan: &Value, name: &str) -> u64 {
    let count = plan["online"][name].as_u64();
    count.unwrap_or_else(|| panic!("`{name}` is no count in {plan}"))
}

fn writes(bench: &Bench) -> u64 {
    let requests = bench.counters().requests;
    requests.patch + requests.put + requests.create + requests.upsert + requests.bulk
}

#[test]
fn it_says_what_would_be_made_changed_and_left_and_writes_nothing() {
    let bench = stocked();
    let mut text = contacts(41..=60, "Acme");
    for number in 1..=40 {
        writeln!(text, "n-{number},Name {number},Other").expect("in memory");
    }
    for number in 61..=70 {
        writeln!(text, "n-{number},Name {number},Other").expect("in memory");
    }
    // The key of a new one again, and a row that the mapping refuses.
    text.push_str("n-70,Name 70,Third\n,nobody,Other\n");
    bench.write("new.csv", text);
    let (writes_before, listed) = (writes(&bench), bench.counters().requests.list);
    let plan = command(&bench, "plan", "new.csv", &["--online", "--output", "json"]);
    let plan = plan.run().expect_code(1).json();
    let counts = [
        "looked_up",
        "created",
        "updated",
        "unchanged",
        "conflict",
        "missing",
    ]
    .map(|name| online(&plan, name));
    assert_eq!(counts, [70, 10, 40, 20, 0, 0], "{plan}");
    assert_eq!(
        plan["online"]["places"],
        serde_json::json!({"/company": 40})
    );
    assert_eq!((online(&plan, "keys"), online(&plan, "failed")), (70, 0));
    assert_eq!(plan["problems"]["rejected"], 1);
    // 71 look-ups, one call that makes 10, 40 changes; for 70 of 71 rows.
    assert_eq!(plan["forecast"]["requests"], 113);
    assert_eq!(writes(&bench), writes_before);
    assert_eq!(bench.counters().requests.list, listed + 70);
    assert_eq!(online(&plan, "requests"), 70);

    let told = command(&bench, "plan", "new.csv", &["--online"]).run();
    let told = told.expect_code(1);
    told.expect_stdout(&["what the tenant has", "/company would change in 40 rows"]);
    let run = command(&bench, "run", "new.csv", &[]).run().expect_code(1);
    drop(run);
    let made = bench.records();
    assert_eq!(made.len(), 70, "the load has done what was planned");
}

#[test]
fn of_many_rows_the_first_are_looked_up_unless_the_user_wants_all() {
    let bench = stocked();
    bench.write("new.csv", contacts(1..=320, "Acme"));
    let listed = || bench.counters().requests.list;
    let looked_up = |flags: &[&str]| {
        let before = listed();
        let plan = command(&bench, "plan", "new.csv", &["--online", "--output", "json"]);
        let plan = plan.arguments(flags).run().expect_code(0).json();
        assert_eq!(listed() - before, online(&plan, "looked_up"));
        (online(&plan, "looked_up"), online(&plan, "created"))
    };
    assert_eq!(looked_up(&[]), (200, 140));
    assert_eq!(looked_up(&["--all"]), (320, 260));
    assert_eq!(looked_up(&["--limit", "250"]), (250, 190));
    let text = command(&bench, "plan", "new.csv", &["--online"])
        .run()
        .expect_code(0);
    text.expect_stdout(&["200 rows, of 320 different keys", "--all"]);
}

#[test]
fn keys_with_several_records_are_conflicts() {
    let bench = stocked();
    let blind = fixture("connectors").join("create-contacts-blind.yaml");
    bench.write("again.csv", "externalId,firstName\nn-5,Name 5\n");
    let base_url = format!("base_url={}", bench.base_url());
    let to = blind.display().to_string();
    bench
        .sluice(&["run", "again.csv", "--to", &to, "--set", &base_url])
        .run()
        .expect_code(0);
    bench.write("new.csv", contacts(4..=6, "Acme"));
    let plan = command(&bench, "plan", "new.csv", &["--online", "--output", "json"]);
    let plan = plan.run().expect_code(1).json();
    assert_eq!(
        (online(&plan, "conflict"), online(&plan, "unchanged")),
        (1, 2)
    );
    let reason = &plan["online"]["reasons"]["several_records"];
    assert_eq!(
        (&reason["rows"], &reason["first"][0]["line"]),
        (&1.into(), &3.into())
    );
    let told = command(&bench, "plan", "new.csv", &["--online"]).run();
    told.expect_code(1)
        .expect_stdout(&["several_records: 1 row", "    line 3: "]);
}

#[test]
fn of_changes_alone_a_record_that_is_not_there_is_missing() {
    let bench = Bench::new("contacts: { missing: 0.1 }");
    let mut text = String::from("contactId,firstName\n");
    for number in 1..=100 {
        writeln!(text, "c-{number},Name {number}").expect("in memory");
    }
    bench.write("contacts.csv", text);
    let plan = bench.plan("contacts.csv", &["--online", "--output", "json"]);
    let plan = plan.run().expect_code(1).json();
    let ids = (1..=100).map(|number| format!("c-{number}"));
    let missing = ids.filter(|id| !bench.scenario.contacts.exists(id)).count() as u64;
    assert_eq!(online(&plan, "missing"), missing);
    assert_eq!(online(&plan, "updated"), 100 - missing);
    assert_eq!(plan["forecast"]["requests"], 100);
    assert_eq!(bench.counters().requests.patch, 0);
}

#[test]
fn wrong_credentials_and_standard_input_are_told() {
    let bench = Bench::new("{}");
    let path = bench.write("contacts.csv", "contactId,firstName\nc-1,One\n");
    let refused = bench
        .plan("contacts.csv", &["--online"])
        .environment("SLUICE_CLIENT_SECRET", "wrong")
        .run();
    refused.expect_code(4);
    bench
        .plan("-", &["--online"])
        .fed_from(&path)
        .run()
        .expect_code(2)
        .expect_stderr(&["can be read only once"]);
}
