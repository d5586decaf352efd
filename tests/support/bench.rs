//! A simulated tenant, a folder of its own, and the binary between them.

use std::fs;
use std::path::{Path, PathBuf};

use loadtest::tenant::{Counters, LedgerSnapshot, RunningTenant, Scenario, Tenant};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::books::Books;
use super::process::{Ended, Sluice};

/// The client that a tenant knows where its scenario names none.
pub const CLIENT_ID: &str = "demo";
/// Its secret; no file and no output of a run may hold it.
pub const CLIENT_SECRET: &str = "demo-secret";

/// A tenant as a scenario file would have it.
pub fn scenario(yaml: &str) -> Scenario {
    Scenario::from_yaml(yaml, "the test's scenario").expect("a scenario")
}

/// A file of the repository's fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// Everything that one test needs, and nothing that another one has.
pub struct Bench {
    pub scenario: Scenario,
    /// What `--to` names.
    pub connector: String,
    tenant: RunningTenant,
    folder: TempDir,
    outputs: TempDir,
}

impl Bench {
    /// A tenant of this scenario (YAML), and an empty folder.
    pub fn new(yaml: &str) -> Self {
        let scenario = scenario(yaml);
        Self {
            tenant: Tenant::start(scenario.clone()).expect("the tenant starts"),
            scenario,
            connector: "cxone-contacts".to_owned(),
            folder: tempfile::tempdir().expect("a folder"),
            outputs: tempfile::tempdir().expect("a folder"),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn base_url(&self) -> String {
        self.tenant.base_url()
    }

    pub fn counters(&self) -> Counters {
        self.tenant.counters()
    }

    pub fn ledger(&self) -> LedgerSnapshot {
        self.tenant.ledger()
    }

    /// Every record that the loader has made, as the tenant keeps it.
    pub fn records(&self) -> Vec<Value> {
        self.tenant.records()
    }

    /// Removes a record, as somebody else would do it.
    pub fn remove(&self, id: &str) {
        self.tenant.remove(id);
    }

    /// Writes a file into the test's folder.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, contents).expect("the file is written");
        path
    }

    /// A command line without credentials.
    pub fn bare(&self, arguments: &[&str]) -> Sluice {
        Sluice::new(self.folder(), self.outputs.path()).arguments(arguments)
    }

    /// A command line with the credentials that the tenant knows.
    pub fn sluice(&self, arguments: &[&str]) -> Sluice {
        self.bare(arguments)
            .environment("SLUICE_CLIENT_ID", CLIENT_ID)
            .environment("SLUICE_CLIENT_SECRET", CLIENT_SECRET)
    }

    /// `sluice run INPUT` against the tenant, with further flags.
    pub fn run(&self, input: &str, flags: &[&str]) -> Sluice {
        let base_url = format!("base_url={}", self.base_url());
        self.sluice(&["run", input, "--to", &self.connector, "--set", &base_url])
            .arguments(flags)
    }

    /// `sluice run INPUT` where no file may grow beyond so many KiB.
    pub fn run_with_small_disk(&self, kibibytes: u64, input: &str, flags: &[&str]) -> Sluice {
        let base_url = format!("base_url={}", self.base_url());
        Sluice::with_small_disk(self.folder(), self.outputs.path(), kibibytes)
            .environment("SLUICE_CLIENT_ID", CLIENT_ID)
            .environment("SLUICE_CLIENT_SECRET", CLIENT_SECRET)
            .arguments(["run", input, "--to", &self.connector, "--set", &base_url])
            .arguments(flags)
    }

    /// `sluice run INPUT` with its runs on a file system of so many KiB, and
    /// once that is full `sluice resume` on the same one, grown. `None` where
    /// nothing can be mounted.
    pub fn run_on_small_file_system(&self, kibibytes: u64, input: &str) -> Option<Ended> {
        const NOT_MOUNTED: i32 = 97;
        let script = format!(
            "mkdir runs && mount -t tmpfs -o size={kibibytes}k tmpfs runs || exit {NOT_MOUNTED}
             \"$0\" \"$@\"
             code=$?
             if [ $code = 4 ]; then
                 mount -o remount,size=64m runs
                 # A run whose directory had no room was never begun.
                 if ls runs/*/journal.db; then \"$0\" resume; else \"$0\" \"$@\"; fi
                 code=$?
             fi
             cp -a runs kept && umount runs && rmdir runs && mv kept runs
             exit $code"
        );
        let ended = self.in_namespace(&script, input).run();
        (ended.code != Some(NOT_MOUNTED)).then_some(ended)
    }

    /// `sluice run INPUT` by a shell script that may mount what it likes; the
    /// script gets the command line as `"$0" "$@"`.
    pub fn in_namespace(&self, script: &str, input: &str) -> Sluice {
        let base_url = format!("base_url={}", self.base_url());
        Sluice::with_mounts(self.folder(), self.outputs.path(), script)
            .environment("SLUICE_CLIENT_ID", CLIENT_ID)
            .environment("SLUICE_CLIENT_SECRET", CLIENT_SECRET)
            .arguments(["run", input, "--to", &self.connector, "--set", &base_url])
    }

    /// `sluice plan INPUT` against the tenant, with further flags.
    pub fn plan(&self, input: &str, flags: &[&str]) -> Sluice {
        let base_url = format!("base_url={}", self.base_url());
        self.sluice(&["plan", input, "--to", &self.connector, "--set", &base_url])
            .arguments(flags)
    }

    /// `sluice resume` of the latest run, to its end.
    pub fn resume(&self) -> Ended {
        self.sluice(&["resume"]).run()
    }

    /// The directories of the runs, the oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder().join("runs")) else {
            return Vec::new();
        };
        let mut runs: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.join("manifest.json").is_file())
            // A directory in the making has a hidden name.
            .filter(|path| {
                !path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with('.'))
            })
            .collect();
        runs.sort();
        runs
    }

    /// The directory of the only run.
    #[track_caller]
    pub fn run_directory(&self) -> PathBuf {
        let mut runs = self.runs();
        assert_eq!(runs.len(), 1, "exactly one run was expected: {runs:?}");
        runs.remove(0)
    }

    /// The books of the only run.
    #[track_caller]
    pub fn books(&self) -> Books {
        Books::read(&self.run_directory())
    }

    /// The last body that was applied to a contact; the scenario must keep them.
    pub fn contact(&self, id: &str) -> Option<Map<String, Value>> {
        let ledger = self.ledger();
        let write = ledger.writes.iter().rfind(|write| write.id == id)?;
        write.body.clone()
    }

    /// One field of the last body that was applied to a contact.
    pub fn field(&self, id: &str, name: &str) -> Option<String> {
        Some(self.contact(id)?.get(name)?.as_str()?.to_owned())
    }
}
