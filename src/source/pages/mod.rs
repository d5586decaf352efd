//! A platform's records as a source: fetched page by page under the platform's
//! own limit, staged in the run's directory, and read from there.
//!
//! One task fetches, one page at a time, and a page is on the disk, with the
//! note that says which page comes next, before a reader sees a row of it. So
//! loading and fetching overlap, a row that was sent is always one that the
//! next leg finds staged, and no page is asked for twice. The fetching knows
//! nothing of the load: it stops where the spool is stopped, and what it ends
//! with reaches whoever reads behind it.

mod change_clock;
mod exchange;
mod fetch;
mod known;
mod patience;
mod reading;
mod rows;
mod seen;
mod staged_rows;
mod state;
mod thread;
mod tokens;

#[cfg(test)]
mod tests;

pub use change_clock::ChangeClock;
pub use fetch::{CallLog, Fetching, Remark, SaveState};
pub use known::KnownRows;
pub use reading::Reading;
pub use state::{FetchState, FetchTotals};
pub use thread::start_fetching;
pub use tokens::{SourceToken, SourceTokens};
