//! Whatever stands in the file, each line that isn't blank is one row under its
//! number.

use std::collections::HashSet;
use std::fs;

use proptest::prelude::*;

use crate::source::Source;
use crate::source::csv::{CsvReader, CsvSettings, Input, Start, inspect};

use super::stage_ndjson;

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => r#"\{"id":"[a-z\\",]{0,6}","n":(1|null|true|\[1,"x"\]|\{"y":\{\}\})\}"#.prop_map(String::into_bytes),
        1 => r#"[\{\}\[\]",:a-e0-9 \t]{0,20}"#.prop_map(String::into_bytes),
        1 => proptest::collection::vec(1_u8.., 0..12),
    ]
    .prop_map(|mut line| {
        line.retain(|byte| *byte != b'\n');
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn each_line_is_one_row_under_its_number(lines in proptest::collection::vec(any_line(), 0..20)) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("in.ndjson");
        let mut text = b"{\"id\":\"first\"}\n".to_vec();
        for line in &lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        fs::write(&path, text).expect("written");
        let staged = folder.path().join("staged.csv");
        let records = stage_ndjson(&path, &HashSet::new(), &HashSet::new(), &staged).expect("the first line is right");
        let is_blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
        let expected: Vec<u64> = (2..)
            .zip(&lines)
            .filter(|(_, line)| !is_blank(line))
            .map(|(number, _)| number)
            .collect();
        prop_assert_eq!(records.rows, expected.len() as u64 + 1);
        let settings = CsvSettings::staged(Input::File(staged), "in.ndjson");
        let shape = inspect(&settings).expect("a header");
        let mut reader = CsvReader::open(&settings, &shape, Start::Beginning).expect("opens");
        let mut found = Vec::new();
        while let Some(batch) = reader.next_batch().expect("reads") {
            for row in &batch.rows {
                found.push(row.position.line);
                let is_record = row.flaw.is_none();
                let line = row.position.line;
                let raw = match line {
                    1 => b"{}".as_slice(),
                    line => &lines[usize::try_from(line).expect("few") - 2],
                };
                let parsed = serde_json::from_slice::<serde_json::Value>(raw);
                // A record is always JSON; JSON may be refused for its names.
                prop_assert!(!is_record || parsed.is_ok_and(|value| value.is_object()));
            }
        }
        prop_assert_eq!(found.remove(0), 1);
        prop_assert_eq!(found, expected);
    }
}
