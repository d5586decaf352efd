//! What is wrong with the streams of a connector file.

use super::check::{Findings, check_list_pointer, check_names, check_pointer};
use super::check_operation::examine_headers;
use super::class::ReplyClass;
use super::file::ConnectorFile;
use super::host;
use super::read_target::check_read_path;
use super::stream_file::{PagesSection, Paging, StreamSection};
use crate::config::{Located, did_you_mean};

/// Adds the mistakes of all streams.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile) {
    for entry in &file.streams.entries {
        examine_stream(findings, file, &entry.value.value);
    }
}

fn examine_stream(findings: &mut Findings, file: &ConnectorFile, stream: &StreamSection) {
    host::examine_name(findings, file, stream.host.as_ref());
    check_read_path(findings, file, &stream.path, "the stream's path");
    for entry in &stream.query.entries {
        check_names(findings, file, &entry.value, &[]);
    }
    examine_headers(findings, file, &stream.headers);
    check_list_pointer(findings, &stream.records);
    examine_pages(findings, &stream.pages);
    for entry in &stream.fields.entries {
        for pointer in &entry.value.value.pointers {
            // The list's own line: its members have none.
            let pointer = Located {
                value: pointer.clone(),
                line: entry.value.line,
                column: entry.value.column,
            };
            check_list_pointer(findings, &pointer);
        }
        let name = &entry.name.value;
        if name.is_empty() || name.trim() != name || name.starts_with('_') {
            findings.add(
                &entry.name,
                format!("{name:?} is no column's name"),
                "A name begins with a letter and has no white space around it.",
            );
        }
    }
    let mut columns = vec![&stream.key];
    let since = stream.changed_since.as_ref().map(|since| &since.value);
    columns.extend(since.and_then(|since| since.changed_at.as_ref()));
    for column in columns {
        if stream.fields.get(&column.value).is_none() {
            let near = did_you_mean(&column.value, stream.fields.names());
            findings.add(
                column,
                format!("the stream has no column `{}`{near}", column.value),
                "Name one of `fields`.",
            );
        }
    }
    for reply in &stream.replies {
        if reply.value.class == ReplyClass::Done && !reply.value.status.is_success() {
            findings.add(
                reply,
                "a reply that isn't a success is classed as done",
                "A page comes with a status of 200 to 299 alone.",
            );
        }
    }
}

fn examine_pages(findings: &mut Findings, section: &Located<PagesSection>) {
    let pages = &section.value;
    let needs_parameter = !matches!(pages.by, Paging::NextLink | Paging::LinkHeader);
    if needs_parameter && pages.parameter.is_none() {
        findings.add(
            section,
            "the pages' `parameter` is missing",
            "Name the query parameter that says which page is asked for.",
        );
    }
    let needs_place = matches!(pages.by, Paging::Cursor | Paging::NextLink);
    if needs_place && pages.at.is_none() {
        findings.add(
            section,
            "the pages' `at` is missing",
            "Say where a page has the next one's cursor or link, such as at: /cursors/after.",
        );
    }
    let mut misplaced = |is_wrong: bool, key: &str, by: &str| {
        if is_wrong {
            findings.add(
                section,
                format!("`{key}` belongs to pages by {by}"),
                "Take it out, or change `by`.",
            );
        }
    };
    misplaced(
        pages.parameter.is_some() && !needs_parameter,
        "parameter",
        "offset, number or cursor",
    );
    misplaced(
        pages.at.is_some() && !needs_place,
        "at",
        "cursor or next_link",
    );
    misplaced(
        pages.total.is_some() && !matches!(pages.by, Paging::Offset | Paging::Number),
        "total",
        "offset or number",
    );
    misplaced(
        pages.total_pages.is_some() && pages.by != Paging::Number,
        "total_pages",
        "number",
    );
    misplaced(
        pages.first.is_some() && pages.by != Paging::Number,
        "first",
        "number",
    );
    let places = [&pages.total, &pages.total_pages, &pages.at];
    for pointer in places.into_iter().flatten() {
        check_pointer(findings, pointer);
    }
    if let Some(size) = pages.size.as_ref().filter(|size| size.value.value == 0) {
        findings.add(
            size,
            "a page of no records leads nowhere",
            "Write the most that the platform gives, such as 100.",
        );
    }
}
