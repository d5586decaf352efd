mod faults;
mod journal;
mod retake;
mod support;
mod target_ids;
mod torn;
