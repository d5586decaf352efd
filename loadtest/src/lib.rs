//! Stands in for the platforms that a bulk loader writes to, so that its promises can be tried without one.
//!
//! [`tenant::Tenant::start`] serves a [`tenant::Scenario`] on a local port; the binary does the same from a shell.

pub mod baseline;
pub mod benchmark;
pub mod scenarios;
pub mod tenant;
