//! The cut-over from one platform to another: after the load, what changes at
//! the source follows in rounds, while people work in the target already.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use loadtest::tenant::Tenant;
use serde_json::Value;
use support::{
    Bench, CLIENT_ID, CLIENT_SECRET, Running, Sluice, assert_accounted, fixture, scenario,
    wait_until,
};

/// Contacts at the source, changed at times from October 2023 to June 2025.
const CONTACTS: u64 = 400;
/// From when on the load takes them: some are left for later.
const LOADED_SINCE: &str = "2024-04-01";

fn source_scenario() -> String {
    format!("contacts: {{existing: {{numbered: {{prefix: c-, count: {CONTACTS}}}}}}}")
}

/// A target that looks contacts up by their external id, with a job that moves
/// them there.
fn target(source_url: &str, scenario: &str) -> Bench {
    let to = Bench::new(scenario);
    for name in ["upsert-by-look-up.yaml", "create-contacts-blind.yaml"] {
        let text = fs::read_to_string(fixture("connectors").join(name)).expect("a connector");
        to.write(name, text);
    }
    to.write(
        "job.yaml",
        format!(
            "job: move\n\
             source: {{connector: cxone-contacts, stream: contacts, base_url: {}}}\n\
             target: {{connector: upsert-by-look-up.yaml, base_url: {}}}\n\
             map:\n  externalId: contactId\n  firstName: firstName\n  lastName: lastName\n  email: email\n",
            source_url,
            to.base_url()
        ),
    );
    to
}

fn sluice(bench: &Bench, arguments: &[&str]) -> Sluice {
    bench
        .sluice(arguments)
        .environment("SLUICE_SOURCE_CLIENT_ID", CLIENT_ID)
        .environment("SLUICE_SOURCE_CLIENT_SECRET", CLIENT_SECRET)
}

fn follow(to: &Bench) -> Sluice {
    let load = ["run", "job.yaml", "--since", LOADED_SINCE];
    sluice(to, &load).arguments(["--follow", "200ms", "--output", "json"])
}

/// Renames contacts at the source.
fn change(from: &Bench, ids: &[&str], name: &str) {
    let mut text = String::from("contactId,firstName\n");
    for id in ids {
        writeln!(text, "{id},{name}").expect("writing to memory doesn't fail");
    }
    from.write("change.csv", text);
    from.run("change.csv", &[]).run().expect_code(0);
}

/// Makes or changes a contact in the target, as an agent would.
fn write_by_hand(to: &Bench, id: &str, connector: &str) {
    to.write("by-hand.csv", format!("externalId,firstName\n{id},Agent\n"));
    let base_url = format!("base_url={}", to.base_url());
    let arguments = ["run", "by-hand.csv", "--to", connector];
    to.sluice(&arguments)
        .arguments(["--set", &base_url, "--run-dir", "by-hand"])
        .run()
        .expect_code(0);
}

/// First names of the target's contacts, by their external ids; each once.
fn names(to: &Bench) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::<String, Vec<String>>::new();
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    for record in to.records() {
        let found = names.entry(text(&record, "externalId")).or_default();
        found.push(text(&record, "firstName"));
    }
    names
}

fn waits_until_named(run: &mut Running, to: &Bench, id: &str, name: &str) {
    run.wait_while_running("the change is in the target", || {
        names(to).get(id).is_some_and(|found| found == &[name])
    });
}

/// A contact that the load takes, or leaves for later.
fn ids(to: &Bench, loaded: bool, count: usize) -> Vec<String> {
    let names = names(to);
    let all = (1..=CONTACTS).map(|number| format!("c-{number}"));
    let found: Vec<String> = all
        .filter(|id| names.contains_key(id) == loaded)
        .take(count)
        .collect();
    assert_eq!(found.len(), count);
    found
}

/// Where each run stands, the oldest first.
fn run_states(to: &Bench) -> Vec<String> {
    let ended = sluice(to, &["runs", "--output", "ndjson"]).run();
    let states = ended.stdout.lines().map(|line| {
        let run: Value = serde_json::from_str(line).expect("a run a line");
        run["state"].as_str().expect("a state").to_owned()
    });
    states.collect()
}

fn is_loaded(to: &Bench) -> bool {
    to.runs()
        .first()
        .is_some_and(|run| run.join("summary.json").is_file())
}

#[test]
fn changed_and_added_contacts_follow_once_and_what_stayed_is_not_sent_again() {
    let from = Bench::new(&source_scenario());
    let to = target(&from.base_url(), "{}");
    let mut run = follow(&to).start();
    run.wait_while_running("the load is done", || is_loaded(&to));
    let after_load = to.counters();
    let loaded = names(&to).len() as u64;
    assert!((100..CONTACTS).contains(&loaded), "{loaded} contacts");

    let old = ids(&to, true, 3);
    let added = ids(&to, false, 3);
    change(&from, &[&old[0], &old[1], &added[0]], "First");
    waits_until_named(&mut run, &to, &old[1], "First");
    waits_until_named(&mut run, &to, &added[0], "First");
    change(&from, &[&old[1], &old[2], &added[1], &added[2]], "Second");
    waits_until_named(&mut run, &to, &old[2], "Second");
    waits_until_named(&mut run, &to, &added[2], "Second");
    // Rounds without a change go by.
    let asked = from.counters().requests.list;
    run.wait_while_running("some rounds have gone by", || {
        from.counters().requests.list > asked + 5
    });
    run.signal("TERM");
    let ended = run.wait().expect_code(0);

    let now = names(&to);
    assert!(now.values().all(|names| names.len() == 1), "{now:?}");
    assert_eq!(now.len() as u64, loaded + 3);
    for (id, name) in [
        (&old[0], "First"),
        (&old[1], "Second"),
        (&added[0], "First"),
    ] {
        assert_eq!(now[id], [name]);
    }
    // Four changes of contacts that were there, one write each; and a look-up
    // for each of the seven rows, however often they came again. The three that
    // aren't there are looked up twice: the search might not have known yet what
    // the round before had made.
    let requests = to.counters().requests;
    assert_eq!(requests.put - after_load.requests.put, 4);
    assert_eq!(requests.list - after_load.requests.list, 7 + 3);
    let ledger = to.ledger();
    assert!(ledger.made.values().all(|times| *times == 1));

    // One summary a round, and a directory for each that changed something.
    let summaries: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a summary a line"))
        .collect();
    let mut changed = 0;
    for summary in &summaries {
        assert_accounted(&summary["counts"]);
        assert_eq!(summary["state"], "finished");
        let count = |name: &str| summary["counts"][name].as_u64().expect("a number");
        changed += u64::from(count("created") + count("updated") > 0);
    }
    assert!(summaries.len() >= 6, "{} summaries", summaries.len());
    assert!((3..summaries.len() as u64).contains(&changed));
    let runs = to.runs();
    assert_eq!(runs.len() as u64, changed);
    let named = runs.iter().skip(1).map(|run| run.display().to_string());
    assert!(named.into_iter().all(|name| name.contains("-move-round-")));
    // A later run goes on from the last round.
    let later = sluice(&to, &["run", "job.yaml", "--since", "last"]);
    let later = later.arguments(["--output", "json"]).run().expect_code(0);
    assert_eq!(
        later.json()["counts"]["unchanged"],
        later.json()["counts"]["read"]
    );
}

#[test]
fn a_key_that_agents_have_made_twice_is_listed_once_and_nothing_is_overwritten() {
    let from = Bench::new(&source_scenario());
    let to = target(&from.base_url(), "{}");
    let mut run = follow(&to).start();
    run.wait_while_running("the load is done", || is_loaded(&to));
    let twice = ids(&to, true, 1).remove(0);
    let other = ids(&to, true, 2).remove(1);
    write_by_hand(&to, &twice, "create-contacts-blind.yaml");
    let before = names(&to)[&twice].clone();
    assert_eq!(before.len(), 2);
    change(&from, &[&twice, &other], "Changed");
    waits_until_named(&mut run, &to, &other, "Changed");
    // What an agent changes after its round comes again, and isn't taken back.
    write_by_hand(&to, &other, "upsert-by-look-up.yaml");
    let asked = from.counters().requests.list;
    run.wait_while_running("some rounds have gone by", || {
        from.counters().requests.list > asked + 3
    });
    run.signal("INT");
    run.wait().expect_code(1);
    let now = names(&to);
    assert_eq!(
        (&now[&twice], &now[&other]),
        (&before, &vec!["Agent".to_owned()])
    );
    let listed: Vec<String> = to
        .runs()
        .iter()
        .filter_map(|run| fs::read_to_string(run.join("rejected.csv")).ok())
        .flat_map(|text| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].contains("several_records"), "{listed:?}");
    assert!(listed[0].contains(&twice), "{listed:?}");
}

#[test]
fn a_night_without_changes_ends_with_its_time_and_leaves_one_run() {
    let from = Bench::new(&source_scenario());
    let to = target(&from.base_url(), "{}");
    let ended = follow(&to)
        .arguments(["--max-duration", "3s"])
        .run()
        .expect_code(0);
    assert!(ended.took.as_secs() >= 3, "{:?}", ended.took);
    assert!(ended.stdout.lines().count() > 2, "{}", ended.stdout);
    let run = to.run_directory();
    assert!(!run.display().to_string().contains("-round-"), "{run:?}");

    // To people a night is told with one line.
    let ended = sluice(&to, &["run", "job.yaml", "--since", "last"])
        .arguments(["--follow", "100ms", "--max-duration", "2s"])
        .run()
        .expect_code(0)
        .expect_stderr(&["is loaded from now on, every"]);
    let told = ended.stderr.matches("nothing has changed").count();
    assert_eq!(told, 1, "{}", ended.stderr);
    assert_eq!(
        ended.stdout.matches("is finished").count(),
        1,
        "{}",
        ended.stdout
    );
    assert_eq!(to.runs().len(), 2);
}

#[test]
fn a_source_that_is_away_is_asked_again_from_where_it_was() {
    let from = scenario(&source_scenario());
    let running = Tenant::start(from.clone()).expect("the source starts");
    let base_url = running.base_url();
    let port = base_url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let to = target(&base_url, "{}");
    let mut run = follow(&to).start();
    run.wait_while_running("the load is done", || is_loaded(&to));
    drop(running);
    wait_until("a round has failed", || {
        run.stderr().contains("is tried again in")
    });
    let back = Tenant::start_on(from, port.expect("a port")).expect("the source starts again");
    let ids = ids(&to, true, 1);
    to.write(
        "change.csv",
        format!("contactId,firstName\n{},Late\n", ids[0]),
    );
    let address = format!("base_url={base_url}");
    let change = [
        "run",
        "change.csv",
        "--to",
        "cxone-contacts",
        "--set",
        &address,
    ];
    let change = to.sluice(&change).arguments(["--run-dir", "by-hand"]);
    change.run().expect_code(0);
    waits_until_named(&mut run, &to, &ids[0], "Late");
    run.signal("TERM");
    run.wait()
        .expect_code(0)
        .expect_stderr(&["connection refused"]);
    assert_eq!(run_states(&to), ["finished"; 2]);
    drop(back);
}

#[test]
fn ended_while_the_source_is_away_it_does_not_claim_to_be_done() {
    let running = Tenant::start(scenario(&source_scenario())).expect("the source starts");
    let to = target(&running.base_url(), "{}");
    let mut run = follow(&to).start();
    run.wait_while_running("the load is done", || is_loaded(&to));
    drop(running);
    wait_until("a round has failed", || {
        run.stderr().contains("is tried again in")
    });
    run.signal("TERM");
    run.wait().expect_code(4);
    assert_eq!(run_states(&to), ["finished"]);
}

#[test]
fn the_migration_of_the_fixtures_follows_its_source() {
    let from = Bench::new("contacts: { existing: { numbered: { prefix: '', count: 300 } } }");
    let to = Bench::new("api: genesys_contacts\nlatency: { median: 2ms }\n");
    let job = fs::read_to_string(fixture("jobs").join("cxone-to-genesys.yaml")).expect("the job");
    to.write("job.yaml", job);
    let mut command = to.bare(&["run", "job.yaml", "--follow", "200ms", "--output", "ndjson"]);
    for (name, value) in [
        ("CXONE_CLIENT_ID", CLIENT_ID),
        ("CXONE_CLIENT_SECRET", CLIENT_SECRET),
        ("GENESYS_CLIENT_ID", CLIENT_ID),
        ("GENESYS_CLIENT_SECRET", CLIENT_SECRET),
    ] {
        command = command.environment(name, value);
    }
    let addresses = [
        format!("source.base_url={}", from.base_url()),
        format!("base_url={}", to.base_url()),
    ];
    let mut run = command.arguments(["--set", &addresses.join(",")]).start();
    run.wait_while_running("the load is done", || is_loaded(&to));
    let applied = to.counters().applied;
    assert_eq!(to.records().len(), 300);
    change(&from, &["17", "170"], "Late");
    waits_until_named(&mut run, &to, "CONE-17", "Late");
    waits_until_named(&mut run, &to, "CONE-170", "Late");
    run.signal("TERM");
    run.wait().expect_code(0);
    assert_eq!(to.counters().applied, applied + 2);
    assert!(to.ledger().made.values().all(|times| *times == 1));
}

#[test]
fn a_round_that_the_target_let_down_is_gone_on_with_from_its_own_books() {
    let from = Bench::new(&source_scenario());
    // Longer than a target that has given no reply is waited for.
    let away = "faults: [{kind: close_before, ratio: 1, until: 13s}]";
    let to = target(&from.base_url(), away);
    let load = [
        "run",
        "job.yaml",
        "--since",
        "2026-01-01",
        "--follow",
        "200ms",
    ];
    let mut run = sluice(&to, &load).start();
    run.wait_while_running("the load is done", || is_loaded(&to));
    change(&from, &["c-1", "c-2"], "Late");
    waits_until_named(&mut run, &to, "c-2", "Late");
    run.wait_while_running("the round is finished", || {
        run_states(&to) == ["finished"; 2]
    });
    run.signal("TERM");
    let ended = run.wait().expect_code(0);
    let ended = ended.expect_stderr(&["nothing got through", "is tried again in"]);
    assert!(!ended.stderr.contains("to go on"), "{}", ended.stderr);
    let now = names(&to);
    assert_eq!((now.len(), &now["c-1"]), (2, &vec!["Late".to_owned()]));
    assert!(to.ledger().made.values().all(|times| *times == 1));
    let round = to.runs().pop().expect("a round");
    let summary = fs::read_to_string(round.join("summary.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(
        (&summary["legs"], &summary["counts"]["created"]),
        (&2.into(), &2.into())
    );
    assert_accounted(&summary["counts"]);
}

#[test]
fn what_cannot_be_followed_is_told_before_anything_is_asked() {
    let from = Bench::new(&source_scenario());
    let to = target(&from.base_url(), "{}");
    to.write("contacts.csv", "externalId,firstName\nc-1,a\n");
    let base_url = format!("base_url={}", to.base_url());
    let file = [
        "run",
        "contacts.csv",
        "--to",
        "upsert-by-look-up.yaml",
        "--set",
        &base_url,
    ];
    let told = ["--follow", "contacts.csv can't tell"];
    sluice(&to, &file)
        .arguments(["--follow", "1s"])
        .run()
        .expect_code(2)
        .expect_stderr(&told);
    sluice(&to, &["run", "job.yaml", "--follow", "1s", "--limit", "5"])
        .run()
        .expect_code(2)
        .expect_stderr(&["--limit"]);
    let job = fs::read_to_string(to.folder().join("job.yaml")).expect("a job");
    let own = fs::read_to_string("src/connector/builtin/cxone-contacts.yaml").expect("a connector");
    let mute: String = own
        .lines()
        .filter(|line| !line.trim_start().starts_with("changed_since:"))
        .fold(String::new(), |text, line| text + line + "\n");
    to.write("mute.yaml", mute);
    to.write(
        "job.yaml",
        job.replace("connector: cxone-contacts", "connector: mute.yaml"),
    );
    sluice(&to, &["run", "job.yaml", "--follow", "1s"])
        .run()
        .expect_code(2)
        .expect_stderr(&["can't be asked for what has changed", "without --follow"]);
    assert_eq!(from.counters().accepted + to.counters().accepted, 0);
    assert!(to.runs().is_empty());
}
