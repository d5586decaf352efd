//! What the integration tests share: the real binary as a process, the
//! simulated tenant on real sockets, and the books of both to compare.
//!
//! A test makes a [`Bench`], writes its input, starts `sluice`, and asks the
//! tenant and the run's directory whether they tell the same story.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file is a crate of its own and needs a part of this"
)]

mod bench;
mod books;
mod contacts;
mod process;
mod three_books;
mod wait;
mod workbook;

pub use bench::{Bench, CLIENT_ID, CLIENT_SECRET, fixture, scenario};
pub use books::{Books, RejectedRow, assert_accounted, read_rows};
pub use contacts::{Numbered, numbered_csv};
pub use process::{Ended, Running, Sluice};
pub use three_books::assert_every_row_ended;
pub use wait::wait_until;
pub use workbook::{Cell, Sheet, workbook};
