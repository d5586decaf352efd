//! Genesys Cloud: external contacts, external organizations and outbound contact lists.
//!
//! Every request is held to the platform's published operations and models ([`shapes`]) before it is looked at at all.

mod bulk;
mod contact;
mod contacts;
mod enrich;
mod lists;
mod organizations;
mod patch;
mod shapes;
mod sources;

pub(super) use contacts::{perform, route};
