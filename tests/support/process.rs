//! The real binary as a process, with nothing of the developer's environment.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::wait::wait_until;

/// A command line of `sluice` that has not been started yet.
pub struct Sluice {
    command: Command,
    outputs: PathBuf,
}

/// A process that runs; it is killed when the test lets go of it.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    started: Instant,
}

/// A process that has ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Sluice {
    /// The binary in `folder`; what it prints is kept in files in `outputs`.
    pub fn new(folder: &Path, outputs: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .stdin(Stdio::null());
        Self {
            command,
            outputs: outputs.to_owned(),
        }
    }

    /// The binary under a limit on the size of each file it writes, in KiB: to
    /// a program, that is a full disk.
    pub fn with_small_disk(folder: &Path, outputs: &Path, kibibytes: u64) -> Self {
        // POSIX counts in blocks of 512 bytes.
        let script = format!("ulimit -f {} && exec \"$0\" \"$@\"", kibibytes * 2);
        Self::new(folder, outputs).by_script(Command::new("sh"), &script)
    }

    /// The binary by a script that sees mounts of its own, and is root to them.
    pub fn with_mounts(folder: &Path, outputs: &Path, script: &str) -> Self {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh"]);
        Self::new(folder, outputs).by_script(unshare, script)
    }

    /// The same, run by a script that gets its command line as `"$0" "$@"`.
    fn by_script(mut self, mut shell: Command, script: &str) -> Self {
        shell.arg("-c").arg(script).arg(self.command.get_program());
        let folder = self.command.get_current_dir().expect("it has a folder");
        shell.current_dir(folder).env_clear().stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        self.command = shell;
        self
    }

    pub fn arguments<Part: AsRef<OsStr>>(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.command.args(parts);
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Takes standard input from a file.
    pub fn fed_from(mut self, path: &Path) -> Self {
        let file = File::open(path).expect("the input opens");
        self.command.stdin(file);
        self
    }

    pub fn start(mut self) -> Running {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let output = |name: &str| self.outputs.join(format!("{number}-{name}"));
        let (stdout, stderr) = (output("stdout"), output("stderr"));
        // Files, not pipes: nobody needs to read along for the process to go on.
        let create = |path: &Path| File::create(path).expect("an output file is made");
        self.command.stdout(create(&stdout)).stderr(create(&stderr));
        let started = Instant::now();
        let child = self.command.spawn().expect("sluice starts");
        Running {
            child,
            stdout,
            stderr,
            started,
        }
    }

    pub fn run(self) -> Ended {
        self.start().wait()
    }
}

impl Running {
    /// What it has said on stderr so far.
    pub fn stderr(&self) -> String {
        read_text(&self.stderr)
    }

    pub fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be asked")
    }

    /// Waits until `condition` holds while the process runs; fails at once
    /// where the process ends before.
    pub fn wait_while_running(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        wait_until(what, || {
            let holds = condition();
            assert!(
                holds || !self.has_ended(),
                "sluice ended before {what}: {}",
                self.stderr()
            );
            holds
        });
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let stderr = self.stderr.clone();
        let mut status = None;
        let mut took = Duration::ZERO;
        wait_until("sluice has ended", || {
            status = self.status();
            took = self.started.elapsed();
            status.is_some() || {
                assert!(
                    took < Duration::from_secs(55),
                    "sluice hangs; it has said: {}",
                    read_text(&stderr)
                );
                false
            }
        });
        Ended {
            code: status.and_then(|status| status.code()),
            stdout: read_text(&self.stdout),
            stderr: read_text(&self.stderr),
            took,
        }
    }

    /// `kill -9`, as a power cut would have it.
    pub fn kill(mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process can be waited for");
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .expect("`kill` runs");
        assert!(status.success(), "kill -{name} failed");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless its test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Fails unless the process ended with `code`.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "the exit code is wrong\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless stderr holds every one of `phrases`.
    #[track_caller]
    pub fn expect_stderr(self, phrases: &[&str]) -> Self {
        for phrase in phrases {
            assert!(
                self.stderr.contains(phrase),
                "stderr doesn't say `{phrase}`:\n{}",
                self.stderr
            );
        }
        self
    }

    /// Fails unless stdout holds every one of `phrases`.
    #[track_caller]
    pub fn expect_stdout(self, phrases: &[&str]) -> Self {
        for phrase in phrases {
            assert!(
                self.stdout.contains(phrase),
                "stdout doesn't say `{phrase}`:\n{}",
                self.stdout
            );
        }
        self
    }

    /// What it printed on stdout, which must be one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|cause| panic!("stdout isn't JSON ({cause}):\n{}", self.stdout))
    }
}

fn read_text(path: &Path) -> String {
    let bytes = fs::read(path).expect("an output file is readable");
    String::from_utf8_lossy(&bytes).into_owned()
}
