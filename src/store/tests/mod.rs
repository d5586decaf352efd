mod faults;
mod journal;
mod parent_ids;
mod retake;
mod support;
mod target_ids;
mod torn;
