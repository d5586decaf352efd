//! Guide B's Genesys: `/api/v2/entitytypes` and `/api/v2/contacts`.

mod contact;
mod contacts;
mod entity_types;

pub(super) use contacts::{perform, route};
