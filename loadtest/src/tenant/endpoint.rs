//! The routes of a tenant, whatever API it speaks.

use serde::Deserialize;

/// A method and path template with a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `PATCH` of one contact.
    PatchContact = 0,
    /// `GET` of one contact or customer.
    GetContact = 1,
    /// A token.
    Token = 2,
    /// `POST` of contacts, to be made.
    CreateContact = 3,
    /// `GET` of a page of contacts, customers or entries.
    ListContacts = 4,
    /// `PUT` of one contact.
    ReplaceContact = 5,
    /// `PUT` of one contact by its external id.
    UpsertContact = 6,
    /// Many contacts, to be made.
    CreateContacts = 7,
    /// Many contacts or entries, to be made or changed.
    UpsertContacts = 8,
    /// A look-up by external ids or other identifiers.
    LookUpContact = 9,
    /// An enrich of one contact.
    EnrichContact = 10,
    /// An enrich of many contacts.
    EnrichContacts = 11,
    /// Many contacts, to be changed.
    UpdateContacts = 12,
    /// Entity types and external sources.
    SetUp = 13,
    /// Contacts for a contact list.
    FillList = 14,
    /// `GET` of one contact of a contact list.
    GetListContact = 15,
    /// A call list that goes up.
    UploadList = 16,
    /// How far an upload is.
    UploadStatus = 17,
    /// Custom fields of one customer.
    CustomFields = 18,
    /// `DELETE` of one contact.
    DeleteContact = 19,
}

impl Endpoint {
    pub(super) const COUNT: usize = Self::DeleteContact as usize + 1;

    /// Whether it needs the scope to write. What is set up can be read without it, but is seldom only read.
    pub(crate) fn writes(self) -> bool {
        !matches!(
            self,
            Self::GetContact
                | Self::ListContacts
                | Self::LookUpContact
                | Self::GetListContact
                | Self::UploadStatus
                | Self::Token
        )
    }
}
