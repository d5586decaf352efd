//! Runs ahead through the input on a thread of its own, counting rows and
//! hashing bytes, so that per cent and `read` are right and a resume can tell
//! whether the input is still the same.

use actix::Recipient;

use crate::record::InputDigest;
use crate::source::SourceError;

use super::extractor::spawn_named;
use super::messages::{Exited, InputCounted};
use super::stage::{ExitGuard, Stage, StageEnd};

/// Bytes between two reports. At a gigabyte a second a report every 16 ms.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// How far a counter has come.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The digest of all that was read so far. Of a stream that was cut off it
    /// never becomes complete.
    pub digest: InputDigest,
    /// Whether there is nothing more to read.
    pub is_at_end: bool,
}

/// Counts and hashes an input.
pub trait InputCounter: Send {
    /// Goes on by about `bytes`.
    ///
    /// # Errors
    /// Fails where the input can't be read on.
    fn advance(&mut self, bytes: u64) -> Result<Counted, SourceError>;
}

/// Starts the counter's thread. It always runs to the input's end: `read`
/// counts every row of a file, also those that an interrupted run did not get
/// to.
pub(super) fn start_counter(
    mut counter: Box<dyn InputCounter>,
    counted: Recipient<InputCounted>,
    exited: Recipient<Exited>,
) {
    let guard = ExitGuard::new(exited, Stage::Counter);
    spawn_named("counter", move || {
        let end = loop {
            match counter.advance(STEP_BYTES) {
                Ok(Counted { digest, is_at_end }) => {
                    counted.do_send(InputCounted(digest));
                    if is_at_end {
                        break StageEnd::Finished;
                    }
                }
                Err(error) => break StageEnd::Failed(error.into_fatal()),
            }
        };
        guard.report(end);
    });
}
