//! A run that has parts: the targets of a dual write, or entities. Each part is
//! a run of its own below the run's directory, and begins as one that is gone
//! on with, so a first leg and a later one take the same way.

mod begin;
mod course;
mod gather;
mod go_on;
mod plan;
mod shared;
mod side_tasks;

pub(super) use begin::begin;
pub(super) use course::PartsRun;
pub(super) use gather::refresh;
pub(super) use go_on::{check_alone, go_on, retry};
pub(super) use plan::plan;
pub(super) use shared::SharedSource;
pub(super) use side_tasks::{Whose, of_each};
