//! Everything that differs between platforms, as data.
//!
//! A connector is a YAML file: variables, where tokens come from, how limits
//! are told, and operations with their path, fields and the classes of their
//! replies. Built-in connectors are such files inside the binary; a user can
//! copy one, change it and name its path. [`Connector::load`] reads and checks
//! a file, [`Connector::bind`] fills in the variables, and the [`Operation`]
//! that comes of it writes requests' paths and classes replies without looking
//! at the file again.
//!
//! Where records travel in batches, [`Operation::write_batch_body`] joins them
//! and [`Operation::split`] tells from the reply what became of each. Where a
//! request may not be sent twice, [`Operation::look_up`] and
//! [`Operation::classify_look_up`] settle what was never answered. Where several
//! records can be looked up at once, [`Operation::look_up_many`] asks for them
//! and [`Operation::split_look_up`] tells what the reply says of each.

mod auth_facts;
mod batch;
mod batch_file;
mod bind;
mod bucket;
mod builtin;
mod change;
mod check;
mod check_auth;
mod check_batch;
mod check_fields;
mod check_job;
mod check_look_up_batch;
mod check_operation;
mod check_repeat;
mod check_results;
mod check_set_up;
mod check_stream;
mod check_upsert;
mod check_variable;
mod class;
mod compile;
mod compile_batch;
mod compile_look_up;
mod condition;
mod contract;
mod csv_body;
mod error;
mod escape;
mod field_file;
mod file;
mod found;
mod host;
mod idempotency;
mod item_key;
mod job;
mod job_file;
mod link_header;
mod load;
mod look_up;
mod look_up_batch;
mod look_up_batch_file;
mod look_up_file;
mod look_up_keys;
mod message;
mod missing_key;
mod operation;
mod operation_file;
mod page_link;
mod places;
mod pre_image;
mod probe_read;
mod raw_json;
mod read_target;
mod reply;
mod results;
mod rule_file;
mod set_up;
mod set_up_file;
mod split;
mod status;
mod stream;
mod stream_file;
mod stream_page;
mod template;
mod upsert_file;
mod url;
mod verdict;

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod tests;

pub use auth_facts::{AuthFacts, AuthHeader};
pub use bind::{Bound, LimitFacts};
pub use bucket::{BucketNames, BucketScope};
pub use change::Change;
pub use check::{Finding, check, check_text};
pub use class::{Effect, ReplyClass};
pub use error::{AtFault, ConnectorError};
pub use file::{CredentialsIn, Grant, TokenReplyClass, VariableSection};
pub use found::{Difference, FoundProblem, FoundRecord, differences};
pub use idempotency::idempotency_key;
pub use item_key::ItemKey;
pub use job::{JobAnswer, JobPatience, JobQuestion};
pub use load::{Connector, builtin_names, connector_schema, source_text};
pub use look_up::{InDoubt, LookUpAnswer, LookUpMethod, LookUpRequest};
pub use look_up_batch::{KeyAnswer, LookUpSplit};
pub use look_up_keys::KeyRoom;
pub use operation::{Method, Operation};
pub use pre_image::{PlaceChange, PreImage, UndoError, WayBack};
pub use probe_read::ProbeRead;
pub use raw_json::{cell_text, elements, first_members, members, value_at};
pub use reply::Classified;
pub use set_up::{Discovery, SetUpCall, SetUpStep};
pub use stream::{BoundStream, PageAt, Stream};
pub use stream_page::{Page, PageFlaw, ToldEnd};
pub use url::{HttpUrl, UrlError};
pub use verdict::{ItemVerdict, Split};
