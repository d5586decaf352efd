//! Whom a probe asks.

use std::future::Future;

use super::record::Asked;

/// What may be asked beside the usual request, to see whether it shares the
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    /// The same with another token of the same client.
    Token,
    /// Another read.
    Read,
}

/// A tenant that answers one request at a time. The probe doesn't know what is
/// asked; only how it ends.
pub(crate) trait Target: 'static {
    /// Sends one request, the usual one or another, and says how it ended.
    fn ask(&self, other: Option<Other>) -> impl Future<Output = Asked>;

    /// Gets ready to ask something else; false where there is nothing else.
    fn can_ask(&self, other: Other) -> impl Future<Output = bool>;

    /// Whether all tokens have been good since it got ready: a tenant that lets
    /// a client have one token at a time can't be asked with two in turn.
    fn is_steady(&self) -> bool;
}
