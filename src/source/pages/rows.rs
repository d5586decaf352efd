//! From a page's reply to staged lines.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::connector::{Page, PageAt, PageFlaw, Stream, cell_text, value_at};
use crate::error::{FatalError, FatalKind};
use crate::source::csv::{write_flawed_row, write_staged_row};
use crate::transport::Reply;

use super::known::KnownRows;
use super::state::FetchState;

/// A page, ready to be staged.
pub(super) struct StagedPage {
    /// Its rows as staged lines, without those that are known already.
    pub(super) lines: Vec<u8>,
    /// Of all its records as they came; none where it has none.
    pub(super) records_hash: Option<u64>,
    /// The page behind it.
    pub(super) next: Option<PageAt>,
}

/// Reads a page's rows.
pub(super) fn rows_of(
    stream: &Stream,
    at: &PageAt,
    reply: &Reply,
    known: &KnownRows,
    state: &mut FetchState,
) -> Result<StagedPage, FatalError> {
    // It was read once already, to tell whether it is a page.
    let Page { records, next } = stream
        .read_page(at, &reply.body)
        .map_err(|flaw| dead_end(&flaw))?;
    let mut lines = Vec::with_capacity(reply.body.len());
    let mut hasher = FixedState::default().build_hasher();
    let is_empty = records.is_empty();
    for record in records {
        record.get().hash(&mut hasher);
        state.totals.rows += 1;
        let before = lines.len();
        write_record(stream, record, state, &mut lines);
        if known.has(&lines[before..]) {
            lines.truncate(before);
        }
    }
    Ok(StagedPage {
        lines,
        records_hash: (!is_empty).then(|| hasher.finish()),
        next,
    })
}

/// Adds a record as a staged line, one that can't be read as a flawed one.
fn write_record(stream: &Stream, record: &RawValue, state: &mut FetchState, lines: &mut Vec<u8>) {
    let number = state.totals.rows;
    let mut write_flawed = |message: &str| {
        let text = record.get().as_bytes();
        write_flawed_row(lines, number, stream.columns.len(), message, text);
    };
    if !record.get().starts_with('{') {
        return write_flawed(&format!("record {number} isn't a JSON object"));
    }
    let cells: Option<Vec<String>> = stream
        .columns
        .iter()
        .map(|(_, pointer)| cell_at(record, pointer))
        .collect();
    let Some(cells) = cells else {
        return write_flawed(&format!(
            "record {number} has a text with half a character in it"
        ));
    };
    if let Some(place) = stream.changed_at() {
        state.note_change(&cells[place]);
    }
    write_staged_row(lines, number, &cells);
}

/// A page that leads nowhere, as the failure that ends the fetching.
pub(super) fn dead_end(flaw: &PageFlaw) -> FatalError {
    let hint = match flaw {
        PageFlaw::ForeignLink(_) => {
            "The token is sent to the source's own host alone; check what stands between it and this machine."
        }
        _ => "Check the stream's `pages` in the connector file.",
    };
    FatalError::new(FatalKind::Tenant, flaw.to_string()).with_hint(hint)
}

/// The cell of a place in a record; empty where nothing stands there, `None`
/// where no text can hold what does.
fn cell_at(record: &RawValue, pointer: &str) -> Option<String> {
    match value_at(record, pointer) {
        Some(value) => cell_text(value),
        None => Some(String::new()),
    }
}

/// When the source answered, by its own clock where it tells.
pub(super) fn answered_at(reply: &Reply) -> Timestamp {
    let told = reply.headers.get(http::header::DATE);
    told.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
        .and_then(|date| Timestamp::try_from(date).ok())
        .unwrap_or_else(Timestamp::now)
}
