//! From a page's reply to staged lines.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::connector::{PageAt, PageFlaw, Stream, cell_text, value_at};
use crate::error::{FatalError, FatalKind};
use crate::source::csv::{write_flawed_row, write_staged_row, write_unread_row};
use crate::transport::Reply;

use super::exchange::page_of;
use super::known::KnownRows;
use super::reading::Sight;
use super::seen::SeenRecords;
use super::state::FetchState;

/// A page, ready to be staged.
#[derive(Default)]
pub(super) struct StagedPage {
    /// Its rows as staged lines, without those that are known already and those
    /// that a reading before has brought.
    pub(super) lines: Vec<u8>,
    /// Of all its records as they came; none where it has none.
    pub(super) records_hash: Option<u64>,
    /// The page that is wanted behind it.
    pub(super) next: Option<PageAt>,
}

/// Reads a page's rows.
pub(super) fn rows_of(
    stream: &Stream,
    at: &PageAt,
    reply: &Reply,
    known: &KnownRows,
    seen: &mut SeenRecords,
    state: &mut FetchState,
) -> Result<StagedPage, FatalError> {
    // It was read once already, to tell whether it is a page.
    let page = page_of(stream, at, reply).map_err(|flaw| dead_end(&flaw))?;
    let next = state.reading.next_after(
        page.records.len() as u64,
        (page.total, page.told_end),
        stream.page_size(),
        page.next,
    );
    let mut lines = Vec::with_capacity(reply.body.len());
    let mut hasher = FixedState::default().build_hasher();
    let is_empty = page.records.is_empty();
    let is_read_again = state.reading.number > 1;
    for record in page.records {
        record.get().hash(&mut hasher);
        state.totals.rows += 1;
        let before = lines.len();
        let key = write_record(stream, record, state, &mut lines);
        let sight = match stream.pages_may_shift() {
            true => seen.note(key.as_deref(), &lines[before..]),
            false => Sight::New,
        };
        state.reading.note_record(sight);
        let is_staged = is_read_again && sight != Sight::New;
        if is_staged {
            state.totals.rows -= 1;
        }
        if is_staged || known.has(&lines[before..]) {
            lines.truncate(before);
        }
    }
    Ok(StagedPage {
        lines,
        records_hash: (!is_empty).then(|| hasher.finish()),
        next,
    })
}

/// Adds a record as a staged line, one that can't be read as a flawed one;
/// the key of one that can.
fn write_record(
    stream: &Stream,
    record: &RawValue,
    state: &mut FetchState,
    lines: &mut Vec<u8>,
) -> Option<String> {
    let number = state.totals.rows;
    if !record.get().starts_with('{') {
        let message = format!("record {number} isn't a JSON object");
        let text = record.get().as_bytes();
        write_unread_row(lines, number, &message, stream.columns.len(), text);
        return None;
    }
    let mut cells = Vec::with_capacity(stream.columns.len());
    let mut flaw = None;
    for (name, places) in &stream.columns {
        cells.push(cell_at(record, places).unwrap_or_else(|value| {
            flaw.get_or_insert_with(|| {
                format!("record {number} has half a character in the text of `{name}`")
            });
            value.get().to_owned()
        }));
    }
    if let Some(message) = flaw {
        write_flawed_row(lines, number, &message, &cells, &[]);
        return None;
    }
    if let Some(place) = stream.changed_at() {
        state.note_change(&cells[place]);
    }
    write_staged_row(lines, number, &cells);
    Some(cells.swap_remove(stream.key))
}

/// The text at the first of the places that has any; the value that is no text
/// where half a character stands in it.
fn cell_at<'record>(
    record: &'record RawValue,
    places: &[String],
) -> Result<String, &'record RawValue> {
    for place in places {
        let Some(value) = value_at(record, place) else {
            continue;
        };
        let text = cell_text(value).ok_or(value)?;
        if !text.is_empty() {
            return Ok(text);
        }
    }
    Ok(String::new())
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

/// When the source answered, by its own clock where it tells.
pub(super) fn answered_at(reply: &Reply) -> Timestamp {
    let told = reply.headers.get(http::header::DATE);
    told.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
        .and_then(|date| Timestamp::try_from(date).ok())
        .unwrap_or_else(Timestamp::now)
}
