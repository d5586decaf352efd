//! Everything that differs between platforms, as data.
//!
//! A connector is a YAML file: variables, where tokens come from, how limits
//! are told, and operations with their path, fields and the classes of their
//! replies. Built-in connectors are such files inside the binary; a user can
//! copy one, change it and name its path. [`Connector::load`] reads and checks
//! a file, [`Connector::bind`] fills in the variables, and the [`Operation`]
//! that comes of it writes requests' paths and classes replies without looking
//! at the file again.

mod bind;
mod bucket;
mod builtin;
mod check;
mod check_operation;
mod check_variable;
mod class;
mod compile;
mod error;
mod file;
mod load;
mod message;
mod operation;
mod operation_file;
mod probe_read;
mod reply;
mod rules;
mod status;
mod template;
mod url;

#[cfg(test)]
mod check_tests;

pub use bind::{AuthFacts, Bound, LimitFacts};
pub use bucket::{BucketNames, BucketScope};
pub use check::{Finding, check, check_text};
pub use class::{Effect, ReplyClass};
pub use error::ConnectorError;
pub use file::{CredentialsIn, Grant, TokenReplyClass, VariableSection};
pub use load::{Connector, builtin_names, connector_schema, source_text};
pub use operation::{Method, Operation};
pub use probe_read::ProbeRead;
pub use reply::Classified;
pub use rules::field_rules;
pub use url::{HttpUrl, UrlError};
