//! JSON written straight to bytes: a tree per row would cost three times as
//! much.

/// What has to be done with a byte inside a JSON string: 0 for nothing, `u`
/// for a `\u00..` escape, else the letter after the backslash (RFC 8259,
/// section 7).
const ESCAPES: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0A] = b'n';
    table[0x0C] = b'f';
    table[0x0D] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends `text` as a JSON string with its quotes.
pub(super) fn push_string(body: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    body.reserve(bytes.len() + 2);
    body.push(b'"');
    let mut copied = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        body.extend_from_slice(&bytes[copied..index]);
        copied = index + 1;
        if escape == b'u' {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            body.extend_from_slice(b"\\u00");
            body.push(HEX[usize::from(byte >> 4)]);
            body.push(HEX[usize::from(byte & 0x0F)]);
        } else {
            body.extend_from_slice(&[b'\\', escape]);
        }
    }
    body.extend_from_slice(&bytes[copied..]);
    body.push(b'"');
}

/// Whether the text is a number in JSON's own spelling (RFC 8259, section 6).
/// Only such a text may stand in a body without quotes.
pub(super) fn is_number(text: &str) -> bool {
    let mut rest = text.as_bytes();
    if let [b'-', tail @ ..] = rest {
        rest = tail;
    }
    rest = match rest {
        [b'0', tail @ ..] => tail,
        [b'1'..=b'9', ..] => skip_digits(rest),
        _ => return false,
    };
    if let [b'.', tail @ ..] = rest {
        let after = skip_digits(tail);
        if after.len() == tail.len() {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        let tail = match tail {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            unsigned => unsigned,
        };
        let after = skip_digits(tail);
        if after.len() == tail.len() {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

fn skip_digits(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    &bytes[end..]
}
