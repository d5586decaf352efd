//! The lane as a whole, under paused time: rows go in at one end, outcomes
//! come out at the other, and in between a scripted tenant and a token
//! refresher of a few lines.

mod absence;
mod asked_together;
mod batches;
mod begun_changes;
mod doubts;
mod failures;
mod harness;
mod jobs;
mod limit_words;
mod making;
mod nested;
mod order;
mod outages;
mod properties;
mod same_key;
mod sharing;
mod shutdown;
mod tenant;
mod throttling;
mod time_left;
mod tokens;
mod upserts;
