//! Text of a file in a message, so that it can't do anything to a terminal.

use std::borrow::Cow;

/// The text with control characters written out (`\u{1b}`). A name out of a file
/// may hold anything, and a terminal obeys what it is shown.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_harmful(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Control characters, line breaks of every kind, and what turns the direction of
/// what follows: with them a message can be made to read as another.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_languages_stay_and_what_steers_a_terminal_is_written_out() {
        for plain in ["Straße", "日本", "a b", "👍🏽", ""] {
            assert_eq!(printable(plain), plain);
        }
        assert_eq!(printable("a\u{1b}[2Jb\tc\n"), r"a\u{1b}[2Jb\tc\n");
        assert_eq!(printable("\u{9b}\u{202e}"), r"\u{9b}\u{202e}");
        assert_eq!(printable("a\u{85}\u{2028}"), r"a\u{85}\u{2028}");
    }
}
