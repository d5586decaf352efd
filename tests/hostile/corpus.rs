//! Inputs to begin with: fixtures, and what once failed.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file of these folders below `fixtures`, in the order of the names.
pub(crate) fn files(folders: &[&str]) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(fixtures.join(folder)).expect("a folder of fixtures"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no fixtures in {folders:?}");
    paths
        .iter()
        .map(|path| fs::read(path).expect("a fixture"))
        .collect()
}

/// Inputs that made this target fail once.
pub(crate) fn once_failed(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/hostile")
        .join(target);
    if !folder.is_dir() {
        return Vec::new();
    }
    files(&[&format!("hostile/{target}")])
}
