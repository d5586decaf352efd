//! Job, connector, profile and credentials files with mistakes in them: each is
//! told with its file and line.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sluice::config::{ConfigError, read_credentials_file, read_job, read_profile};
use sluice::connector::{Connector, ConnectorError, builtin_names, check_text, source_text};

use crate::corpus;
use crate::hunt::Hunt;

const WORDS: &[&[u8]] = &[
    b"\n",
    b"  ",
    b"    ",
    b": ",
    b"- ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"#",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"---\n",
    b"...\n",
    b"|\n",
    b">\n",
    b"? ",
    b"!!binary ",
    b"!!str ",
    b"!x ",
    b"~",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e400",
    b".inf",
    b"99999999999999999999",
    b"%",
    b"/",
    b"{externalId}",
    b"{",
    b"\t",
    b"\0",
    b"\xc3\xa9",
    b"\xff",
    b"\\u0000",
    b"retry",
    b"status: [2xx]",
    b"class: done",
    b"batch: 2\n",
    b"2026-11-21",
    b"100%",
    b"5/s",
    b"1d",
    b"..",
    b"%00",
    b"\r\n",
    b"\xef\xbb\xbf",
];

/// Mistakes of which no line can be named, since the whole file is at fault.
const OF_THE_WHOLE_FILE: &[&str] = &[
    "the file is empty",
    "isn't UTF-8",
    "is larger than",
    "no profile",
];

fn hold_to_rules(error: &ConfigError, file: &str) -> String {
    let place = error
        .place
        .as_ref()
        .unwrap_or_else(|| panic!("no place: {error}"));
    assert_eq!(place.file, file);
    let is_whole = OF_THE_WHOLE_FILE
        .iter()
        .any(|part| error.message.contains(part));
    assert!(place.line > 0 || is_whole, "no line: {error}");
    assert!(!error.message.trim().is_empty());
    assert!(!error.message.chars().any(char::is_control), "{error:?}");
    kind(&error.message)
}

/// The message without what it quotes and counts.
fn kind(message: &str) -> String {
    let mut quoted = false;
    message
        .chars()
        .filter(|character| {
            quoted ^= matches!(character, '`' | '"');
            !quoted && !character.is_ascii_digit()
        })
        .take(80)
        .collect()
}

fn in_a_file<Seen>(content: &[u8], look: impl Fn(&Path, &str) -> Seen) -> Seen {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mistaken.yaml");
    // Files with secrets are refused where others may read them.
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .expect("made");
    file.write_all(content).expect("written");
    look(&path, &path.display().to_string())
}

#[test]
fn any_job_file_is_taken_or_refused_by_its_line() {
    let mut seeds = corpus::files(&["jobs"]);
    seeds.push(
        b"job: nightly\nsource: {csv: in.csv, delimiter: \";\", encoding: windows-1252, duplicates: reject}\n\
        target:\n  connector: cxone-contacts\n  base_url: https://api.example.com\n\
        credentials: {client_id: {env: ID}, client_secret: {command: [pass, show, x]}}\n\
        map:\n  email: {from: E-Mail, trim: true, lowercase: true}\n  level: {value: gold}\n  name: Name\n\
        limits: {share: 80%, max_errors: 5%, max_rate: 10/s, concurrency: auto}\nmax_duration: 2h\n"
            .to_vec(),
    );
    let hunt = Hunt {
        target: "job-file",
        seeds,
        words: WORDS,
        rounds: 3_000,
    };
    hunt.run(|input| {
        in_a_file(input, |path, file| {
            let job = read_job(path).map(|job| {
                let csv = job.source.and_then(|source| source.value.csv);
                assert!(csv.is_none_or(|csv| !csv.value.as_os_str().is_empty()));
                job.map.is_some()
            });
            let profile = read_profile(path, "live").map(|_| ());
            let credentials = read_credentials_file(path).map(|_| ());
            (
                job.map_err(|error| hold_to_rules(&error, file)),
                profile.map_err(|error| hold_to_rules(&error, file)),
                credentials.map_err(|error| hold_to_rules(&error, file)),
            )
        })
    });
}

#[test]
fn any_connector_file_is_taken_or_refused_by_its_line() {
    let mut seeds = corpus::files(&["connectors"]);
    seeds.extend(
        builtin_names()
            .filter_map(source_text)
            .map(|text| text.as_bytes().to_vec()),
    );
    let hunt = Hunt {
        target: "connector-file",
        seeds,
        words: WORDS,
        rounds: 2_500,
    };
    hunt.run(|input| {
        let text = String::from_utf8_lossy(input);
        let findings = check_text("own.yaml", &text);
        match Connector::parse("own.yaml", &text) {
            Ok(connector) => {
                assert!(findings.is_empty(), "taken, and yet: {findings:?}");
                let example = |name: &str| match name {
                    "base_url" => "https://api.example.com".to_owned(),
                    _ => "x".to_owned(),
                };
                let variables: BTreeMap<String, String> = connector
                    .variables()
                    .map(|(name, _)| (name.to_owned(), example(name)))
                    .collect();
                if let Ok(bound) = connector.bind(&variables) {
                    let operation = &bound.operation;
                    let (mut path, mut body) = (Vec::new(), Vec::new());
                    operation.write_path("../a b?#\u{e9}", &mut path);
                    assert!(path.is_ascii() && !path.contains(&b' '), "{path:?}");
                    operation.write_batch_body([(&b"{}"[..], 1)], &mut body);
                    let _ = operation.look_up("a/b\"\n");
                    assert!(operation.batch_cap >= 1);
                }
                "taken".to_owned()
            }
            Err(ConnectorError::File(error)) => hold_to_rules(&error, "own.yaml"),
            Err(error) => {
                assert!(!findings.is_empty(), "refused, and yet: {error}");
                for finding in &findings {
                    assert!(
                        finding.line.is_some_and(|line| line > 0),
                        "no line: {finding:?}"
                    );
                    assert!(!finding.message.is_empty());
                }
                kind(&findings[0].message)
            }
        }
    });
}
