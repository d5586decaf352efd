//! What a limit belongs to.

use serde::{Deserialize, Serialize};

/// The scope of one limit, and so of one [`Controller`](super::Controller).
///
/// Tokens are not part of it: a limit survives a token refresh as long as the
/// client stays the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LimitKey {
    /// The tenant: its base address without a path, such as
    /// `https://api.mypurecloud.de`.
    pub tenant: String,
    /// The id of the OAuth client (never its secret).
    pub client: String,
    /// The class of endpoint: method and path template, such as
    /// `POST /api/v2/externalcontacts/contacts`.
    pub endpoint: String,
}

impl LimitKey {
    /// Stands in the endpoint's place where a limit is one of the whole client,
    /// over all endpoints.
    pub const WHOLE_CLIENT: &str = "*";

    /// The client's own limit, above those of its endpoints.
    #[must_use]
    pub fn of_whole_client(&self) -> Self {
        Self {
            endpoint: Self::WHOLE_CLIENT.to_owned(),
            ..self.clone()
        }
    }

    /// Whether it is the client's own limit.
    #[must_use]
    pub fn is_whole_client(&self) -> bool {
        self.endpoint == Self::WHOLE_CLIENT
    }
}
