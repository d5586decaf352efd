mod faults;
mod journal;
mod retake;
mod support;
mod torn;
