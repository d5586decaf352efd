//! What has to be there before the first row, in a connector file, and where
//! the platform's address is asked for.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap};

use super::places::Places;
use super::template::Template;

/// Something that has to be there before the first row: looked for, and made if
/// it isn't.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUpSection {
    /// How it is looked for, with GET.
    pub(crate) look_up: SetUpLookUpSection,
    /// How it is made, with POST. Default: it isn't, and a load ends where it is
    /// missing.
    pub(crate) create: Option<SetUpCreateSection>,
    /// The variable that gets its id. Operations, and what is set up later, may
    /// use it; the user doesn't give it.
    pub(crate) sets: Located<String>,
}

/// How something is looked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUpLookUpSection {
    /// The path below the base address, with a query if it needs one; `{name}`
    /// stands for a variable, percent-encoded.
    pub(crate) path: Located<Template>,
    /// What stands behind the path's `?`, by name; `{name}` stands for a variable.
    #[serde(default)]
    pub(crate) query: NameMap<Located<Template>>,
    /// Headers of the request besides the token's and the body's own.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// Where the list of what was found stands in the reply, as a JSON pointer;
    /// `""` where the reply is the list. Needs `same`.
    pub(crate) records: Option<Located<String>>,
    /// Where the search isn't exact, one of names' beginnings say: variables, and
    /// where what was found shows their values, as JSON pointers into an entry of
    /// `records`. The first entry in which all agree is the one that is meant.
    #[serde(default)]
    pub(crate) same: NameMap<Located<String>>,
    /// Where its id stands in a reply of 2xx, or in an entry of `records`, as a
    /// JSON pointer or a list of such. A reply without it, or a 404, says that it
    /// isn't there.
    pub(crate) id: Located<Places>,
}

/// How something is made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUpCreateSection {
    /// The path below the base address, as in `look_up`.
    pub(crate) path: Located<Template>,
    /// What stands behind the path's `?`, by name; `{name}` stands for a variable.
    #[serde(default)]
    pub(crate) query: NameMap<Located<Template>>,
    /// Headers of the request besides the token's and the body's own.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// The JSON body; `{name}` in a text stands for a variable.
    pub(crate) body: Located<serde_json::Value>,
    /// Where its id stands in the reply.
    pub(crate) id: Located<Places>,
}

/// Where a platform tells the address of its API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscoverySection {
    /// The address that is asked, with a query if it needs one; `{name}` stands
    /// for a variable. It is asked only where all of them are given, and
    /// `base_url` isn't. Default: the reply that grants a token tells the
    /// address.
    pub(crate) url: Option<Located<Template>>,
    /// Where the API's address stands in the reply, as a JSON pointer.
    pub(crate) base_url: Located<String>,
    /// The hosts that the reply may name, `*.` before one standing for any below
    /// it. Needed where the reply grants a token, which goes to no host that a
    /// reply alone has named. Default: any.
    #[serde(default)]
    pub(crate) hosts: Vec<Located<String>>,
    /// Variables that the reply tells too, such as the area that other hosts are
    /// named by: where each stands, as a JSON pointer. What the user gives goes
    /// before.
    #[serde(default)]
    pub(crate) variables: NameMap<Located<String>>,
}
