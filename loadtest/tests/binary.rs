//! The program as a shell sees it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use loadtest::tenant::Scenario;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
}

#[test]
fn it_tells_its_address_serves_and_ends_on_sigterm_and_sigint() {
    for signal in ["-TERM", "-INT"] {
        let mut child = program()
            .args(["tenant", "--scenario", "open", "--seed", "5"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .expect("an address");
        std::net::TcpStream::connect(address).expect("it listens");
        let killed = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
        assert!(child.wait().expect("it ends").success(), "{signal}");
        let mut rest = String::new();
        lines.read_to_string(&mut rest).expect("the rest");
        assert_eq!(rest, "");
    }
}

#[test]
fn an_unknown_scenario_is_an_error_that_names_the_known_ones() {
    let output = program()
        .args(["tenant", "--scenario", "dmeo"])
        .output()
        .expect("the program runs");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success());
    assert!(
        error.starts_with("error: no scenario `dmeo`; there are open, demo,"),
        "{error}"
    );
}

#[test]
fn the_reference_scenario_can_be_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/reference.yaml");
    let scenario = Scenario::find(path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.limits.len(), 4);
    assert_eq!(scenario.faults.len(), 1);
}
