//! Folds what a run tells about itself into a report, and renders it: as JSON
//! for machines, as text for people. Pure: events and figures come in, text
//! goes out.

mod decision_words;
mod limit_summary;
mod limiter_history;
mod parts;
mod summary;
mod words;

pub use decision_words::decision_words;
pub use limit_summary::LimitSummary;
pub use limiter_history::{LimiterDecision, LimiterHistory};
pub use parts::NamedSummary;
pub use summary::{EntitySummary, PartSummary, RateSummary, SourceSummary, StageSummary, Summary};
pub use words::{
    age_words, counted, duration_words, progress_line, rate_words, thousands, write_counts,
};
