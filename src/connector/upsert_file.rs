//! Upserts in a connector file, where the platform has none of its own: look
//! up, then make or change.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Located;

/// A record that is looked up by its key, and made where it isn't there, or
/// changed where it is and isn't yet as the row asks for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpsertSection {
    /// The operation that makes a record. Its `look_up` is asked first, and has
    /// to name `record` and `id`.
    pub(crate) create: Located<String>,
    /// The operation that changes a record; `{id}` in its path stands for the
    /// id that was found. May be repeated.
    pub(crate) update: Located<String>,
    /// The operation that deletes a record (`method: DELETE`); `{id}` in its
    /// path stands for the id that was found. Only `sluice undo` uses it, for
    /// records that a run has made. Default: such records can't be undone.
    pub(crate) delete: Option<Located<String>>,
}
