//! Looking several records up with one request, in a connector file.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Located;

use super::batch_file::FailuresSection;
use super::look_up::LookUpMethod;
use super::places::Places;
use super::rule_file::ConditionSection;
use super::template::Template;

/// How several records are looked up by their keys with one request. What its
/// reply leaves open is asked again with fewer keys, in the end by the look-up
/// of a single key, which rows in doubt always go by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookUpBatchSection {
    /// The most keys of one request, from 2. Fewer are sent from then on where
    /// the platform says "too many".
    pub(crate) max: Located<u32>,
    /// The HTTP method. Default: GET.
    #[serde(default)]
    pub(crate) method: LookUpMethod,
    /// The path below the base address, with a query if it needs one; `{name}`
    /// stands for a variable.
    pub(crate) path: Located<Template>,
    /// With POST: what the JSON body has beside the keys; `{name}` in a text
    /// stands for a variable.
    pub(crate) body: Option<Located<Value>>,
    /// Where the keys stand in the request.
    pub(crate) keys: Located<LookUpKeysSection>,
    /// Where the list of the records that were found stands in the reply, as a
    /// JSON pointer; `""` where the reply is the list. Their order says nothing.
    pub(crate) records: Located<String>,
    /// Where a record of that list has its key, as a JSON pointer; `{name}`
    /// stands for a variable. Two records of one key are refused like those
    /// that `second` shows.
    pub(crate) key: Located<Template>,
    /// Where the record itself stands in its entry of the list. Default: it is
    /// the entry.
    pub(crate) record: Option<Located<String>>,
    /// Where the platform's own id of the record stands in its entry.
    pub(crate) id: Located<Places>,
    /// Where the record's version stands in its entry.
    pub(crate) version: Option<Located<String>>,
    /// What a reply looks like that lists every record there is of its keys.
    /// Those that it doesn't list are then absent, so be strict: a page that
    /// was cut short must not match. Default: no reply is known to be whole,
    /// and only what `failures` names is absent.
    #[serde(default)]
    pub(crate) complete: Vec<Located<ConditionSection>>,
    /// A second list, of what went wrong: its keys are absent where the entry
    /// is classed as `missing`, and asked for by themselves elsewhere.
    pub(crate) failures: Option<Located<FailuresSection>>,
    /// What a reply looks like that refuses a request for its size. Default:
    /// status 413 or 414.
    pub(crate) too_many: Option<Vec<Located<ConditionSection>>>,
}

/// Where the keys stand in a request: in the query, or in a list of its body.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookUpKeysSection {
    /// In the query: the parameter's name. It is repeated for each key.
    pub(crate) parameter: Option<Located<String>>,
    /// The parameter stands once, with this between the keys. A key that holds
    /// it is asked for by itself.
    pub(crate) separator: Option<Located<String>>,
    /// In the body: where the list of keys stands, as a JSON pointer; `""` where
    /// the body is the list.
    pub(crate) at: Option<Located<String>>,
    /// With `at`: what stands in the list for each key, whose `{name}` stands
    /// for it: `{id: "{externalId}"}`. Default: the key as a text.
    pub(crate) each: Option<Located<Value>>,
}
