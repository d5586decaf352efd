//! Sluice: a bulk loader for contact-centre and CRM platforms that sit behind
//! rate limits.
//!
//! The modules stand in layers, and imports go downwards only:
//!
//! ```text
//! cli → {actors, probe} → {source, connector, transport, auth, store, telemetry}
//!     → {config, mapping, plan, limit, report} → {record, error}
//! ```
//!
//! `ARCHITECTURE.md` draws the whole.

pub mod actors;
pub mod auth;
pub mod cli;
pub mod config;
pub mod connector;
pub mod error;
pub mod limit;
pub mod mapping;
pub mod plan;
pub mod probe;
pub mod record;
pub mod report;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod transport;
