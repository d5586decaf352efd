//! The thread that fetches.

use std::io;

use crate::error::{FatalError, FatalKind};
use crate::source::spool::SpoolWriter;
use crate::transport::{SetupError, Transport};

use super::fetch::{Fetched, Fetching, fetch};
use super::tokens::SourceTokens;

/// Starts fetching on a thread of its own. It ends with the stream, with the
/// spool, or with a failure, which readers of the spool learn.
///
/// # Errors
/// No thread can be started.
pub fn start_fetching<Way: Transport, Tokens: SourceTokens + 'static>(
    fetching: Fetching,
    open_transport: impl FnOnce() -> Result<Way, SetupError> + Send + 'static,
    open_tokens: impl FnOnce() -> Tokens + Send + 'static,
    writer: SpoolWriter,
) -> io::Result<()> {
    std::thread::Builder::new()
        .name("sluice-source".to_owned())
        .spawn(move || {
            let mut writer = writer;
            match fetch_here(fetching, open_transport, open_tokens, &mut writer) {
                Ok(Fetched::Everything) => writer.finish(),
                // Readers were told when the spool was stopped.
                Ok(Fetched::Stopped) => {}
                Err(error) => writer.fail(error),
            }
        })?;
    Ok(())
}

fn fetch_here<Way: Transport, Tokens: SourceTokens>(
    fetching: Fetching,
    open_transport: impl FnOnce() -> Result<Way, SetupError>,
    open_tokens: impl FnOnce() -> Tokens,
    writer: &mut SpoolWriter,
) -> Result<Fetched, FatalError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| {
            FatalError::new(
                FatalKind::Internal,
                format!("can't start what fetches the source: {cause}"),
            )
        })?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let way = open_transport()
            .map_err(|error| FatalError::new(FatalKind::Tenant, error.to_string()))?;
        fetch(fetching, way, open_tokens(), writer).await
    })
}
