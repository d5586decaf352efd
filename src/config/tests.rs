//! The words that a user sees, compared as they are.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use crate::mapping::RuleSource;

use super::*;

const JOB: &str = r#"job: spring-cleaning
source: {csv: contacts.csv, delimiter: ";", encoding: windows-1252, duplicates: last}
target: {connector: some-connector, region: api-us-1, account: 00123}
credentials: {client_id: {env: CX_ID}, client_secret: {command: "pass show cx/secret"}}
map:
  contactId: customer_id
  firstName: {from: first, trim: true}
  email: {from: mail, lowercase: true, default: none@example.com}
  company: {constant: 007}
limits: {share: 80%, max_errors: 1%, max_rate: 300/min, concurrency: 8}
max_duration: 2h30m
"#;

pub(super) fn read(text: &str) -> Result<JobFile, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.yaml");
    fs::write(&path, text).expect("written");
    read_job(&path).map_err(|mut error| {
        if let Some(place) = &mut error.place {
            place.file = "job.yaml".to_owned();
        }
        error
    })
}

pub(super) fn mistake(text: &str) -> String {
    read(text).expect_err("a mistake").to_string()
}

fn settle(text: &str) -> Settings {
    let job = read(text).expect("a job");
    let layer = Overrides::of_job(&job, Path::new("jobs/job.yaml"));
    Settings::settle(Overrides::default(), Some(layer), None).expect("settled")
}

#[test]
fn a_job_file_says_everything() {
    let settings = settle(JOB);
    assert_eq!(settings.job, "spring-cleaning");
    assert_eq!(settings.input.path(), Some(Path::new("jobs/contacts.csv")));
    assert_eq!(settings.delimiter.map(Delimiter::byte), Some(b';'));
    assert_eq!(settings.encoding, Some(Encoding::Windows1252));
    assert_eq!(settings.duplicates, Duplicates::Last);
    assert_eq!(settings.variables["account"], "00123");
    assert_eq!(settings.variables["region"], "api-us-1");
    assert!((settings.share.fraction() - 0.8).abs() < 1e-12);
    assert_eq!(settings.max_errors, Some(ErrorBudget::Percent(1.0)));
    assert!((settings.max_rate.expect("given").per_second() - 5.0).abs() < 1e-12);
    assert_eq!(settings.concurrency.to_string(), "8");
    assert_eq!(settings.max_duration.expect("given").to_string(), "2h30m");
    let mapping = settings.mapping.as_deref().expect("given");
    assert_eq!(mapping.len(), 4);
    assert_eq!(
        mapping[0].from,
        RuleSource::Columns(vec!["customer_id".to_owned()])
    );
    assert!(mapping[1].trim);
    assert_eq!(mapping[2].line, 8);
    assert_eq!(mapping[3].from, RuleSource::Constant("007".to_owned()));
    assert_eq!(
        settings.origins["limits.share"].to_string(),
        "jobs/job.yaml:10:17"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let base = "source: {csv: a.csv}\ntarget: {connector: x}\n";
    let cases = [
        (
            "limts: {share: 80%}",
            "job.yaml:3:1: unknown key `limts`; did you mean `limits`?",
        ),
        (
            "window: always",
            "job.yaml:3:1: unknown key `window`; known here: job, source, target, targets, entities, credentials, map, limits, max_duration, diff_log, pre_images",
        ),
        (
            "job: a\njob: b",
            "job.yaml:4:1: the key `job` stands here a second time",
        ),
        (
            "limits: {share: 120%}",
            "job.yaml:3:17: \"120%\" is no share; write 80% or 0.8, above 0 and at most 100%",
        ),
        (
            "limits: {max_rate: fast}",
            "job.yaml:3:20: \"fast\" is no rate; write 250/s, 300/min or 1000/h, above 0",
        ),
        (
            "max_duration: 90",
            "job.yaml:3:15: \"90\" is no length of time; write 90s, 5m, 2h30m or 250ms",
        ),
        (
            "credentials: {client_id: me, client_secret: hunter2}",
            "job.yaml:3:45: a secret doesn't belong in this file, which is copied, mailed and committed; write {env: NAME}, {file: path} or {command: \"…\"}",
        ),
        (
            "credentials: {client_id: me, client_secret: 123456}",
            "job.yaml:3:30: expected one of {env: NAME}, {file: path} and {command: \"…\"}, found a whole number",
        ),
        (
            "credentials: {client_id: me, client_secret: {env: A, file: b}}",
            "job.yaml:3:45: write exactly one of {env: NAME}, {file: path} and {command: \"…\"}",
        ),
        (
            "credentials: {client_id: me, client_secret: {evn: A}}",
            "job.yaml:3:46: unknown key `evn`; did you mean `env`?",
        ),
        (
            "credentials: {client_id: me}",
            "job.yaml:3:15: the key `client_secret` is missing",
        ),
        (
            "map: {contactId: 7}",
            "job.yaml:3:18: a column's name that reads as a number must stand in quotes, such as \"7\"",
        ),
        (
            "map: {contactId: {from: a, constant: b}}",
            "job.yaml:3:18: `contactId` has both `from` and `constant`; keep one of them",
        ),
        (
            "map: {contactId: {trim: true}}",
            "job.yaml:3:18: `contactId` has none of `from`, `constant` and `template`; write the source column's name",
        ),
        (
            "map: {email: {from: mail, fromat: email}}",
            "job.yaml:3:27: unknown key `fromat`; did you mean `format`?",
        ),
        (
            "map: {a: b, a: c}",
            "job.yaml:3:13: the key `a` stands here a second time",
        ),
        (
            "job: ../x",
            "job.yaml:3:6: \"../x\" is no name for a job; use up to 64 letters, digits, `.`, `_` and `-`",
        ),
        ("map: {x: *nowhere}", "job.yaml:3:10: "),
        ("map: [", "job.yaml:"),
        ("<<: {a: b}", "job.yaml:3:"),
        (
            "map: {contactId: {from: a, trim: maybe}}",
            "job.yaml:3:34: ",
        ),
    ];
    let mut wrong = Vec::new();
    for (addition, expected) in cases {
        let told = mistake(&format!("{base}{addition}\n"));
        let matches = match expected.ends_with([' ', ':']) {
            true => told.starts_with(expected) && told.len() > expected.len(),
            false => told == expected,
        };
        if !matches {
            wrong.push(format!(
                "{addition}\n  told     {told}\n  expected {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        mistake("target: {connector: x}\nsource: {csv: a.csv, duplicates: frist}\n"),
        "job.yaml:2:34: unknown value `frist`; did you mean `first`?"
    );
    assert_eq!(mistake("# nothing\n"), "job.yaml: the file is empty");
}

#[test]
fn a_bomb_is_refused_in_no_time() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (next, last) in ["b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let alias = format!("*{last}");
        bomb += &format!("{next}: &{next} [{}]\n", [alias.as_str(); 10].join(","));
    }
    let result: Result<serde_json::Value, _> = read_yaml("bomb.yaml", &bomb);
    let told = result.expect_err("refused").to_string();
    assert!(told.ends_with("to be a configuration"), "{told}");
}

#[test]
fn no_value_under_credentials_is_ever_printed() {
    let job = read(JOB).expect("a job");
    let shown = format!("{:?}", job.credentials);
    assert!(
        shown.contains("CX_ID") && !shown.contains("cx/secret"),
        "{shown}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.yaml");
    fs::write(&path, "client_id: me\nclient_secret: hunter2\n").expect("written");
    set_mode(&path, 0o644);
    let error = read_credentials_file(&path).expect_err("readable by others");
    assert!(error.to_string().contains("(mode 0644)"), "{error}");
    assert!(error.hint.starts_with("Run `chmod 600 "), "{}", error.hint);
    set_mode(&path, 0o600);
    let sources = read_credentials_file(&path).expect("read");
    assert!(!format!("{sources:?} {}", sources.client_secret).contains("hunter2"));
    match sources.client_secret {
        SecretSource::Value(value) => assert_eq!(value.expose_secret(), "hunter2"),
        other => panic!("{other}"),
    }
    fs::write(&path, "client_id: me\nclient_secret: [hunter2]\n").expect("written");
    let told = read_credentials_file(&path)
        .expect_err("no text")
        .to_string();
    assert!(!told.contains("hunter2"), "{told}");
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

#[test]
fn flags_win_over_the_job_and_the_job_over_the_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("profiles.yaml");
    fs::write(
        &path,
        "prod:\n  target: {region: eu, base_url: https://example.com, connector: ./own.yaml}\n  limits: {share: 50%, concurrency: 4}\n",
    )
    .expect("written");
    let told = read_profile(&path, "prd").expect_err("unknown").to_string();
    assert!(
        told.ends_with("no profile `prd`; did you mean `prod`?"),
        "{told}"
    );
    let profile = Overrides::of_profile(&read_profile(&path, "prod").expect("known"), &path);
    assert!(
        profile
            .connector
            .as_deref()
            .is_some_and(|path| path.ends_with("/./own.yaml"))
    );
    let job = Overrides::of_job(&read(JOB).expect("a job"), Path::new("job.yaml"));
    let flags = Overrides {
        max_rate: Some("10/s".parse().expect("a rate")),
        ..Overrides::default()
    };
    let settings = Settings::settle(flags, Some(job), Some(profile)).expect("settled");
    assert_eq!(settings.max_rate.expect("flag").to_string(), "10/s");
    assert_eq!(settings.share.to_string(), "80%");
    assert_eq!(settings.variables["region"], "api-us-1");
    assert_eq!(settings.variables["base_url"], "https://example.com");
    assert_eq!(settings.origins["limits.max_rate"], Origin::CommandLine);
    assert_eq!(settings.connector, "some-connector");
}

#[test]
fn without_a_job_the_defaults_do() {
    let flags = Overrides {
        input: Some(InputSource::File("data/my contacts.csv".into())),
        connector: Some("some-connector".to_owned()),
        ..Overrides::default()
    };
    let settings = Settings::settle(flags, None, None).expect("settled");
    assert_eq!(settings.job, "my-contacts");
    assert_eq!(settings.run_dir, Path::new("runs"));
    assert_eq!(settings.share, Share::WHOLE);
    assert_eq!(settings.concurrency, Concurrency::Auto);
    assert!(
        matches!(&settings.credentials.client_id, SecretSource::Environment(name) if name == "SLUICE_CLIENT_ID")
    );
    assert!(settings.check_input().is_err());
    let error = Settings::settle(Overrides::default(), None, None).expect_err("no input");
    assert_eq!(error.to_string(), "no input is named");
}

#[test]
fn the_schema_takes_what_the_parser_takes() {
    let schema = job_schema();
    let schema = schema.as_value();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["oneOf"],
        serde_json::json!([
            {"required": ["source", "target"]},
            {"required": ["source", "targets"]},
            {"required": ["entities"]},
        ])
    );
    let job: serde_json::Value = read_yaml("job.yaml", JOB).expect("YAML");
    for key in job.as_object().expect("a mapping").keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    assert!(
        schema["properties"]["credentials"]
            .to_string()
            .contains("CredentialsSection")
    );
    let text = schema_text(&job_schema());
    assert!(
        !text.contains("Spanned") && !text.contains("Located"),
        "{text}"
    );
}

#[test]
fn units_refuse_what_they_can_not_mean() {
    for text in [
        "",
        "0",
        "-1/s",
        "1/d",
        "inf",
        "NaN/s",
        "1e3/s",
        "2000000/s",
        "/s",
    ] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
    for text in ["", "0", "80", "101%", "-5%", "%"] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
    for text in [
        "",
        "90",
        "0s",
        "30s2h",
        "1h1h",
        "5 minutes",
        "1.5h",
        "99999999999999999999s",
        "367d",
    ] {
        assert!(text.parse::<TimeSpan>().is_err(), "{text}");
    }
    for text in ["", "1.5", "-1", "101%"] {
        assert!(text.parse::<ErrorBudget>().is_err(), "{text}");
    }
    for text in ["", "0", "many", "10001", "-1"] {
        assert!(text.parse::<Concurrency>().is_err(), "{text}");
    }
    assert_eq!("7%".parse::<Share>(), "0.07".parse::<Share>());
    assert_eq!("0.07".parse::<Share>().expect("a share").to_string(), "7%");
    assert_eq!(
        "2h 30m".parse::<TimeSpan>().expect("a time").to_string(),
        "2h30m"
    );
    assert_eq!(
        "90s".parse::<TimeSpan>().expect("a time").to_string(),
        "1m30s"
    );
    assert_eq!("tab".parse::<Delimiter>().map(Delimiter::byte), Ok(b'\t'));
    assert!("a".parse::<Delimiter>().is_err() && "\"".parse::<Delimiter>().is_err());
}

proptest! {
    #[test]
    fn what_prints_can_be_read_again(
        milliseconds in 1_u64..366 * 86_400_000,
        count in 0.000_1_f64..900_000.0,
        percent in 0.001_f64..100.0,
        rows: u64,
        requests in 1_u32..=10_000,
    ) {
        let span: TimeSpan = format!("{milliseconds}ms").parse().expect("a time");
        prop_assert_eq!(span.to_string().parse::<TimeSpan>(), Ok(span));
        for unit in ["/s", "/min", "/h", ""] {
            let rate: Rate = format!("{count}{unit}").parse().expect("a rate");
            prop_assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
        }
        let share: Share = format!("{percent}%").parse().expect("a share");
        prop_assert_eq!(share.to_string().parse::<Share>(), Ok(share));
        for text in [rows.to_string(), format!("{percent}%")] {
            let budget: ErrorBudget = text.parse().expect("a budget");
            prop_assert_eq!(budget.to_string().parse::<ErrorBudget>(), Ok(budget));
        }
        let concurrency: Concurrency = requests.to_string().parse().expect("a number");
        prop_assert_eq!(concurrency.to_string().parse::<Concurrency>(), Ok(concurrency));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = read_yaml::<JobFile>("job.yaml", &text);
    }
}
