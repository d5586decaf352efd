//! Where credentials come from, and that none is ever shown.

use std::ffi::OsString;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::AUTHORIZATION;
use secrecy::ExposeSecret;

use super::super::{AuthError, CredentialSource, MintedToken, Token};

const TIME_LIMIT: Duration = Duration::from_secs(10);

fn read(source: &CredentialSource) -> Result<String, AuthError> {
    let variable = |name: &str| (name == "SET").then(|| OsString::from("hunter2\n"));
    source
        .resolve_with(variable, TIME_LIMIT)
        .map(|secret| secret.expose_secret().to_owned())
}

fn command(text: &str) -> CredentialSource {
    CredentialSource::Command(text.to_owned())
}

#[test]
fn a_secret_is_read_from_where_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "hunter2\r\n").unwrap();
    for source in [
        CredentialSource::Env("SET".to_owned()),
        CredentialSource::File(file),
        command("echo hunter2; echo user: anna"),
        CredentialSource::Plain("hunter2".to_owned()),
    ] {
        assert_eq!(read(&source).unwrap(), "hunter2", "{source}");
    }
}

#[test]
fn a_missing_variable_names_itself_and_the_alternatives() {
    let error = read(&CredentialSource::Env("SLUICE_CLIENT_SECRET".to_owned()))
        .unwrap_err()
        .to_string();
    for named in ["SLUICE_CLIENT_SECRET", "file", "command"] {
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn empty_and_many_lined_secrets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    for (content, empty) in [
        ("", true),
        (" \n", true),
        ("hunter2\nmore", false),
        ("hun\0ter2", false),
    ] {
        fs::write(&file, content).unwrap();
        let error = read(&CredentialSource::File(file.clone())).unwrap_err();
        assert_eq!(
            matches!(error, AuthError::Empty { .. }),
            empty,
            "{content:?}: {error}"
        );
        assert!(!error.to_string().contains("hunter2"));
    }
    fs::write(&file, vec![b'x'; 1_000_000]).unwrap();
    assert!(matches!(
        read(&CredentialSource::File(file)).unwrap_err(),
        AuthError::File { .. }
    ));
    assert!(matches!(
        read(&command("true")).unwrap_err(),
        AuthError::Empty { .. }
    ));
}

#[test]
fn a_failing_command_shows_its_complaint_but_not_itself() {
    let error = read(&command(
        "KEY=hunter2 vault get hunter2 2>/dev/null; echo locked >&2; exit 3",
    ))
    .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("locked") && text.contains("`vault …`"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_command_that_hangs_is_ended_even_where_its_child_keeps_the_pipe() {
    let started = Instant::now();
    let error = command("sleep 8 & sleep 8")
        .resolve_with(|_| None, Duration::from_millis(100))
        .unwrap_err();
    assert!(error.to_string().contains("didn't end"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    let authorization = HeaderValue::from_static("Bearer hunter2");
    let minted = MintedToken {
        headers: Arc::new([(AUTHORIZATION, authorization)]),
        life: None,
        scope: None,
        address: None,
    };
    let token = Token::new(1, minted.clone(), Instant::now());
    let sources = [
        command("echo hunter2"),
        command("KEY=hunter2 x"),
        CredentialSource::Plain("hunter2".to_owned()),
    ];
    let secret = sources[0].resolve().unwrap();
    let shown: Vec<String> = sources
        .iter()
        .map(|source| format!("{source} {source:?}"))
        .collect();
    let text = format!("{minted:?} {token:?} {shown:?} {secret:?}");
    assert!(!text.contains("hunter2"), "{text}");
}
