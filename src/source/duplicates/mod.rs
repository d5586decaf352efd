//! Which rows share a key, found in bounded memory.
//!
//! Keys come in as hashes. A small input stays in memory; a larger one is
//! scattered over 256 partitions of one temporary file, by the hash's first
//! bits, so that equal keys meet in the same partition and each partition alone
//! is small enough to be sorted. Five million keys take 80 MB of disk, and
//! about 1 MiB of memory while they come in.
//!
//! Two different keys with one 64-bit hash would pass for equal: for five
//! million keys the odds are one in a million.

mod finder;
mod found;
mod scattered;

pub use finder::DuplicateFinder;
pub use found::Duplicates;
