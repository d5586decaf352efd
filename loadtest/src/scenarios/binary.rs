//! Where the loader's program is.
//!
//! `cargo run -p loadtest` builds this crate alone, and a table made with yesterday's loader would mislead. So where cargo
//! has started this program, cargo is asked to build the loader first, into the same folder and by the same profile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "sluice";

/// The program to measure: the one given, else the one beside this program.
///
/// # Errors
/// In words, what to do where it isn't there or can't be built.
pub(super) fn find_loader(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = given {
        return path
            .canonicalize()
            .map_err(|cause| format!("can't find the program {}: {cause}", path.display()));
    }
    let own = std::env::current_exe().map_err(|cause| format!("can't find myself: {cause}"))?;
    let folder = own.parent().unwrap_or(Path::new("."));
    if let (Some(cargo), Some(manifest)) = (
        std::env::var_os("CARGO"),
        std::env::var_os("CARGO_MANIFEST_DIR"),
    ) {
        build(&cargo, Path::new(&manifest), folder)?;
    }
    let beside = folder.join(NAME);
    if beside.is_file() {
        return Ok(beside);
    }
    Err(format!(
        "there is no {}; build it with `cargo build --release -p sluicegate --bin {NAME}`, or name another with --sluice",
        beside.display()
    ))
}

fn build(cargo: &OsString, manifest_folder: &Path, folder: &Path) -> Result<(), String> {
    eprintln!("building {NAME} …");
    let status = Command::new(cargo)
        .args(build_arguments(folder))
        .current_dir(manifest_folder)
        .status()
        .map_err(|cause| format!("can't start cargo: {cause}; name the program with --sluice"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("cargo could not build {NAME}; see above"))
}

/// What cargo needs to be told to put the loader into `folder`, which is named after the profile.
fn build_arguments(folder: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["build", "--quiet", "-p", "sluicegate", "--bin", NAME]
        .into_iter()
        .map(OsString::from)
        .collect();
    let profile = folder.file_name().unwrap_or_default();
    arguments.push("--profile".into());
    // The folder of the profile `dev` is called otherwise.
    arguments.push(if profile == "debug" {
        "dev".into()
    } else {
        profile.to_owned()
    });
    if let Some(target) = folder.parent() {
        arguments.push("--target-dir".into());
        arguments.push(target.into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_built_by_the_profile_and_into_the_folder_of_this_program() {
        let told = |folder: &str| {
            let arguments = build_arguments(Path::new(folder));
            let words: Vec<_> = arguments
                .iter()
                .map(|word| word.to_string_lossy())
                .collect();
            words.join(" ")
        };
        assert!(told("out/release").ends_with("--profile release --target-dir out"));
        assert!(told("out/debug").ends_with("--profile dev --target-dir out"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = find_loader(Some(Path::new("no/such/sluice"))).expect_err("no such file");
        assert!(error.contains("no/such/sluice"), "{error}");
    }
}
