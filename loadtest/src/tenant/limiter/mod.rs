//! The limits a tenant puts on its clients, as pure models: the time is passed in.

mod concurrency;
mod fixed_window;
mod settings;
mod settings_text;
mod sliding_log;
mod token_bucket;
mod traits;

pub use concurrency::Concurrency;
pub use fixed_window::FixedWindow;
pub use settings::{Anchor, Limit, LimitKind, LimitScope, Phase, Refill};
pub use sliding_log::SlidingLog;
pub use token_bucket::TokenBucket;
pub use traits::{Limiter, Rejection, Standing};
