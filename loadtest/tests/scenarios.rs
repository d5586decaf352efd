//! The runner as a shell sees it, with stand-ins for the loader: what it says of mistakes, and that it leaves no process
//! behind. What it measures is tested where the real loader can be had.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Far above what is usual; a test that gets there has found a hang.
const DEADLINE: Duration = Duration::from_secs(40);

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.arg("scenarios");
    command
}

fn run(arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a loader that is a shell script, and a scenario.
struct Stage(PathBuf);

impl Stage {
    fn new(name: &str, script: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder");
        // A file of an earlier run would tell of its process.
        let _ = fs::remove_file(folder.join("pid"));
        let stage = Stage(folder);
        fs::write(stage.loader(), format!("#!/bin/sh\n{script}\n")).expect("a script");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(stage.loader(), executable).expect("it may be run");
        let scenario = "limits: [{ kind: token_bucket, rate: 50, burst: 20 }]\n\
                        benchmark: { live_duration: 2s, expect: { goodput: 90 } }\n";
        fs::write(stage.scenario(), scenario).expect("a scenario");
        stage
    }

    fn loader(&self) -> PathBuf {
        self.0.join("loader")
    }

    fn scenario(&self) -> PathBuf {
        self.0.join("bucket.yaml")
    }

    fn command(&self) -> Command {
        let mut command = program();
        command.arg("--only").arg(self.scenario());
        command.arg("--sluice").arg(self.loader());
        command.arg("--plots").arg(self.0.join("plots"));
        command.arg("--no-baselines");
        command
    }
}

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn is_alive(process: &str) -> bool {
    let asked = Command::new("kill")
        .args(["-0", process])
        .stderr(Stdio::null())
        .status();
    asked.expect("kill runs").success()
}

#[test]
fn the_list_names_each_scenario_with_what_is_expected() {
    let output = run(&["--list"]);
    assert!(output.status.success());
    let list = text(&output.stdout);
    let row = list
        .lines()
        .find(|line| line.starts_with("fixed-window-300-per-minute "))
        .expect("a row of the best known tenant");
    assert!(row.contains("99.0"), "{row}");
}

#[test]
fn mistakes_are_told_and_end_with_2() {
    for (arguments, words) in [
        (
            vec!["--only", "fixed-windw"],
            "no scenario `fixed-windw`; there are ",
        ),
        (vec!["--only", "open"], "say how long with --duration"),
        (vec!["--duration", "5"], "a time has a unit"),
        (
            vec!["--baselines", "magic"],
            "no baseline `magic`; there are fixed-workers",
        ),
        (
            vec!["--sluice", "no/such/file"],
            "can't find the program no/such/file",
        ),
    ] {
        let output = run(&arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[test]
fn the_help_explains_the_exit_codes() {
    let help = text(&run(&["--help"]).stdout);
    for words in [
        "Exit code: 0",
        "--no-baselines",
        "--plots",
        "--budget",
        "Ctrl-C",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
}

#[test]
fn a_loader_that_fails_breaks_its_scenario_and_is_quoted() {
    let stage = Stage::new(
        "scenarios-failing",
        "echo 'error: no such tenant' >&2; exit 4",
    );
    let output = stage.command().output().expect("the program runs");
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    let words = "broken: bucket: the loader ended with code 4: error: no such tenant";
    assert!(report.contains(words), "{report}");
}

#[test]
fn ctrl_c_ends_the_processes_too() {
    let stage = Stage::new(
        "scenarios-interrupted",
        "echo $$ > \"$(dirname \"$0\")/pid\"; exec sleep 60",
    );
    let mut child = stage
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let pid = stage.0.join("pid");
    let mut loader = String::new();
    wait_until("the loader runs", || {
        loader = fs::read_to_string(&pid)
            .unwrap_or_default()
            .trim()
            .to_owned();
        !loader.is_empty()
    });
    assert!(is_alive(&loader));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    let mut status = None;
    wait_until("the runner has ended", || {
        status = child.try_wait().expect("it can be asked");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(130));
    wait_until("the loader has ended", || !is_alive(&loader));
}
