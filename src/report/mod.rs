//! Folds what a run tells about itself into a report, and renders it: as JSON
//! for machines, as text for people. Pure: events and figures come in, text
//! goes out.

mod limiter_history;
mod summary;
mod words;

pub use limiter_history::{LimiterDecision, LimiterHistory};
pub use summary::{EntitySummary, RateSummary, StageSummary, Summary};
pub use words::{counted, duration_words, progress_line, thousands};
