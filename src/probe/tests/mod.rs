//! The probe against the simulated tenant's own limits, in virtual time.
//!
//! `SLUICE_PROBE_SEEDS=20` tries more seeds, `SLUICE_PROBE_TRACE=1` prints
//! what was found.

mod draw;
mod kinds;
mod manners;
mod survey;
mod tenant;
mod truth;
