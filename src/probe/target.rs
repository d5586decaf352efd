//! Whom a probe asks.

use std::future::Future;

use super::record::Asked;

/// A tenant that answers one request at a time. The probe doesn't know what is
/// asked; only how it ends.
pub(crate) trait Target: 'static {
    /// Sends one request and says how it ended.
    fn ask(&self) -> impl Future<Output = Asked>;
}
