//! The simulated tenant: a contact platform behind rate limits.
//!
//! ```text
//! server (threads, sockets) -> router -> token_api   -> token_desk
//!                                     -> contact_api, collection_api, or the API of a platform (platform/*)
//!                                          -> entrance -> token_desk -> gatekeeper (limiter/*, pauses) -> faults, strike
//!                                          -> contacts, records, ledger
//! scenario (YAML) says what each of them is like; world holds their state; a reset makes a new world.
//! ```
//!
//! The tenant is honest in its books and knows nothing of the client it serves: what it counts is what a client's own
//! report must agree with. Its pure parts (limits, pauses, tokens, faults) have the time passed in.

mod batches;
mod collection_api;
mod contact_api;
mod contacts;
pub(crate) mod dice;
mod endpoint;
mod entrance;
mod faults;
mod faults_text;
mod gatekeeper;
mod guard;
mod ledger;
mod limit_headers;
pub mod limiter;
mod model;
mod named;
mod pauses;
mod platform;
mod records;
mod refusal;
mod reply;
mod retry_after;
mod router;
mod scenario;
mod server;
mod stable_hash;
mod stock;
mod strike;
mod timer;
mod token_api;
mod token_desk;
pub(crate) mod units;
mod world;

pub use batches::{BatchReply, Batches, ItemFault};
pub use contacts::{CONTACT_FIELDS, Contacts, Existing};
pub use endpoint::Endpoint;
pub use faults::{Fault, FaultKind, FaultTarget};
pub use ledger::{Counters, LedgerDetail, LedgerSnapshot, RequestCounts, SecondCounts, Write};
pub use limit_headers::LimitHeaders;
pub use limiter::{Anchor, Limit, LimitKind, LimitScope, Phase, Refill};
pub use model::{Arrival, Heard, Inside, Model};
pub use platform::Api;
pub use refusal::RefusalForm;
pub use retry_after::{Honesty, RetryAfter, RetryAfterForm};
pub use scenario::{Knee, Latency, Scenario, ScenarioError, SuccessStatus};
pub use server::{RunningTenant, Tenant};
pub use stable_hash::stable_hash;
pub use token_desk::{AccessKey, Client, TokenOverLimit, TokenRules};
