//! `map` of a job file: what each target field is filled from, and what is done
//! to it on the way.

mod entry;
mod section;
mod shapes;

#[cfg(test)]
mod tests;

pub use entry::MapEntry;
