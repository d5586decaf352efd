//! What fetching needs of tokens; whoever mints them stands beside this layer.

use std::future::Future;

use crate::error::FatalError;
use crate::transport::SharedHeaders;

/// A token as a request carries it.
#[derive(Clone)]
pub struct SourceToken {
    /// Which of the tokens it is; a later one has a larger number.
    pub generation: u64,
    /// The headers that carry it, marked sensitive.
    pub headers: SharedHeaders,
}

/// Where tokens of the source's platform come from.
pub trait SourceTokens {
    /// A good token, of a later generation than `refused`; waits for it.
    ///
    /// # Errors
    /// No token will come.
    fn newer_than(
        &mut self,
        refused: Option<u64>,
    ) -> impl Future<Output = Result<SourceToken, FatalError>>;

    /// A request with a token of this generation was answered with anything but
    /// a refusal of it.
    fn accepted(&mut self, generation: u64);
}
