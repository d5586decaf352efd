//! The connector file, as it stands on disk.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Located, NameMap, TimeSpan};

use super::operation_file::OperationSection;
use super::probe_read::ProbeSection;
use super::set_up_file::{DiscoverySection, SetUpSection};
use super::status::StatusSet;
use super::stream_file::StreamSection;
use super::template::Template;
use super::upsert_file::UpsertSection;

/// A connector file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectorFile {
    /// The connector's name: letters, digits and `-`.
    pub(crate) name: Located<String>,
    /// One line for a list.
    pub(crate) title: String,
    /// What it loads, and what one should know.
    #[serde(default)]
    pub(crate) description: String,
    /// What the user fills in, by name. `base_url` exists always and need not
    /// be declared.
    #[serde(default)]
    pub(crate) variables: NameMap<Located<VariableSection>>,
    /// The platform's address; `{name}` stands for a variable.
    pub(crate) base_url: Located<Template>,
    /// Addresses of other hosts of the platform, by name, for operations and
    /// streams that name one as their `host`. Tokens go to these and to
    /// `base_url`, and nowhere else. `--set NAME_base_url=…` points one at
    /// another address, and so does `--set base_url=…`, which moves them all.
    #[serde(default)]
    pub(crate) hosts: NameMap<Located<Template>>,
    /// Where tokens come from.
    pub(crate) auth: AuthSection,
    /// How the platform tells its limits.
    #[serde(default)]
    pub(crate) limits: LimitsSection,
    /// Headers that carry a call's id.
    #[serde(default)]
    pub(crate) request_id: RequestIdSection,
    /// What can be done to records, by name.
    pub(crate) operations: NameMap<Located<OperationSection>>,
    /// Upserts where the platform has none of its own, by name: look up, then
    /// make or change. A load can use them as it uses an operation.
    #[serde(default)]
    pub(crate) upserts: NameMap<Located<UpsertSection>>,
    /// The operation, or upsert, that a load uses. May be left out where there is
    /// one operation alone.
    pub(crate) default_operation: Option<Located<String>>,
    /// Lists of records that can be read page by page, by name: the connector as
    /// a source.
    #[serde(default)]
    pub(crate) streams: NameMap<Located<StreamSection>>,
    /// What has to be there before the first row, by name, in the order in which
    /// it is set up. A plan sets nothing up.
    #[serde(default)]
    pub(crate) setup: NameMap<Located<SetUpSection>>,
    /// What `sluice probe` asks. Default: nothing, so it can only write.
    pub(crate) probe: Option<Located<ProbeSection>>,
}

/// Something that the user fills in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariableSection {
    /// What it is, for the user who has to fill it in.
    pub description: String,
    /// A regular expression that the whole value has to match. Default:
    /// letters, digits, `.`, `_`, `~` and `-`, so that a value can't lead
    /// requests to another host.
    pub pattern: Option<Located<String>>,
    /// What the user may say, and what is filled in for it: a table of regions
    /// and their hosts. Default: any value that matches the pattern, as it is.
    #[serde(default)]
    pub values: NameMap<Located<String>>,
    /// The value where the user gives none; without it the variable must be
    /// given.
    pub default: Option<Located<String>>,
    /// A value to show.
    pub example: Option<Located<String>>,
}

/// Where tokens come from.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSection {
    /// How tokens are had.
    pub(crate) grant: Located<Grant>,
    /// The token endpoint; an absolute address, in which `{name}` stands for a
    /// variable. The grants `token` and `basic` have none.
    pub(crate) token_url: Option<Located<Template>>,
    /// Where the client's id and secret stand in the token request. Default: basic.
    #[serde(default)]
    pub(crate) credentials_in: CredentialsIn,
    /// The headers that carry the token, by name: `{token}` stands for it,
    /// `{client_id}` for the client's id, `{name}` for a variable. None is
    /// logged, and none goes to a host that the file doesn't name. Default:
    /// `Authorization: Bearer {token}`.
    #[serde(default)]
    pub(crate) headers: NameMap<Located<Template>>,
    /// The scopes to ask for, with spaces between them; `{name}` stands for a
    /// variable. Default: none.
    pub(crate) scope: Option<Located<Template>>,
    /// Where the platform tells the address of its API. Default: it doesn't, and
    /// `base_url` is the address.
    pub(crate) discovery: Option<Located<DiscoverySection>>,
    /// How long before its end a token is replaced. Default: 60s.
    pub(crate) refresh_early: Option<TimeSpan>,
    /// What a reply of the token endpoint means; the first match wins.
    #[serde(default)]
    pub(crate) replies: Vec<Located<TokenReplySection>>,
}

/// How tokens are had: an OAuth 2.0 grant, or credentials that go along with each
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The client's own (RFC 6749, section 4.4).
    ClientCredentials,
    /// A user's, by name and password (RFC 6749, section 4.3): platforms give
    /// access keys for it, whose id and secret stand for name and password.
    Password,
    /// By a refresh token that a user has given the client (RFC 6749, section 6).
    RefreshToken,
    /// None is asked for: the client's secret is the token, which the platform
    /// gives out for good. The client's id may be left out.
    Token,
    /// None is asked for: the client's id and secret go along as user name and
    /// password (RFC 7617).
    Basic,
}

/// Where the client's id and secret stand in the token request (RFC 6749,
/// section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsIn {
    /// In the `Authorization: Basic` header.
    #[default]
    Basic,
    /// In the form of the body.
    Form,
    /// In both.
    Both,
}

/// What a reply of the token endpoint means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenReplySection {
    /// The statuses it is about.
    pub(crate) status: StatusSet,
    /// A text that the body holds, in whatever letter case.
    pub(crate) body_contains: Option<String>,
    /// What it means.
    pub(crate) class: TokenReplyClass,
}

/// What a reply of the token endpoint means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenReplyClass {
    /// The credentials or the scope are refused: the run can't go on.
    Refused,
    /// Too many token requests: wait, then ask again.
    Throttled,
    /// A passing failure: ask again a little later.
    Retry,
}

/// How the platform tells its limits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsSection {
    /// Headers that say how long to wait, the first that is there wins.
    /// Default: Retry-After.
    pub(crate) retry_after: Option<Vec<Located<String>>>,
    /// Headers that say how many requests a window takes.
    #[serde(default)]
    pub(crate) limit: Vec<Located<String>>,
    /// Headers that say how many requests are left in the window.
    #[serde(default)]
    pub(crate) remaining: Vec<Located<String>>,
    /// Headers that say when the window ends.
    #[serde(default)]
    pub(crate) reset: Vec<Located<String>>,
    /// Where the body of a refusal names the limit that was met: JSON pointers
    /// (RFC 6901), the first that finds a text wins.
    #[serde(default)]
    pub(crate) bucket_at: Vec<Located<String>>,
    /// Names of limits that the whole client has, over all endpoints; `*`
    /// stands for any text. Names that stand nowhere here are the endpoint's.
    #[serde(default)]
    pub(crate) client_buckets: Vec<Located<String>>,
    /// Whether a refusal that names no limit has met one of the whole client, as
    /// where a platform counts all requests together. Default: no, it is the
    /// endpoint's.
    #[serde(default)]
    pub(crate) shared: bool,
    /// Names of limits that a single record has; only its own row waits.
    #[serde(default)]
    pub(crate) record_buckets: Vec<Located<String>>,
}

/// Headers that carry a call's id.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestIdSection {
    /// The header that our id is sent in. Default: none is sent.
    pub(crate) send: Option<Located<String>>,
    /// Headers of the reply that hold the platform's id, the first that is
    /// there wins.
    #[serde(default)]
    pub(crate) read: Vec<Located<String>>,
}
