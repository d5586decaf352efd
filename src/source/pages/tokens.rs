//! What fetching needs of tokens; whoever mints them stands beside this layer.

use std::future::Future;

use http::HeaderValue;

use crate::error::FatalError;

/// A token as a request carries it.
#[derive(Clone)]
pub struct SourceToken {
    /// Which of the tokens it is; a later one has a larger number.
    pub generation: u64,
    /// The whole `Authorization` value, marked sensitive; an empty value sends
    /// none.
    pub authorization: HeaderValue,
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
