//! The surface: the commands that only tell something, and how a run speaks.

mod support;

use support::{Bench, numbered_csv};

/// A bench whose folder holds an input of five contacts.
fn bench() -> Bench {
    let bench = Bench::new("{}");
    bench.write("contacts.csv", numbered_csv(5));
    bench
}

#[test]
fn flags_have_environment_twins_and_the_flag_wins() {
    let bench = bench();
    let run = |environment: &str, flags: &[&str]| {
        let command = bench.plan("contacts.csv", &["--output", "json"]);
        let ended = command
            .arguments(flags)
            .environment("SLUICE_LIMIT", environment)
            .run();
        ended.expect_code(0).json()["to_send"].clone()
    };
    assert_eq!(run("2", &[]), 2);
    assert_eq!(run("2", &["--limit", "3"]), 3);
}

#[test]
fn connectors_are_listed_shown_and_checked() {
    let bench = bench();
    bench
        .bare(&["connectors", "list"])
        .run()
        .expect_code(0)
        .expect_stdout(&["cxone-contacts", "region"]);
    let shown = bench.bare(&["connectors", "show", "cxone-contacts"]).run();
    let shown = shown
        .expect_code(0)
        .expect_stdout(&["/api/v2/contacts/{contactId}"]);
    bench.write("mine.yaml", &shown.stdout);
    bench
        .bare(&["connectors", "check", "mine.yaml"])
        .run()
        .expect_code(0);
    let broken = shown.stdout.replace("method: PATCH", "metod: PATCH");
    let line = 1 + broken
        .lines()
        .position(|line| line.contains("metod"))
        .expect("there");
    bench.write("broken.yaml", broken);
    let place = format!("broken.yaml:{line}");
    bench
        .bare(&["connectors", "check", "broken.yaml"])
        .run()
        .expect_code(2)
        .expect_stderr(&[&place, "metod", "method"]);
    bench
        .bare(&["connectors", "show", "cxone-contcts"])
        .run()
        .expect_code(2)
        .expect_stderr(&["`cxone-contacts`"]);
}

#[test]
fn schemas_are_json_and_know_the_keys() {
    let bench = bench();
    for (kind, keys) in [
        ("job", ["source", "target", "map", "limits"]),
        ("connector", ["auth", "operations", "variables", "base_url"]),
    ] {
        let schema = bench.bare(&["schema", kind]).run().expect_code(0).json();
        assert!(schema["$schema"].is_string());
        for key in keys {
            let property = &schema["properties"][key];
            assert!(!property.is_null(), "the schema of a {kind} has no `{key}`");
        }
    }
}

#[test]
fn completions_manual_help_and_version_are_printed() {
    let bench = bench();
    for shell in ["bash", "zsh", "fish"] {
        let ended = bench.bare(&["completions", shell]).run();
        ended.expect_code(0).expect_stdout(&["sluice", "resume"]);
    }
    let manual = bench.bare(&["man"]).run().expect_code(0);
    manual.expect_stdout(&[".TH sluice", "resume"]);
    let help = bench.bare(&["run", "--help"]).run().expect_code(0);
    help.expect_stdout(&["--max-rate", "SLUICE_MAX_RATE", "--dry-run"]);
    let version = bench.bare(&["--version"]).run().expect_code(0);
    version.expect_stdout(&["sluice ", env!("CARGO_PKG_VERSION")]);
}

#[test]
fn runs_and_status_tell_of_runs() {
    let bench = bench();
    bench.bare(&["runs"]).run().expect_code(0);
    let status = bench.bare(&["status"]).run();
    status.expect_code(2).expect_stderr(&["there is no run"]);
    bench.run("contacts.csv", &[]).run().expect_code(0);
    bench
        .run("contacts.csv", &["--job", "again"])
        .run()
        .expect_code(0);
    let runs = bench.bare(&["runs", "--output", "json"]).run();
    let runs = runs.expect_code(0).json();
    assert_eq!(runs.as_array().map(Vec::len), Some(2));
    assert_eq!(runs[0]["job"], "contacts");
    assert_eq!(runs[1]["job"], "again");
    let status = bench.bare(&["status", "--output", "json"]).run();
    let status = status.expect_code(0).json();
    assert_eq!(status["job"], "again", "the latest run by default");
    assert_eq!(status["state"], "finished");
    assert_eq!(status["counts"]["updated"], 5);
}

#[test]
fn another_folder_for_runs_is_used_by_every_command() {
    let bench = bench();
    let flags = ["--run-dir", "elsewhere"];
    bench.run("contacts.csv", &flags).run().expect_code(0);
    assert!(bench.runs().is_empty());
    for command in ["status", "runs", "resume"] {
        let ended = bench.sluice(&[command]).arguments(flags).run();
        ended.expect_code(0).expect_stdout(&["contacts"]);
    }
}

#[test]
fn init_writes_a_job_file_that_plan_understands_and_writes_over_none() {
    let bench = bench();
    bench.bare(&["init"]).run().expect_code(0);
    let path = bench.folder().join("job.yaml");
    let text = std::fs::read_to_string(&path).expect("job.yaml is there");
    assert!(text.contains('#'), "it is commented");
    bench
        .bare(&["init"])
        .run()
        .expect_code(2)
        .expect_stderr(&["job.yaml", "exists"]);
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), text);
    // What it says must at least be a job: only the input is another one.
    let ended = bench.sluice(&["plan", "job.yaml"]).run();
    assert!(
        !ended.stderr.contains("unknown key") && !ended.stderr.contains("job.yaml:1:"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_guessed_job_file_can_be_planned_and_run() {
    let bench = bench();
    bench.write(
        "export.csv",
        "Contact ID;First Name;E-Mail\nc-1;Zoë;zoe@example.com\n",
    );
    bench
        .bare(&[
            "guess",
            "export.csv",
            "--to",
            "cxone-contacts",
            "--write",
            "job.yaml",
        ])
        .run()
        .expect_code(0);
    let base_url = format!("base_url={}", bench.base_url());
    for command in ["plan", "run"] {
        let flags = [command, "job.yaml", "--set", &base_url];
        bench.sluice(&flags).run().expect_code(0);
    }
    assert_eq!(bench.counters().contacts_written, 1);
}

#[test]
fn a_column_s_name_stays_in_the_comment_of_a_guessed_job_file() {
    let bench = bench();
    bench.write(
        "export.csv",
        "contactId,firstName,\"a\u{2028}b\ncredentials: {client_id: x}\n#\"\nc-1,Ann,x\n",
    );
    let flags = ["--to", "cxone-contacts", "--write", "job.yaml"];
    let guess = bench.bare(&["guess", "export.csv"]).arguments(flags);
    guess.run().expect_code(0);
    let text = std::fs::read_to_string(bench.folder().join("job.yaml")).expect("a job file");
    assert!(
        !text.lines().any(|line| line.starts_with("credentials")),
        "{text}"
    );
    let base_url = format!("base_url={}", bench.base_url());
    let run = bench.sluice(&["run", "job.yaml", "--set", &base_url]);
    run.run().expect_code(0);
    assert_eq!(bench.counters().contacts_written, 1);
    // A terminal doesn't obey it either.
    bench.write("steered.csv", "contactId,firstName,\u{1b}[2J\nc-1,Ann,x\n");
    bench.write(
        "steered.yaml",
        "source: {csv: steered.csv}\ntarget: {connector: cxone-contacts, region: api-us-1}\n\
         map: {contactId: contactId, firstName: firstName}\n",
    );
    let plan = bench.bare(&["plan", "steered.yaml"]).run().expect_code(0);
    assert!(!plan.stdout.contains('\u{1b}'), "{}", plan.stdout);
}

#[test]
fn a_variable_on_the_command_line_leaves_those_of_the_environment() {
    let bench = bench();
    bench.write("rows.csv", "contactId,firstName\nc-1,Ann\n");
    let base_url = format!("base_url={},region=api-us-9", bench.base_url());
    let flags = ["run", "rows.csv", "--to", "cxone-contacts"];
    bench
        .sluice(&flags)
        .arguments(["--set", "region=api-us-1"])
        .environment("SLUICE_SET", &base_url)
        .run()
        .expect_code(0);
    assert_eq!(bench.counters().contacts_written, 1);
}

#[test]
fn failures_are_json_where_log_lines_are() {
    let bench = bench();
    let flags = [
        "run",
        "nowhere.csv",
        "--to",
        "cxone-contacts",
        "--log-format",
        "json",
    ];
    let ended = bench.sluice(&flags).run().expect_code(2);
    let line: serde_json::Value = serde_json::from_str(ended.stderr.trim()).expect("one object");
    assert_eq!(line["event"], "failure");
    let message = line["message"].as_str().expect("text");
    assert!(message.contains("nowhere.csv"), "{message}");
}

#[test]
fn the_demo_ends_with_0_and_the_files_that_it_names_are_there() {
    let bench = Bench::new("{}");
    let ended = bench.bare(&["demo"]).run().expect_code(0);
    let ended = ended.expect_stdout(&["read", "600", "rejected"]);
    let named: Vec<&str> = ended
        .stdout
        .split_whitespace()
        .filter(|word| word.contains("runs/"))
        .collect();
    assert!(named.len() >= 2, "{}", ended.stdout);
    for path in named {
        assert!(bench.folder().join(path).is_file(), "there is no {path}");
    }
    support::assert_accounted(&bench.books().summary["counts"]);
}

#[test]
fn output_off_a_terminal_has_no_control_sequences() {
    let bench = bench();
    let ended = bench.run("contacts.csv", &["-v"]).run().expect_code(0);
    assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'));
    let quiet = bench.run("contacts.csv", &["--quiet"]).run().expect_code(0);
    assert_eq!(quiet.stderr, "", "quiet says nothing but the result");
    assert!(!quiet.stdout.is_empty());
}

#[test]
fn log_lines_as_json_are_json() {
    let bench = bench();
    let flags = ["-v", "--log-format", "json"];
    let ended = bench.run("contacts.csv", &flags).run().expect_code(0);
    assert!(ended.stderr.lines().count() >= 2);
    for line in ended.stderr.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|cause| panic!("no JSON ({cause}): {line}"));
        assert!(event["event"].is_string() && event["message"].is_string());
    }
}
