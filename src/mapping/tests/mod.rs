//! The mapping as a whole.

mod conversions;
mod dates;
mod expressions;
mod headers;
mod nested;
mod properties;
mod records;
mod references;
mod rules;
mod support;
