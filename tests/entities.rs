//! Jobs with several entities, whose records refer to each other: companies are
//! made in the tenant, and people refer to them by the ids that they got.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use loadtest::tenant::Tenant;
use serde_json::{Value, json};
use support::{Bench, Ended, assert_accounted, fixture, read_rows, scenario};

/// People stand first, and refer to companies.
const JOB: &str = "\
job: move
target: {connector: genesys-cloud, region: eu-central-1}
entities:
  - name: people
    source: {csv: people.csv}
    target: {operation: enrich}
    map:
      externalId: person
      firstName: name
      externalOrganizationId: {from: account, reference: companies}
  - name: companies
    source: {csv: companies.csv}
    target: {operation: organizations}
    map: {externalId: code, name: company}
";

/// A strict tenant, and a folder with the job and these rows.
fn bench_of(scenario: &str, companies: &str, people: &str) -> Bench {
    let bench = Bench::new(&format!(
        "api: genesys_cloud\ncontacts: {{ unique_external_id: true }}\nbatches: {{ shuffled: true }}\n{scenario}"
    ));
    bench.write("job.yaml", JOB);
    bench.write("companies.csv", format!("code,company\n{companies}"));
    bench.write("people.csv", format!("person,name,account\n{people}"));
    bench
}

fn sluice(bench: &Bench, arguments: &[&str]) -> Ended {
    command(bench, arguments).run()
}

fn command(bench: &Bench, arguments: &[&str]) -> support::Sluice {
    bench.sluice(arguments)
}

/// `sluice run job.yaml` against the tenant.
fn run(bench: &Bench, flags: &[&str]) -> support::Sluice {
    let base_url = format!("base_url={}", bench.base_url());
    command(
        bench,
        &["run", "job.yaml", "--set", &base_url, "--output", "json"],
    )
    .arguments(flags)
}

/// The counts of an entity in a summary, whose books balance.
#[track_caller]
fn counts_of(ended: &Ended, entity: &str) -> Value {
    let summary = ended.json();
    let entities = summary["entities"].as_array().expect("entities");
    let found = entities.iter().find(|found| found["name"] == entity);
    let counts = found.unwrap_or_else(|| panic!("no {entity} in {summary}"));
    assert_accounted(counts);
    counts.clone()
}

#[track_caller]
fn assert_counts(ended: &Ended, entity: &str, wanted: &[(&str, u64)]) {
    let counts = counts_of(ended, entity);
    for (name, count) in wanted {
        assert_eq!(counts[name], json!(count), "{name} of {entity}: {counts}");
    }
}

/// A part's directory within the only run's.
fn part(bench: &Bench, name: &str) -> PathBuf {
    bench.run_directory().join(name)
}

/// Of each record of the tenant that has such a key, the id.
fn ids_by_key(bench: &Bench, is_company: bool) -> BTreeMap<String, String> {
    let text = |record: &Value, place: &str| {
        let found = record.pointer(place).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let records = bench.records();
    let wanted = records
        .iter()
        .filter(|record| record.get("name").is_some() == is_company);
    wanted
        .map(|record| (text(record, "/externalIds/0/value"), text(record, "/id")))
        .collect()
}

/// Of each person in the tenant, the key of the company that it refers to.
fn companies_of_people(bench: &Bench) -> BTreeMap<String, String> {
    let companies: BTreeMap<String, String> = ids_by_key(bench, true)
        .into_iter()
        .map(|(key, id)| (id, key))
        .collect();
    let people = bench.records();
    let people = people.iter().filter(|record| record.get("name").is_none());
    people
        .map(|person| {
            let key = person["externalIds"][0]["value"].as_str().expect("a key");
            let company = person["externalOrganization"]["id"].as_str();
            let company = company.map(|id| companies[id].clone());
            (key.to_owned(), company.unwrap_or_default())
        })
        .collect()
}

/// Rows of companies `A-1` to `A-count`.
fn companies(count: u64) -> String {
    let mut text = String::new();
    for number in 1..=count {
        writeln!(text, "A-{number},Company {number}").expect("memory");
    }
    text
}

/// Rows of people, each of a company in turn.
fn people(count: u64, companies: u64) -> String {
    let mut text = String::new();
    for number in 1..=count {
        let company = number % companies + 1;
        writeln!(text, "P-{number},Ann {number},A-{company}").expect("memory");
    }
    text
}

/// Whether each of so many people refers to its own company, and nothing was
/// made twice.
#[track_caller]
fn assert_whole(bench: &Bench, people: u64, companies: u64) {
    let found = companies_of_people(bench);
    let wanted: BTreeMap<String, String> = (1..=people)
        .map(|number| {
            let company = number % companies + 1;
            (format!("P-{number}"), format!("A-{company}"))
        })
        .collect();
    assert_eq!(found, wanted);
    let made = bench.ledger().made;
    assert!(made.values().all(|made| *made == 1), "{made:?}");
    assert_eq!(made.len() as u64, people + companies);
}

#[test]
fn the_job_of_the_fixtures_makes_companies_and_then_people_who_refer_to_them() {
    let bench = Bench::new(
        "api: genesys_cloud\ncontacts: { unique_external_id: true }\n\
         batches: { shuffled: true }\nlimit_headers: genesys\n",
    );
    let job = fixture("jobs/companies-and-people.yaml");
    let job = job.to_str().expect("a path");
    let base_url = format!("base_url={}", bench.base_url());
    let load = || {
        sluice(
            &bench,
            &["run", job, "--set", &base_url, "--output", "json"],
        )
    };
    let first = load().expect_code(0);
    assert_counts(&first, "companies", &[("created", 4), ("read", 4)]);
    assert_counts(&first, "people", &[("created", 6), ("read", 6)]);
    let order: Vec<Value> = first.json()["entities"]
        .as_array()
        .expect("entities")
        .clone();
    assert_eq!(order[0]["name"], "companies");
    assert_eq!(first.json()["counts"]["created"], 10);
    let found = companies_of_people(&bench);
    let wanted = [
        ("P-1", "A-100"),
        ("P-2", "A-200"),
        ("P-3", "A-100"),
        ("P-4", ""),
        ("P-5", "A-400"),
        ("P-6", "A-300"),
    ];
    let wanted = wanted.map(|(person, company)| (person.to_owned(), company.to_owned()));
    assert_eq!(found, wanted.into());

    // Companies that were there already have ids to refer to as well.
    let applied = bench.ledger().made;
    let second = load().expect_code(0);
    assert_counts(&second, "companies", &[("unchanged", 4)]);
    assert_counts(&second, "people", &[("updated", 6)]);
    assert_eq!(bench.ledger().made, applied);
    assert_eq!(companies_of_people(&bench), found);
}

#[test]
fn a_company_that_is_refused_refuses_its_people_until_both_are_retried() {
    let bench = bench_of(
        "",
        "A-1,First\nA-2,\nA-3,Third\n",
        "P-1,Ann,A-1\nP-2,Ben,A-2\nP-3,Cem,A-3\nP-4,Dan,A-2\nP-5,Eve,A-9\n",
    );
    let ended = run(&bench, &[]).run().expect_code(1);
    assert_counts(&ended, "companies", &[("created", 2), ("rejected", 1)]);
    assert_counts(&ended, "people", &[("created", 2), ("rejected", 3)]);
    let refused = read_rows(&part(&bench, "people").join("rejected.csv"));
    let lines: Vec<u64> = refused.iter().map(|row| row.line()).collect();
    assert_eq!(lines, [3, 5, 6]);
    for row in &refused {
        assert_eq!(row.get("_error"), "reference");
        assert_eq!(row.get("_field"), "externalOrganizationId");
        let message = row.get("_message");
        assert!(
            message.contains("`companies` has no id for the key")
                && message.contains("1 of its rows were rejected (mend companies/rejected.csv"),
            "{message}"
        );
    }

    let book = part(&bench, "companies").join("rejected.csv");
    let text = fs::read_to_string(&book).expect("rejected");
    let mended = text.replacen("A-2,,", "A-2,Second,", 1);
    assert_ne!(mended, text);
    fs::write(&book, mended).expect("written");
    let ended = sluice(&bench, &["retry", "--output", "json"]).expect_code(1);
    assert_counts(&ended, "companies", &[("created", 3), ("rejected", 0)]);
    assert_counts(&ended, "people", &[("created", 4), ("rejected", 1)]);
    let found = companies_of_people(&bench);
    assert_eq!(found["P-2"], "A-2");
    assert_eq!(found["P-4"], "A-2");
    let refused = read_rows(&part(&bench, "people").join("rejected.csv"));
    assert_eq!(refused.len(), 1);
    let message = refused[0].get("_message");
    assert!(
        message.ends_with("\"A-9\"; none of its rows has this key: add one, or mend this row"),
        "{message}"
    );
    let made = bench.ledger().made;
    assert!(made.values().all(|made| *made == 1), "{made:?}");
}

#[test]
fn killed_at_any_stage_a_resume_loads_what_is_left_and_nothing_twice() {
    let (companies_count, people_count) = (60, 150);
    let scenario = "latency: { median: 60ms }\n";
    // While companies are looked up, when some of them are made, when people are.
    for made_before in [0, 30, 80] {
        let bench = bench_of(
            scenario,
            &companies(companies_count),
            &people(people_count, companies_count),
        );
        let mut running = run(&bench, &[]).start();
        running.wait_while_running("so many records are made", || {
            let counters = bench.counters();
            counters.requests.look_up > 3 && bench.records().len() >= made_before
        });
        running.kill();
        let ended = sluice(&bench, &["resume", "--output", "json"]).expect_code(0);
        assert_eq!(
            counts_of(&ended, "companies")["read"],
            json!(companies_count)
        );
        assert_counts(
            &ended,
            "people",
            &[("read", people_count), ("not_reached", 0)],
        );
        assert_whole(&bench, people_count, companies_count);
    }
}

#[test]
fn people_wait_for_companies_that_were_interrupted() {
    let bench = bench_of(
        "latency: { median: 30ms }\nlimits: [{ kind: token_bucket, rate: 20, burst: 2 }]\n",
        &companies(200),
        &people(10, 200),
    );
    let mut running = run(&bench, &[]).start();
    running.wait_while_running("companies are looked up", || {
        bench.counters().requests.look_up > 5
    });
    running.signal("INT");
    let ended = running.wait().expect_code(5);
    assert_counts(&ended, "people", &[("created", 0)]);
    assert_eq!(ids_by_key(&bench, false), BTreeMap::new());
    let ended = sluice(&bench, &["resume", "--output", "json"]).expect_code(0);
    assert_counts(&ended, "people", &[("created", 10)]);
    assert_whole(&bench, 10, 200);
}

#[test]
fn a_plan_shows_keys_where_a_load_would_send_ids_and_sends_nothing() {
    let bench = bench_of("", "A-1,First\n", "P-1,Ann,A-1\nP-2,Ben,\nP-3,Cem,A-9\n");
    // Nobody has the key A-9.
    let text = sluice(&bench, &["plan", "job.yaml"]).expect_code(1);
    let text = text.expect_stdout(&[
        "externalOrganizationId: → id of comp",
        "`companies` has no id for the key \"A-9\"; none of its rows has this key",
    ]);
    let (companies, people) = (
        text.stdout.find("── companies"),
        text.stdout.find("── people"),
    );
    assert!(companies < people, "{}", text.stdout);
    let told = sluice(&bench, &["plan", "job.yaml", "--output", "json"]).json();
    let parts = told["parts"].as_array().expect("parts");
    let fields = &parts[1]["samples"][0]["fields"];
    let fields = fields.as_array().expect("fields");
    let field = |name: &str| fields.iter().find(|field| field["field"] == name);
    let reference = field("externalOrganizationId").expect("mapped");
    assert_eq!(reference["value"], "→ id of companies “A-1”");
    assert_eq!(reference["rules"], json!(["from", "reference"]));
    let problems = &parts[1]["problems"];
    assert_eq!(
        (
            &problems["rejected"],
            &problems["rules"]["reference"]["first"][0]["line"]
        ),
        (&json!(1), &json!(4))
    );
    let counters = bench.counters();
    assert_eq!(counters.requests.token + counters.requests.set_up, 0);
}

#[test]
fn entities_that_refer_to_each_other_in_a_circle_are_refused_by_their_lines() {
    let bench = bench_of("", "", "");
    let job = JOB.replacen(
        "map: {externalId: code, name: company}",
        "map:\n      externalId: code\n      name: {from: boss, reference: people}",
        1,
    );
    bench.write("job.yaml", job);
    let ended = run(&bench, &[]).run().expect_code(2);
    ended.expect_stderr(&[
        "the entities refer to each other in a circle: `people` to `companies` (job.yaml:10), \
         `companies` to `people` (job.yaml:16)",
        "set it with an entity of its own",
    ]);
    assert_eq!(bench.runs(), Vec::<PathBuf>::new());
    assert_eq!(bench.counters().requests.token, 0);
}

#[test]
fn a_parent_whose_replies_tell_no_ids_is_refused_before_anything_is_sent() {
    let bench = Bench::new("{}");
    let base_url = bench.base_url();
    bench.write(
        "job.yaml",
        format!(
            "target: {{connector: cxone-contacts, base_url: \"{base_url}\"}}\nentities:\n\
             - {{name: sites, source: {{csv: a.csv}}, map: {{contactId: id, firstName: name}}}}\n\
             - {{name: people, source: {{csv: a.csv}}, map: {{contactId: id, company: {{from: name, reference: sites}}}}}}\n"
        ),
    );
    bench.write("a.csv", "id,name\n1,Ann\n");
    let ended = sluice(&bench, &["run", "job.yaml"]).expect_code(2);
    ended.expect_stderr(&[
        "`people` refers to `sites`",
        "tell no ids",
        "take the column without `reference`",
    ]);
    assert_eq!(bench.counters().requests.token, 0);
}

/// Companies come from another platform, people from a file.
const FROM_A_PLATFORM: &str = "\
job: move
target: {connector: genesys-cloud, region: eu-central-1}
entities:
  - name: companies
    source: {connector: cxone-contacts, stream: contacts, region: api-us-1}
    target: {operation: organizations}
    map:
      externalId: {template: \"A-{{ contactId }}\"}
      name: {template: \"Company {{ contactId }}\"}
  - name: people
    source: {csv: people.csv}
    target: {operation: enrich}
    map:
      externalId: person
      firstName: name
      externalOrganizationId: {from: account, reference: companies}
";

#[test]
fn people_refer_to_companies_that_an_earlier_run_has_loaded_and_that_have_not_changed() {
    let source = "contacts: { existing: { numbered: { prefix: '', count: 5 } } }\n";
    let source = Tenant::start(scenario(source)).expect("the source starts");
    let bench = bench_of("", "", &people(5, 5));
    bench.write("job.yaml", FROM_A_PLATFORM);
    let from = format!("source.base_url={}", source.base_url());
    let first = run(&bench, &["--set", &from]).run().expect_code(0);
    assert_counts(&first, "companies", &[("created", 5)]);
    assert_whole(&bench, 5, 5);
    bench.write(
        "people.csv",
        format!("person,name,account\n{}", people(9, 5)),
    );
    for _ in 0..2 {
        let later = run(&bench, &["--set", &from, "--since", "last"]).run();
        let later = later.expect_code(0);
        assert_counts(&later, "companies", &[("created", 0), ("rejected", 0)]);
        assert_counts(&later, "people", &[("read", 9), ("rejected", 0)]);
        assert_whole(&bench, 9, 5);
    }
}

#[test]
fn people_are_verified_with_the_ids_that_they_refer_to() {
    let bench = bench_of("", &companies(3), &people(5, 3));
    run(&bench, &[]).run().expect_code(0);
    let names: BTreeSet<String> = fs::read_dir(bench.run_directory())
        .expect("the run")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert!(
        names.contains("companies") && names.contains("people"),
        "{names:?}"
    );
    let ids = read_rows(&part(&bench, "companies").join("idmap.csv"));
    let kept: BTreeMap<String, String> = ids
        .iter()
        .map(|row| {
            (
                row.get("source_key").to_owned(),
                row.get("target_id").to_owned(),
            )
        })
        .collect();
    assert_eq!(kept, ids_by_key(&bench, true));
    let path = part(&bench, "companies");
    let path = path.to_str().expect("a path");
    sluice(&bench, &["verify", path]).expect_code(0);
    // A finished run is told again, and sends nothing.
    let applied = bench.counters().applied;
    sluice(&bench, &["resume"]).expect_code(0);
    assert_eq!(bench.counters().applied, applied);
}
