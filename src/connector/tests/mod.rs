//! Batches, look-ups and idempotency keys of connectors.

mod bodies;
mod look_up;
mod mistakes;
mod properties;
mod set_up;
mod split;
mod support;
mod upsert;
