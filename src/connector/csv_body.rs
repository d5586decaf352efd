//! Records as a CSV file (RFC 4180) within a JSON body, for platforms that take
//! uploads.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Appends the file in Base64. The columns are the members that any of the
/// records has, the first of them `first`.
pub(super) fn write_in_base64<'record>(
    records: impl Iterator<Item = &'record [u8]>,
    first: &str,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(STANDARD.encode(file_of(records, first)).as_bytes());
}

fn file_of<'record>(records: impl Iterator<Item = &'record [u8]>, first: &str) -> Vec<u8> {
    // The mapper wrote them, so each is an object.
    let records: Vec<Map<String, Value>> = records
        .filter_map(|record| serde_json::from_slice(record).ok())
        .collect();
    let mut columns = vec![first];
    let mut known = HashSet::from([first]);
    for name in records.iter().flat_map(Map::keys) {
        if known.insert(name) {
            columns.push(name);
        }
    }
    let mut file = Vec::new();
    write_line(columns.iter().map(|name| (*name).to_owned()), &mut file);
    for record in &records {
        write_line(
            columns.iter().map(|name| cell(record.get(*name))),
            &mut file,
        );
    }
    file
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn write_line(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let needs_quotes = cell.contains([',', '"', '\r', '\n'])
            || cell.starts_with(char::is_whitespace)
            || cell.ends_with(char::is_whitespace);
        match needs_quotes {
            true => {
                let text = format!("\"{}\"", cell.replace('"', "\"\""));
                out.extend_from_slice(text.as_bytes());
            }
            false => out.extend_from_slice(cell.as_bytes()),
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_all_members_and_the_key_is_the_first() {
        let records: [&[u8]; 3] = [
            br#"{"id":"7","name":"Ada, \"the\" first","tags":["a"]}"#,
            br#"{"id":"8","city":" Bonn","lines":"a\nb"}"#,
            br#"{"id":"9","name":null,"age":40}"#,
        ];
        let file = file_of(records.into_iter(), "id");
        let mut reader = csv::Reader::from_reader(file.as_slice());
        let header: Vec<String> = reader
            .headers()
            .expect("a header")
            .iter()
            .map(str::to_owned)
            .collect();
        assert_eq!(header, ["id", "name", "tags", "city", "lines", "age"]);
        let rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
            .collect();
        assert_eq!(rows[0], ["7", "Ada, \"the\" first", "[\"a\"]", "", "", ""]);
        assert_eq!(rows[1], ["8", "", "", " Bonn", "a\nb", ""]);
        assert_eq!(rows[2], ["9", "", "", "", "", "40"]);
    }
}
