//! Batches, look-ups and idempotency keys of connectors.

mod auth;
mod bodies;
mod fields;
mod hosts;
mod in_order;
mod jobs;
mod look_up;
mod look_up_batch;
mod mistakes;
mod properties;
mod quotes;
mod reasons;
mod set_up;
mod split;
mod streams;
mod support;
mod upsert;
