//! What can be read of a line that is no record, so that whoever repairs it
//! finds its values under their columns.

use std::collections::HashSet;

use crate::connector::first_members;

use super::flatten::Flattening;

/// The character that stands for the byte 0 that is no text; the others follow.
/// They are the last characters that there are, and nobody's language.
const FIRST_STAND_IN: u32 = 0x10_ff00;

/// The cells of the members that stand whole in the line, up to where it stops
/// being JSON; bytes that are no text stay as they are. None where nothing can
/// be read.
pub(super) fn readable(line: &[u8], kept_whole: &HashSet<String>) -> Vec<(String, Vec<u8>)> {
    let Some(text) = as_text(line) else {
        return Vec::new();
    };
    let mut flattening = Flattening::new(kept_whole);
    for (name, value) in first_members(&text) {
        // Why it can't be read was told with the whole line.
        let _ = flattening.add(name, value, 1);
    }
    let cells = flattening.cells.into_iter();
    cells.map(|(name, text)| (name, as_bytes(&text))).collect()
}

/// The line as text, with a character of its own for each byte that is none.
/// `None` where one of these stands in it already.
fn as_text(line: &[u8]) -> Option<String> {
    let is_stand_in = |character: char| u32::from(character) >= FIRST_STAND_IN;
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        if chunk.valid().contains(is_stand_in) {
            return None;
        }
        text.push_str(chunk.valid());
        let stand_ins = chunk.invalid().iter();
        text.extend(stand_ins.filter_map(|&byte| char::from_u32(FIRST_STAND_IN + u32::from(byte))));
    }
    // Spelled as an escape, too: they all begin with this half.
    (!text.to_ascii_lowercase().contains("\\udbff")).then_some(text)
}

/// The bytes that a text of [`as_text`] stands for.
fn as_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        let byte = u32::from(character).checked_sub(FIRST_STAND_IN);
        match byte.and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[u8]) -> Vec<(String, Vec<u8>)> {
        readable(line, &HashSet::new())
    }

    fn cell(name: &str, text: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), text.to_vec())
    }

    #[test]
    fn what_stands_before_a_fault_is_read_and_bytes_stay_bytes() {
        assert_eq!(
            read(b"{\"id\":\"c-1\",\"name\":\"M\xfcller \xff\",\"a\":{\"b\":\"\xe4\xb8\xad\"}}"),
            [
                cell("id", b"c-1"),
                cell("name", b"M\xfcller \xff"),
                cell("a.b", b"\xe4\xb8\xad")
            ]
        );
        assert_eq!(
            read(br#"{"id":"c-1","n":1,"#),
            [cell("id", b"c-1"), cell("n", b"1")]
        );
        assert_eq!(read(br#"{"id":"c-1","id":"c-2"}"#), [cell("id", b"c-1")]);
        assert_eq!(read(br#"["id"]"#), []);
        assert_eq!(read(b"\xff\xfe"), []);
    }

    #[test]
    fn a_line_that_has_the_stand_ins_itself_is_left_alone() {
        assert_eq!(read("{\"id\":\"\u{10fffc}\"}".as_bytes()), []);
        assert_eq!(read(br#"{"id":"\uDBFF\udffc"}"#), []);
        assert_eq!(
            read(br#"{"id":"\ud83d\ude00"}"#),
            [cell("id", "\u{1f600}".as_bytes())]
        );
    }
}
