//! The plan of a job that has parts.

use std::sync::Arc;

use crate::cli::arguments::ShowingFlags;
use crate::cli::begin_manifest::STAGED_INPUT;
use crate::cli::entities::check_parents;
use crate::cli::plan::{Among, Asking, plan_of};
use crate::cli::planned_keys::PlannedKeys;
use crate::cli::source_stream::{SourceStream, unsaved};
use crate::cli::staging::PrivateFolder;
use crate::config::{InputSource, PartOrder, Parts, Settings};
use crate::error::{ExitStatus, FatalError};
use crate::source::Spool;

use super::begin::check_offline;
use super::side_tasks::{Whose, of_each};

/// Plans each part, and tells it all as one. A source that all parts read is
/// read once.
pub(in crate::cli) fn plan(
    parts: &Parts,
    asking: Asking,
    showing: &ShowingFlags,
) -> Result<ExitStatus, FatalError> {
    check_parents(&parts.parts)?;
    for part in &parts.parts {
        check_offline(part, parts.order)?;
    }
    let first = &parts.parts[0].settings;
    let planned = Arc::new(PlannedKeys::of(&parts.parts));
    let scratch = PrivateFolder::create()?;
    let spool = match parts.order {
        PartOrder::AtOnce => shared_source(first, asking, &scratch)?,
        PartOrder::InTurn => None,
    };
    let names: Vec<&str> = parts.parts.iter().map(|part| part.name.as_str()).collect();
    let told = of_each(Whose::Job(&first.job), &names, showing, |name, showing| {
        let part = parts.parts.iter().find(|part| part.name == name);
        let settings = part.map_or(first, |part| &part.settings);
        let among = Among {
            spool: spool.as_ref(),
            entity: Some((name, &planned)),
        };
        plan_of(settings.clone(), asking, among, showing)
    });
    if let Some(spool) = spool {
        spool.stop();
    }
    told
}

/// Begins to keep what can be read only once; `None` of what needn't be read
/// together.
fn shared_source(
    settings: &Settings,
    asking: Asking,
    scratch: &PrivateFolder,
) -> Result<Option<Spool>, FatalError> {
    match &settings.input {
        InputSource::StandardInput => {
            let path = scratch.path().join(STAGED_INPUT);
            Spool::start(std::io::stdin(), &path)
                .map(Some)
                .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))
        }
        InputSource::Stream(stream) if asking != Asking::Nothing => {
            let source = SourceStream::open(settings, stream)?;
            source.start(settings, unsaved(scratch.path())).map(Some)
        }
        _ => Ok(None),
    }
}
