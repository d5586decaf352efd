//! Hostile input: whatever stands in a file, a header or a reply, nothing
//! panics, nothing hangs, and what is said about it is true.
//!
//! Each test changes inputs of a corpus at random and holds the result to
//! rules. An input that makes the code behave in a way not seen before joins the
//! corpus, so the search goes deeper by itself: coverage is guided by what is
//! observed (verdicts, flaws, kinds of error) and not by instrumented code,
//! which a stable toolchain can't link without a fuzzer's own run time.
//!
//! In the suite a fixed seed and a fixed number of rounds run, always the same.
//! `scripts/fuzz --seconds N` goes on for longer, with a seed that it prints.
//! Inputs that once failed are kept in `fixtures/hostile` and tried first.

#[path = "hostile/config_files.rs"]
mod config_files;
#[path = "hostile/corpus.rs"]
mod corpus;
#[path = "hostile/csv_input.rs"]
mod csv_input;
#[path = "hostile/csv_rows.rs"]
mod csv_rows;
#[path = "hostile/hunt.rs"]
mod hunt;
#[path = "hostile/limit_headers.rs"]
mod limit_headers;
#[path = "hostile/mutate.rs"]
mod mutate;
#[path = "hostile/replies.rs"]
mod replies;
#[path = "hostile/run_files.rs"]
mod run_files;
