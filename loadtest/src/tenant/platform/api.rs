//! Which API a tenant speaks.

use serde::Deserialize;

/// The API that a tenant speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Contacts below `/api/v2/contacts` with every way of writing them: the guides' CXone and more. The default.
    #[default]
    Contacts,
    /// Guide B's Genesys: entity types, and contacts with custom fields.
    GenesysContacts,
    /// Genesys Cloud: external contacts and outbound contact lists.
    GenesysCloud,
    /// NICE CXone: address books, call lists, customers' custom fields.
    Cxone,
}

impl Api {
    /// The scopes that there are; a client that names none may ask for all of them.
    pub(crate) fn scopes(self) -> &'static [&'static str] {
        match self {
            Api::Contacts => &["contact:write"],
            Api::GenesysContacts => &["contactcenter.read", "contactcenter.write", "auth"],
            Api::GenesysCloud => &["external-contacts", "outbound"],
            Api::Cxone => &[],
        }
    }

    /// The scopes of which a token needs one to write; none where every token may.
    pub(crate) fn write_scopes(self) -> &'static [&'static str] {
        match self {
            Api::Contacts => &["contact:write"],
            Api::GenesysContacts => &["contactcenter.write"],
            Api::GenesysCloud => &["external-contacts", "outbound"],
            Api::Cxone => &[],
        }
    }

    /// Where tokens are given out.
    pub(crate) fn token_path(self) -> &'static str {
        match self {
            Api::Cxone => "/auth/token",
            _ => "/oauth/token",
        }
    }
}
