//! Rules one by one, and properties over any sequence of answers.

mod breaker;
mod hints;
mod properties;
mod rules;
mod small_parts;
