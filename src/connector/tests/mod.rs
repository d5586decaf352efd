//! Batches, look-ups and idempotency keys of connectors.

mod bodies;
mod fields;
mod hosts;
mod look_up;
mod look_up_batch;
mod mistakes;
mod properties;
mod set_up;
mod split;
mod streams;
mod support;
mod upsert;
