//! Genesys Cloud: enrich, bulk add and update, contact lists.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{bench_of, counts, ids, kept, load, rejected};

fn people(key: &str, count: u64, name: &str) -> String {
    let mut text = format!("{key},firstName,workEmail,workPhone,address.city,surveyOptOut\n");
    for number in 1..=count {
        writeln!(
            text,
            "c-{number},{name},p.{number}@example.com,+4930123{number:04},Bonn,false"
        )
        .expect("writing to memory doesn't fail");
    }
    text
}

#[test]
fn enrich_upserts_ten_at_a_time_and_every_row_has_its_own_end() {
    let bench = bench_of(
        "genesys-cloud",
        "api: genesys_cloud\ncontacts: { invalid: 0.5, unique_external_id: true }\nbatches: { shuffled: true }\nlimit_headers: genesys\n\
         limits: [{ kind: token_bucket, rate: 60, burst: 40, scope: token, key: token.rate.per.minute }]\n\
         faults: [{ kind: close_after, ratio: 0.05 }]\n",
    );
    bench.write("people.csv", people("externalId", 205, "Ann"));
    let region = ["--set", "region=eu-central-1"];
    let first = counts(&load(&bench, "people.csv", &region).expect_code(1));
    let (good, bad) = (ids(&bench, "c-", 205, false), ids(&bench, "c-", 205, true));
    assert_eq!(first["rejected"], json!(bad.len()));
    assert_eq!(kept(&bench, "/externalIds/0/value"), good);
    assert_eq!(rejected(&bench, "externalId"), bad);
    let one = &bench.records()[0];
    let phone = &one["workPhone"];
    assert_eq!(phone["userInput"], phone["e164"]);
    assert_ne!(phone["userInput"], phone["display"]);
    assert_eq!(one["surveyOptOut"], json!(false));
    bench.write("changed.csv", people("externalId", 205, "Eve"));
    load(&bench, "changed.csv", &region).expect_code(1);
    assert!(
        bench
            .records()
            .iter()
            .all(|record| record["firstName"] == "Eve")
    );
    assert!(bench.ledger().made.values().all(|made| *made == 1));
}

#[test]
fn bulk_add_makes_each_contact_once_though_replies_are_lost() {
    let bench = bench_of(
        "genesys-cloud",
        "api: genesys_cloud\ncontacts: { invalid: 0.2 }\nbatches: { shuffled: true }\nlatency: { median: 5ms }\n\
         faults: [{ kind: close_after, ratio: 0.2 }]\n",
    );
    bench.write("people.csv", people("externalId", 220, "Ann"));
    let flags = ["--set", "region=us-east-1", "--operation", "bulk_add"];
    let ended = load(&bench, "people.csv", &flags);
    let counts = counts(&ended);
    let (good, bad) = (ids(&bench, "c-", 220, false), ids(&bench, "c-", 220, true));
    assert_eq!(kept(&bench, "/externalIds/0/value"), good);
    assert!(
        bench.ledger().made.values().all(|made| *made == 1),
        "no contact is made twice"
    );
    assert_eq!(
        (&counts["created"], &counts["rejected"]),
        (&json!(good.len()), &json!(bad.len()))
    );
}

#[test]
fn a_contact_list_is_filled_a_thousand_at_a_time_and_nobody_is_dialled_again() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    let mut text = String::from("contactId,Phone,First Name\n");
    for number in 1..=2_300 {
        writeln!(text, "l-{number},+4930123{number:04},Ann")
            .expect("writing to memory doesn't fail");
    }
    bench.write("list.csv", text);
    let flags = [
        "--set",
        "region=us-east-1",
        "--set",
        "contact_list=list-1",
        "--operation",
        "outbound_contacts",
    ];
    for _ in 0..2 {
        assert_eq!(
            counts(&load(&bench, "list.csv", &flags).expect_code(0))["updated"],
            2_300
        );
    }
    let counters = bench.counters();
    assert_eq!((counters.requeued, bench.records().len()), (0, 2_300));
    // No external source stands in them, so none is looked for.
    assert_eq!(counters.requests.set_up, 0);
    assert!(counters.requests.bulk <= 10, "{counters:?}");
    let records = bench.records();
    let first = records.iter().find(|record| record["id"] == "l-1");
    assert_eq!(
        first.expect("it is there")["data"],
        json!({"Phone": "+49301230001", "First Name": "Ann"})
    );
    bench.write(
        "bad.csv",
        format!("contactId,Phone\nl-1,+493012\nl-2,{}\n", "9".repeat(513)),
    );
    let ended = load(&bench, "bad.csv", &flags).expect_code(1);
    assert_eq!(counts(&ended)["rejected"], 1);
}

#[test]
fn bulk_update_replaces_those_whose_ids_are_known() {
    let bench = bench_of(
        "genesys-cloud",
        "api: genesys_cloud\nbatches: { shuffled: true }",
    );
    bench.write("people.csv", people("externalId", 60, "Ann"));
    load(&bench, "people.csv", &["--set", "region=us-east-1"]).expect_code(0);
    let mut text = String::from("contactId,firstName\n");
    for record in bench.records() {
        writeln!(text, "{},Eve", record["id"].as_str().expect("an id")).expect("memory");
    }
    text.push_str("nobody,Eve\n");
    bench.write("changes.csv", text);
    let flags = ["--set", "region=us-east-1", "--operation", "bulk_update"];
    let ended = load(&bench, "changes.csv", &flags).expect_code(1);
    let counts = counts(&ended);
    assert_eq!(
        (&counts["updated"], &counts["rejected"]),
        (&json!(60), &json!(1))
    );
    assert!(
        bench
            .records()
            .iter()
            .all(|record| record["firstName"] == "Eve")
    );
}

#[test]
fn what_the_platform_spells_its_own_way_counts_as_it_was_sent() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    bench.write(
        "organizations.csv",
        "externalId,name,phoneNumber\n o-1,  Alpha Ltd ,+49 (30) 1234567\n\
         o-2,Beta Ltd,030 7654321\no-3,Gamma Ltd,+49 30 111111\n",
    );
    let flags = ["--set", "region=us-east-1", "--operation", "organizations"];
    let first = counts(&load(&bench, "organizations.csv", &flags).expect_code(0));
    assert_eq!(first["created"], 3);
    assert_ne!(
        bench.records()[0]["phoneNumber"]["display"],
        "+49 (30) 1234567"
    );
    let requests = bench.counters().requests;
    let again = counts(&load(&bench, "organizations.csv", &flags).expect_code(0));
    assert_eq!(again["unchanged"], 3);
    assert_eq!(bench.counters().requests.bulk, requests.bulk);
    assert_eq!(bench.counters().requests.put, requests.put);
    bench
        .sluice(&["verify", "--output", "json"])
        .run()
        .expect_code(0);
}

#[test]
fn contacts_are_looked_up_changed_verified_and_taken_back() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    bench.write("people.csv", people("externalId", 120, "Ann"));
    let flags = ["--set", "region=us-east-1", "--operation", "contacts"];
    let pre_images = [&flags[..], &["--pre-images"]].concat();
    let first = counts(&load(&bench, "people.csv", &pre_images).expect_code(0));
    assert_eq!(first["created"], 120);
    let again = counts(&load(&bench, "people.csv", &flags).expect_code(0));
    assert_eq!(again["unchanged"], 120);
    let first_run = bench.runs().remove(0);
    let first_run = first_run.to_str().expect("a path").to_owned();
    bench.sluice(&["verify", &first_run]).run().expect_code(0);

    bench.write("changed.csv", people("externalId", 60, "Eve"));
    let changed = counts(&load(&bench, "changed.csv", &pre_images).expect_code(0));
    assert_eq!(changed["updated"], 60);
    bench.sluice(&["undo", "--yes"]).run().expect_code(0);
    let records = bench.records();
    assert!(records.iter().all(|record| record["firstName"] == "Ann"));
    bench
        .sluice(&["undo", &first_run, "--yes"])
        .run()
        .expect_code(0);
    assert!(bench.records().is_empty());
}

#[test]
fn before_the_external_source_is_there_a_plan_asks_for_no_record() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    bench.write("people.csv", people("externalId", 250, "Ann"));
    let flags = ["--set", "region=us-east-1", "--operation", "contacts"];
    let online = [&flags[..], &["--online", "--output", "json"]].concat();
    let plan = bench
        .plan("people.csv", &online)
        .run()
        .expect_code(0)
        .json();
    let told = |name: &str| plan["online"][name].as_u64();
    let counts = ["created", "failed", "requests"].map(told);
    assert_eq!(counts, [Some(250), Some(0), Some(0)], "{plan}");
    // A look-up for each, and five requests of fifty.
    assert_eq!(plan["forecast"]["requests"], 255);
    let text = [&flags[..], &["--online"]].concat();
    bench
        .plan("people.csv", &text)
        .run()
        .expect_code(0)
        .expect_stdout(&["nothing was looked up", "`external_source` isn't there yet"]);
}

#[test]
fn the_probe_s_read_is_one_that_the_platform_takes() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    let base_url = format!("base_url={}", bench.base_url());
    let probe = [
        "probe",
        "--to",
        "genesys-cloud",
        "--set",
        "region=us-east-1",
        "--set",
        &base_url,
    ];
    let bounds = [
        "--operation",
        "enrich",
        "--rows",
        "1000",
        "--max-requests",
        "40",
    ];
    let found = bench
        .sluice(&[&probe[..], &bounds, &["--output", "json"]].concat())
        .run()
        .json();
    assert!(found["requests"].as_u64() > Some(0), "{found}");
    let forecast = &found["forecast"];
    assert!(
        forecast.is_null() || forecast["requests"] == 100,
        "{forecast}"
    );
}

#[test]
fn two_rows_whose_keys_differ_by_white_space_are_one_record() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    bench.write(
        "people.csv",
        "externalId,firstName\nA3,Ann\n A3,Eve\nA4 ,Bob\n",
    );
    let flags = ["--set", "region=us-east-1"];
    load(&bench, "people.csv", &flags).expect_code(0);
    let keys: Vec<String> = kept(&bench, "/externalIds/0/value").into_iter().collect();
    assert_eq!(keys, ["A3", "A4"]);
    assert_eq!(bench.records()[0]["firstName"], "Eve");
}

#[test]
fn of_external_sources_whose_names_begin_alike_the_one_that_is_meant_counts() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    bench.write("people.csv", people("externalId", 3, "Ann"));
    for source in ["CRM archive", "CRM"] {
        let source = format!("external_source={source}");
        let flags = ["--set", "region=us-east-1", "--set", &source];
        let counts = counts(&load(&bench, "people.csv", &flags).expect_code(0));
        assert_eq!(counts["read"], 3);
    }
    let records = bench.records();
    let of_source = |name: &str| {
        let place = "/externalIds/0/externalSource/name";
        let is_of = |record: &&Value| record.pointer(place).is_some_and(|found| found == name);
        records.iter().filter(is_of).count()
    };
    assert_eq!((of_source("CRM archive"), of_source("CRM")), (3, 3));
}

#[test]
fn an_unknown_region_names_those_there_are() {
    let bench = bench_of("genesys-cloud", "api: genesys_cloud");
    bench.write("people.csv", people("externalId", 1, "Ann"));
    load(&bench, "people.csv", &["--set", "region=eu-central-9"])
        .expect_code(2)
        .expect_stderr(&["`region` is none of the values", "eu-central-1"]);
    assert_eq!(bench.counters().requests.token, 0);
}

#[test]
fn organizations_are_looked_up_then_made_or_changed() {
    let bench = bench_of(
        "genesys-cloud",
        "api: genesys_cloud\ncontacts: { invalid: 0.1, unique_external_id: true }\nbatches: { shuffled: true }\n\
         latency: { median: 2ms }\nfaults: [{ kind: close_after, ratio: 0.1 }]\n",
    );
    let table = |town: &str| {
        let mut text =
            String::from("externalId,name,employeeCount,phoneNumber,address.city,websites\n");
        for number in 1..=120 {
            writeln!(
                text,
                "o-{number},Company {number},{number},+4930123{number:04},{town},https://{number}.example.com"
            )
            .expect("writing to memory doesn't fail");
        }
        text
    };
    let (good, bad) = (ids(&bench, "o-", 120, false), ids(&bench, "o-", 120, true));
    let flags = ["--set", "region=us-east-1", "--operation", "organizations"];
    for (town, ended_as) in [
        ("Bonn", "created"),
        ("Bonn", "unchanged"),
        ("Ulm", "updated"),
    ] {
        bench.write("organizations.csv", table(town));
        let counts = counts(&load(&bench, "organizations.csv", &flags).expect_code(1));
        assert_eq!(
            (&counts[ended_as], &counts["rejected"]),
            (&json!(good.len()), &json!(bad.len()))
        );
        assert_eq!(kept(&bench, "/externalIds/0/value"), good);
        assert_eq!(kept(&bench, "/address/city"), [town.to_owned()].into());
    }
    assert!(bench.ledger().made.values().all(|made| *made == 1));
}

#[test]
fn a_contact_may_only_refer_to_an_organization_that_is_there() {
    let bench = bench_of(
        "genesys-cloud",
        "api: genesys_cloud\nbatches: { shuffled: true }",
    );
    bench.write("organizations.csv", "externalId,name\no-1,Company\n");
    let region = ["--set", "region=us-east-1", "--operation"];
    let flags = [&region[..], &["organizations"]].concat();
    load(&bench, "organizations.csv", &flags).expect_code(0);
    let id = bench.records()[0]["id"].as_str().expect("an id").to_owned();
    let nobody = "00000000-0000-4000-8000-000000000000";
    for operation in ["enrich", "bulk_add"] {
        let text = format!(
            "externalId,externalOrganizationId\n{operation}-1,{id}\n{operation}-2,{nobody}\n{operation}-3,{id}\n"
        );
        bench.write("people.csv", text);
        let flags = [&region[..], &[operation]].concat();
        let counts = counts(&load(&bench, "people.csv", &flags).expect_code(1));
        assert_eq!(
            (&counts["created"], &counts["rejected"]),
            (&json!(2), &json!(1)),
            "{operation}"
        );
    }
    assert_eq!(kept(&bench, "/externalOrganization/id"), [id].into());
}
