//! The library that ends the process under test at a named call to the system.
//! It is C, since it stands between the program and its C library; the program
//! itself is the one that is shipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::Sluice;

const SOURCE: &str = include_str!("kill_at.c");

/// Kinds of calls, by the name that the library gives them, and what a kill can
/// do there. A reply can't be cut by the one who reads it.
pub(crate) const POINTS: [(&str, &[Moment]); 15] = [
    ("journal-write", ALL),
    ("journal-sync", AROUND),
    ("journal-checkpoint", AROUND),
    ("book-write", ALL),
    ("book-sync", AROUND),
    ("audit-write", ALL),
    ("summary", ALL),
    ("directory", ALL),
    ("side-file", ALL),
    ("spool-write", ALL),
    ("input-read", HEARD),
    ("token-request", ALL),
    ("token-reply", HEARD),
    ("request", ALL),
    ("reply", HEARD),
];

const ALL: &[Moment] = &[Moment::Before, Moment::Within, Moment::After];
const AROUND: &[Moment] = &[Moment::Before, Moment::After];
const HEARD: &[Moment] = &[Moment::After];

/// When, around a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    /// After half of its bytes.
    Within,
    After,
}

/// The instant at which a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KillPoint {
    pub(crate) point: &'static str,
    pub(crate) moment: Moment,
    /// At which of the point's passages, from 1.
    pub(crate) passage: u64,
}

impl Moment {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Within => "within",
            Self::After => "after",
        }
    }
}

impl KillPoint {
    /// The instant of these names; nothing where there is none.
    pub(crate) fn named(point: &str, moment: &str, passage: u64) -> Option<Self> {
        let (point, _) = POINTS.iter().find(|(name, _)| *name == point)?;
        let moment = ALL.iter().find(|known| known.name() == moment)?;
        Some(Self {
            point,
            moment: *moment,
            passage,
        })
    }
}

/// The process dies there.
pub(crate) fn killed_at(sluice: Sluice, at: KillPoint) -> Sluice {
    with_library(sluice)
        .environment("KILL_POINT", at.point)
        .environment("KILL_MOMENT", at.moment.name())
        .environment("KILL_PASSAGE", &at.passage.to_string())
}

/// The process has a full disk from its `write`th write to a file on.
pub(crate) fn with_full_disk_at(sluice: Sluice, write: u64) -> Sluice {
    with_library(sluice).environment("FULL_AT", &write.to_string())
}

/// The process sees the wall clock set back by an hour soon after its start.
pub(crate) fn with_clock_set_back(sluice: Sluice) -> Sluice {
    with_library(sluice).environment("CLOCK_JUMPS_BACK", "3600")
}

/// The process leaves a copy of each file as it was synced last.
pub(crate) fn with_synced_copies(sluice: Sluice, folder: &Path) -> Sluice {
    let folder = folder.to_str().expect("a path in UTF-8");
    with_library(sluice).environment("SYNCED_TO", folder)
}

/// The process counts its passages into a file, for [`read_tally`].
pub(crate) fn counted(sluice: Sluice, tally: &Path) -> Sluice {
    let tally = tally.to_str().expect("a path in UTF-8");
    with_library(sluice).environment("KILL_TALLY", tally)
}

/// The name under which all writes to files of a run are counted together.
pub(crate) const FILE_WRITES: &str = "file-write";

/// How often each point was passed.
pub(crate) fn read_tally(tally: &Path) -> BTreeMap<&'static str, u64> {
    let text = fs::read_to_string(tally).expect("the library has written its tally");
    let count_of = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|count| count.parse().ok()).expect("a count")
    };
    let names = POINTS.iter().map(|(name, _)| *name).chain([FILE_WRITES]);
    names.map(|name| (name, count_of(name))).collect()
}

fn with_library(sluice: Sluice) -> Sluice {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(build);
    sluice.environment("LD_PRELOAD", library.to_str().expect("a path in UTF-8"))
}

/// Compiles the library, unless that was done before.
fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("torture");
    let name = &blake3::hash(SOURCE.as_bytes()).to_hex()[..16];
    let library = folder.join(format!("kill_at-{name}.so"));
    if library.is_file() {
        return library;
    }
    fs::create_dir_all(&folder).expect("a folder of the build");
    // Tests run in several processes, so each builds its own and then names it.
    let own = tempfile::tempdir_in(&folder).expect("a folder");
    let (source, built) = (own.path().join("kill_at.c"), own.path().join("kill_at.so"));
    fs::write(&source, SOURCE).expect("written");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-O1", "-Wall", "-shared", "-fPIC", "-o"])
        .args([&built, &source])
        .arg("-ldl")
        .status()
        .expect("a C compiler, which the build needs anyway");
    assert!(status.success(), "the library can't be compiled");
    fs::rename(&built, &library).expect("renamed");
    library
}
