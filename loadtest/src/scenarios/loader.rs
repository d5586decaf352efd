//! The real program, as processes of its own against one tenant.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::folder::WorkFolder;
use super::stop::Stop;

/// The connector whose API the simulated tenant speaks.
const CONNECTOR: &str = "cxone-contacts";
/// A run ends by its own `--max-duration`; one that hasn't by so much later hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the program is called.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) program: PathBuf,
    pub(super) base_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    /// The share of the limit that it is told to take, 0 to 1.
    pub(super) share: f64,
    /// Rows of each process's input.
    pub(super) rows: u64,
    /// When each process starts.
    pub(super) starts: Vec<Duration>,
    /// When all of them end.
    pub(super) until: Duration,
}

/// What a process said at its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OwnBooks {
    pub(super) read: u64,
    pub(super) updated: u64,
    pub(super) rejected: u64,
    pub(super) unknown: u64,
    pub(super) not_reached: u64,
    pub(super) skipped: u64,
}

/// One process, killed when it is dropped.
struct Process {
    child: Child,
    stderr: PathBuf,
    run_dir: PathBuf,
}

/// The first part of the ids in a process's input: the tenant's books tell processes apart by it.
pub(super) fn id_prefix(process: usize) -> String {
    format!("p{process}-")
}

/// Runs the processes to their end, and reads what they say of it. None if it was stopped.
///
/// # Errors
/// In words, if a process can't be started, hangs, fails or has used up its input.
pub(super) fn run(call: &Call, stop: &Stop) -> Result<Option<Vec<OwnBooks>>, String> {
    let folder = WorkFolder::new().map_err(|cause| format!("can't make a folder: {cause}"))?;
    let inputs: Vec<PathBuf> = (0..call.starts.len())
        .map(|number| folder.path().join(format!("contacts-{number}.csv")))
        .collect();
    for (number, input) in inputs.iter().enumerate() {
        write_input(input, number, call.rows)
            .map_err(|cause| format!("can't write the input: {cause}"))?;
    }
    let mut order: Vec<usize> = (0..call.starts.len()).collect();
    order.sort_by_key(|number| call.starts[*number]);
    let started = Instant::now();
    let mut processes = Vec::new();
    for number in order {
        let at = started + call.starts[number];
        let is_time = || (Instant::now() >= at).then_some(());
        if stop.poll_until(at + PATIENCE, is_time).is_none() {
            return Ok(None);
        }
        processes.push(Process::start(
            call,
            number,
            &inputs[number],
            folder.path(),
        )?);
    }
    let deadline = started + call.until + PATIENCE;
    let mut books = Vec::new();
    for process in &mut processes {
        let Some(ended) = stop.poll_until(deadline, || process.child.try_wait().transpose()) else {
            if stop.is_set() {
                return Ok(None);
            }
            return Err(format!("the loader hangs; it has said: {}", process.said()));
        };
        let status = ended.map_err(|cause| format!("the loader can't be waited for: {cause}"))?;
        books.push(process.books(status)?);
    }
    Ok(Some(books))
}

fn write_input(path: &Path, process: usize, rows: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let prefix = id_prefix(process);
    writeln!(file, "contactId,firstName,email,phone")?;
    for number in 1..=rows {
        writeln!(
            file,
            "{prefix}{number},Name {number},person.{number}@example.com,+49 151 {number:08}"
        )?;
    }
    file.flush()
}

impl Process {
    fn start(call: &Call, number: usize, input: &Path, folder: &Path) -> Result<Self, String> {
        let run_dir = folder.join(format!("runs-{number}"));
        let stderr = folder.join(format!("stderr-{number}"));
        let cannot =
            |cause: std::io::Error| format!("can't start {}: {cause}", call.program.display());
        let said = File::create(&stderr).map_err(cannot)?;
        let lasts = call.until.saturating_sub(call.starts[number]);
        let mut command = Command::new(&call.program);
        command
            .current_dir(folder)
            // Nothing of the user's own settings may change what is measured.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("SLUICE_CLIENT_ID", &call.client_id)
            .env("SLUICE_CLIENT_SECRET", &call.client_secret)
            .args(["run".as_ref(), input.as_os_str()])
            .args([
                "--to",
                CONNECTOR,
                "--output",
                "json",
                "--no-progress",
                "--yes",
            ])
            .args(["--set", &format!("base_url={}", call.base_url)])
            .args(["--max-duration", &format!("{}s", lasts.as_secs().max(1))])
            .arg("--run-dir")
            .arg(&run_dir);
        if call.share < 1.0 {
            command.args(["--share", &format!("{:.1}%", call.share * 100.0)]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .map_err(cannot)?;
        Ok(Process {
            child,
            stderr,
            run_dir,
        })
    }

    /// The end of what it has said on standard error.
    fn said(&self) -> String {
        let text = fs::read_to_string(&self.stderr).unwrap_or_default();
        let lines: Vec<&str> = text.trim().lines().collect();
        lines[lines.len().saturating_sub(6)..].join(" / ")
    }

    /// What its summary says. An end by its duration is the usual one; fates not known are told in the books.
    fn books(&self, status: ExitStatus) -> Result<OwnBooks, String> {
        match status.code() {
            Some(6 | 7) => {}
            Some(0 | 1) => {
                return Err(
                    "the loader was done before the time was over; its input is too short"
                        .to_owned(),
                );
            }
            Some(code) => {
                return Err(format!(
                    "the loader ended with code {code}: {}",
                    self.said()
                ));
            }
            None => return Err(format!("the loader was killed: {}", self.said())),
        }
        let summary = self
            .summary()
            .ok_or("the loader left no summary.json that can be read")?;
        let count = |name: &str| summary["counts"][name].as_u64().unwrap_or_default();
        Ok(OwnBooks {
            read: count("read"),
            updated: count("updated") + count("created") + count("unchanged"),
            rejected: count("rejected"),
            unknown: count("unknown"),
            not_reached: count("not_reached"),
            skipped: count("skipped"),
        })
    }

    fn summary(&self) -> Option<Value> {
        let runs = fs::read_dir(&self.run_dir).ok()?;
        let files = runs.flatten().map(|run| run.path().join("summary.json"));
        let text = files.map(fs::read_to_string).find_map(Result::ok)?;
        serde_json::from_str(&text).ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, unless the run was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
