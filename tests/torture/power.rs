//! A power cut: what a kill leaves, less all that was never synced.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::shim::with_synced_copies;
use crate::support::{Bench, Sluice};

/// The folder of the copies that a leg makes of what it syncs.
const COPIES: &str = "synced";
/// The files whose loss would matter.
const FILES: [&str; 6] = [
    "journal.db",
    "journal.db-wal",
    "rejected.csv",
    "missing.csv",
    "unknown.csv",
    "audit.ndjson",
];

/// A leg whose files can be put back as they were synced last. What stands
/// there before it counts as synced.
pub(crate) fn prepare(leg: Sluice, bench: &Bench) -> Sluice {
    let copies = bench.folder().join(COPIES);
    let _ = fs::remove_dir_all(&copies);
    fs::create_dir(&copies).expect("made");
    for run in bench.runs() {
        for name in FILES {
            if run.join(name).is_file() {
                fs::copy(run.join(name), copies.join(name)).expect("copied");
            }
        }
    }
    with_synced_copies(leg, &copies)
}

/// Puts the files of a run back as they were synced last.
pub(crate) fn cut(directory: &Path, bench: &Bench) {
    let copies = bench.folder().join(COPIES);
    for name in FILES {
        let (copy, file) = (copies.join(name), directory.join(name));
        if copy.is_file() {
            fs::copy(copy, file).expect("put back");
        } else if name == "journal.db-wal" {
            let _ = fs::remove_file(file);
        } else if let Ok(file) = OpenOptions::new().write(true).open(file) {
            // Of what was never synced nothing is sure to be there; of the audit
            // that may be a part, which ends anywhere.
            let bytes = match name {
                "audit.ndjson" => file.metadata().expect("its length").len() * 2 / 3,
                _ => 0,
            };
            file.set_len(bytes).expect("cut");
        }
    }
    // The kernel makes it anew.
    let _ = fs::remove_file(directory.join("journal.db-shm"));
}
