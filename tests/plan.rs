//! The promise that a plan sends nothing: it reads every row, says what a run
//! would do, and the tenant hears of none of it.

mod support;

use support::{Bench, fixture, numbered_csv};

/// Records that are there, changed one by one; what stood there can be kept.
const ONE_BY_ONE: &str = r#"name: one-by-one
title: Contacts, one PATCH each
base_url: https://api.example.com
auth: {grant: client_credentials, token_url: "https://api.example.com/oauth/token"}
operations:
  update:
    method: PATCH
    path: "/api/v2/contacts/{externalId}"
    key: externalId
    effect: updated
    fields: {firstName: {}, email: {kind: email}}
    look_up:
      path: "/api/v2/contacts/{externalId}"
      found: [{status: 200, body_has: /id}]
      absent: [{status: 404}]
      record: ""
      id: /id
"#;

/// Not one connection was opened, and nothing was left behind.
#[track_caller]
fn assert_untouched(bench: &Bench) {
    assert_eq!(bench.counters().connections_opened, 0);
    assert!(bench.runs().is_empty());
}

#[test]
fn a_plan_of_clean_rows_sends_nothing_and_is_0() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(300));
    bench
        .plan("contacts.csv", &["--max-rate", "10/s"])
        .run()
        .expect_code(0)
        .expect_stdout(&[
            "300",
            "PATCH",
            "/api/v2/contacts/c-1",
            "person.1@example.com",
        ])
        .expect_stdout(&["requests", "30"]);
    assert_untouched(&bench);
}

#[test]
fn the_first_request_is_shown_as_it_would_be_sent_and_nothing_secret_with_it() {
    let bench = Bench::new("{}");
    bench.write(
        "contacts.csv",
        "contactId,firstName\nc/1,Zoë\nc-2,\"a \"\"b\"\"\"\n",
    );
    let text = bench.plan("contacts.csv", &[]).run().expect_code(0);
    let text = text.expect_stdout(&[
        "the first request that would be sent",
        "    PATCH /api/v2/contacts/c%2F1\n    {\n      \"firstName\": \"Zoë\"\n    }\n",
    ]);
    assert!(!text.stdout.contains("Bearer"), "{}", text.stdout);
    let plan = bench.plan("contacts.csv", &["--output", "json"]).run();
    let plan = plan.expect_code(0).json();
    assert_eq!(
        plan["first_requests"],
        serde_json::json!([{
            "does": "writes",
            "method": "PATCH",
            "path": "/api/v2/contacts/c%2F1",
            "rows": 1,
            "most_rows": 1,
            "body": {"firstName": "Zoë"},
        }])
    );
    assert_untouched(&bench);
}

#[test]
fn a_number_that_may_lack_its_zeros_is_named_and_told_to_be_sent_as_it_stands() {
    let bench = Bench::new("keep_bodies: true");
    bench.write("contacts.csv", "contactId,phone\nc-1,15123456789\n");
    let plan = bench.plan("contacts.csv", &[]).run().expect_code(0);
    plan.expect_stdout(&[
        "look at phone",
        "sent as it stands",
        "`e164: REGION`",
        "line 2",
    ]);
    assert_untouched(&bench);
    bench.run("contacts.csv", &[]).run().expect_code(0);
    let sent = bench.field("c-1", "phone");
    assert_eq!(sent.as_deref(), Some("15123456789"));
    let map = "source: {csv: contacts.csv}\n\
               target: {connector: cxone-contacts, region: eu}\n\
               map: {contactId: contactId, phone: {from: phone, e164: DE}}\n";
    bench.write("job.yaml", map);
    let plan = bench.sluice(&["plan", "job.yaml"]).run().expect_code(1);
    plan.expect_stdout(&["line 2", "phone"]);
}

#[test]
fn of_an_upsert_the_look_up_and_the_batch_are_shown() {
    let mut bench = Bench::new("api: genesys_contacts");
    bench.connector = "genesys-contacts".to_owned();
    bench.write(
        "contacts.csv",
        "externalId,customFields.legacyCxoneId\ne-1,c-1\ne-2,c-2\n",
    );
    let plan = bench.plan("contacts.csv", &["--output", "json"]).run();
    let plan = plan.expect_code(0).json();
    let [look_up, write] = plan["first_requests"]
        .as_array()
        .expect("a list")
        .as_slice()
    else {
        panic!("two requests: {plan}");
    };
    assert_eq!(look_up["does"], "looks up");
    assert!(look_up.to_string().contains("e-1"), "{look_up}");
    assert_eq!(
        (&write["method"], &write["rows"]),
        (&"POST".into(), &2.into())
    );
    let body = write["body"].to_string();
    assert!(body.contains("e-1") && body.contains("e-2"), "{body}");
    let text = bench.plan("contacts.csv", &[]).run().expect_code(0);
    text.expect_stdout(&[
        "  looks up",
        "  makes what isn't there, with the first 2 of up to",
    ]);
    assert_untouched(&bench);
}

#[test]
fn the_look_ups_for_pre_images_are_counted() {
    let bench = Bench::new("{}");
    bench.write(
        "contacts.csv",
        "externalId,firstName,email\nc-1,Ada,a@example.com\nc-2,Eve,e@example.com\n",
    );
    bench.write("connector.yaml", ONE_BY_ONE);
    let base_url = format!("base_url={}", bench.base_url());
    let arguments = [
        "plan",
        "contacts.csv",
        "--to",
        "connector.yaml",
        "--set",
        &base_url,
        "--output",
        "json",
    ];
    for (flags, requests, told) in [
        (&[][..], 2, "update (PATCH a row)"),
        (
            &["--pre-images"][..],
            4,
            "each row is looked up, then update (PATCH a row)",
        ),
    ] {
        let plan = bench.sluice(&arguments).arguments(flags).run();
        let plan = plan.expect_code(0).json();
        assert_eq!(plan["forecast"]["requests"], requests);
        assert_eq!(plan["operation"], told);
    }
    assert_untouched(&bench);
}

#[test]
fn a_plan_with_rows_that_would_be_rejected_is_1_and_names_their_lines() {
    let bench = Bench::new("{}");
    let input = fixture("csv/contacts-dirty.csv");
    let input = input.to_str().expect("a path in UTF-8");
    let ended = bench.plan(input, &[]).run().expect_code(1);
    let lines = [38, 83, 119, 156, 191, 344, 379, 412, 457];
    for line in lines {
        assert!(
            ended.stdout.contains(&format!("line {line}:")),
            "line {line} isn't named:\n{}",
            ended.stdout
        );
    }
    let json = bench.plan(input, &["--output", "json"]).run();
    let plan = json.expect_code(1).json();
    assert_eq!(plan["rows"], 600);
    assert_eq!(plan["problems"]["rejected"], lines.len());
    assert_eq!(plan["to_send"], 600 - lines.len());
    assert_eq!(plan["forecast"]["requests"], 600 - lines.len());
    assert_eq!(plan["duplicates"]["keys"], 1);
    assert_untouched(&bench);
}

#[test]
fn keys_that_come_again_are_named_by_their_lines_and_rows_left_out_are_not_shown() {
    let bench = Bench::new("{}");
    let text = "contactId,firstName\nc-1,\"Two\nlines\"\nc-2,Two\nc-1,Last\n";
    bench.write("contacts.csv", text);
    bench
        .plan("contacts.csv", &[])
        .run()
        .expect_code(0)
        .expect_stdout(&["1 row with a key that stood before: line 5)"]);
    let flags = ["--duplicates", "last", "--output", "json"];
    let plan = bench.plan("contacts.csv", &flags).run().expect_code(0);
    let plan = plan.json();
    let samples = plan["samples"].as_array().expect("samples");
    let lines: Vec<u64> = samples
        .iter()
        .map(|sample| sample["line"].as_u64().expect("a line"))
        .collect();
    assert_eq!(lines, [4, 5], "{plan}");
    let flags = ["--duplicates", "reject", "--output", "json"];
    let plan = bench.plan("contacts.csv", &flags).run().expect_code(1);
    let first = &plan.json()["problems"]["rules"]["duplicate_key"]["first"][0];
    assert_eq!(first["line"], 5, "{first}");
}

#[test]
fn a_dry_run_is_a_plan() {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(20));
    let plan = bench.plan("contacts.csv", &[]).run().expect_code(0);
    let dry = bench.run("contacts.csv", &["--dry-run"]).run();
    assert_eq!(dry.expect_code(0).stdout, plan.stdout);
    let twin = bench
        .run("contacts.csv", &[])
        .environment("SLUICE_DRY_RUN", "1")
        .run();
    assert_eq!(twin.expect_code(0).stdout, plan.stdout);
    assert_untouched(&bench);
}

#[test]
fn a_plan_needs_no_credentials_and_takes_standard_input() {
    let bench = Bench::new("{}");
    let input = bench.write("contacts.csv", numbered_csv(20));
    bench
        .plan("-", &[])
        .without("SLUICE_CLIENT_ID")
        .without("SLUICE_CLIENT_SECRET")
        .fed_from(&input)
        .run()
        .expect_code(0)
        .expect_stdout(&["20"]);
    assert_untouched(&bench);
}

#[test]
fn the_plan_tells_the_rows_that_the_run_then_rejects() {
    let bench = Bench::new("{}");
    let input = fixture("csv/contacts-dirty.csv");
    let input = input.to_str().expect("a path in UTF-8");
    let plan = bench.plan(input, &["--output", "json"]).run();
    let plan = plan.expect_code(1).json();
    bench.run(input, &[]).run().expect_code(1);
    let books = bench.books();
    assert_eq!(plan["problems"]["rejected"], books.count("rejected"));
    assert_eq!(plan["to_send"], bench.counters().applied);
}

#[test]
fn the_encoding_and_the_delimiter_that_were_found_are_said_once() {
    let bench = Bench::new("{}");
    let input = fixture("csv/contacts-windows-1252-semicolon.csv");
    let input = input.to_str().expect("a path in UTF-8");
    let ended = bench.plan(input, &[]).run();
    let ended = ended.expect_code(0).expect_stdout(&["Jürgen"]);
    let told = ended.stdout.to_lowercase().matches("windows-1252").count();
    // Once, but for the input's own name.
    assert_eq!(told, 1 + ended.stdout.matches(input).count());
    assert_untouched(&bench);
}
