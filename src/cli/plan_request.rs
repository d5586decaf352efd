//! The first requests of a load, as they would be sent: what one asks the
//! platform's own documentation about. Headers are left out, since a token is
//! among them.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use super::load::Prepared;
use super::plan_sample::shortened;

/// Lines of a body that are shown in a terminal.
const BODY_LINES: usize = 40;
/// Columns of a line, which fits into 80 with its margin.
const LINE_WIDTH: usize = 74;

/// A row that is shown, as far as a request needs it.
pub(super) struct FirstRow {
    /// The row's number in the input.
    pub(super) number: u64,
    pub(super) key: String,
    /// As the mapper serialised it.
    pub(super) body: Vec<u8>,
}

/// A request, as it would be sent.
#[derive(Debug, Serialize)]
pub(super) struct PlannedRequest {
    /// What it does, in words.
    does: &'static str,
    method: String,
    /// Path and query below the target's host.
    path: String,
    /// The rows in it; of a large batch the first ones alone.
    rows: usize,
    /// The most rows that such a request takes.
    most_rows: usize,
    /// JSON where it is JSON, else its text; null of a request without a body.
    body: Value,
}

/// The first requests that these rows would go out with, in their order: the
/// look-up where each row is looked up, and the write.
pub(super) fn first_requests(prepared: &Prepared, rows: &[FirstRow]) -> Vec<PlannedRequest> {
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let operation = &prepared.bound.operation;
    let mut requests = Vec::new();
    if prepared.bound.update.is_some() || prepared.settings.pre_images {
        let most_rows = operation.look_up_cap();
        let keys: Vec<&str> = (rows.iter().take(most_rows))
            .map(|row| row.key.as_str())
            .collect();
        let look_up = match keys.as_slice() {
            [_] => operation.look_up(&first.key),
            keys => operation.look_up_many(keys),
        };
        requests.extend(look_up.map(|look_up| PlannedRequest {
            does: "looks up",
            method: look_up.method.name().to_owned(),
            path: text_of(&look_up.path),
            rows: keys.len(),
            most_rows,
            body: body_of(&look_up.body),
        }));
    }
    let most_rows = operation.batch_cap.max(1);
    let sent = &rows[..rows.len().min(most_rows)];
    let mut path = Vec::new();
    operation.write_path(&first.key, &mut path);
    let mut body = Vec::new();
    let records = sent.iter().map(|row| (row.body.as_slice(), row.number));
    operation.write_batch_body(records, &mut body);
    requests.push(PlannedRequest {
        does: match prepared.bound.update {
            Some(_) => "makes what isn't there",
            None => "writes",
        },
        method: operation.method.to_string(),
        path: text_of(&path),
        rows: sent.len(),
        most_rows,
        body: body_of(&body),
    });
    requests
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn body_of(bytes: &[u8]) -> Value {
    match bytes {
        [] => Value::Null,
        bytes => serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(text_of(bytes))),
    }
}

impl PlannedRequest {
    pub(super) fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let rows = match (self.rows, self.most_rows) {
            (1, 1) => String::new(),
            (1, most) => format!(", with the first row of up to {most}"),
            (rows, most) if rows == most => format!(", with {rows} rows"),
            (rows, most) => format!(", with the first {rows} of up to {most} rows"),
        };
        writeln!(out, "  {}{rows}", self.does)?;
        let line = format!("{} {}", self.method, self.path);
        writeln!(out, "    {}", shortened(&line, LINE_WIDTH))?;
        let body = match &self.body {
            Value::Null => return Ok(()),
            Value::String(text) => format!("{text:?}"),
            body => format!("{body:#}"),
        };
        let mut lines = body.lines();
        for line in lines.by_ref().take(BODY_LINES) {
            writeln!(out, "    {}", shortened(line, LINE_WIDTH))?;
        }
        match lines.next() {
            Some(_) => writeln!(out, "    … (--output json has all of it)"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn a_request_fits_into_eighty_columns_and_says_what_is_left_out() {
        let records: Vec<Value> = (0..30)
            .map(|number| Value::from(format!("{number} {}", "日本語".repeat(30))))
            .collect();
        let mut request = PlannedRequest {
            does: "writes",
            method: "POST".to_owned(),
            path: format!("/api/{}", "x".repeat(100)),
            rows: 5,
            most_rows: 200,
            body: Value::from(records.clone()),
        };
        let mut text = String::new();
        request.write_text(&mut text).expect("memory");
        assert!(text.starts_with("  writes, with the first 5 of up to 200 rows\n    POST /api/xx"));
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        assert!(!text.contains("--output json"), "32 lines are few");
        request.body = Value::from([records.clone(), records].concat());
        let mut text = String::new();
        request.write_text(&mut text).expect("memory");
        assert!(
            text.ends_with("    … (--output json has all of it)\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), BODY_LINES + 3);
    }
}
