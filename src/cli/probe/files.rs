//! The files of a probe: `<run-dir>/probes/<UTC time>-<host>.html` and `.json`,
//! mode 0600, in a folder of mode 0700.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::FatalError;
use crate::probe::{Context, Finding, html_report, json_report};

/// Where they stand.
pub(super) struct Written {
    pub(super) page: PathBuf,
}

/// Writes both; `page` names another place for the page.
pub(super) fn write(
    run_dir: &Path,
    host: &str,
    page: Option<&Path>,
    finding: &Finding,
    context: &Context,
) -> Result<Written, FatalError> {
    let folder = run_dir.join("probes");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|cause| FatalError::writing(&folder.display().to_string(), &cause))?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ");
    let host: String = host
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => character,
            _ => '_',
        })
        .collect();
    let stem = folder.join(format!("{now}-{host}"));
    let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", stem.display()));
    let page = page.map_or_else(|| beside("html"), Path::to_path_buf);
    let json = serde_json::to_vec_pretty(&json_report(finding, context)).expect("plain data");
    write_private(&beside("json"), &json)?;
    write_private(&page, html_report(finding, context).as_bytes())?;
    Ok(Written { page })
}

fn write_private(path: &Path, contents: &[u8]) -> Result<(), FatalError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(contents)
    };
    write().map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))
}
