//! Rules one by one, and properties over any sequence of answers.

mod bench;
mod breaker;
mod hints;
mod learning;
mod places;
mod properties;
mod rules;
mod small_parts;
mod starts;
mod told;
