//! Which encoding a head of text is in.
//!
//! The danger is on both sides: Windows-1252 read as UTF-8 rejects good rows,
//! and UTF-8 with a few damaged rows read as Windows-1252 turns every umlaut of
//! the file into two wrong letters, silently. So Windows-1252 is assumed only
//! where nothing speaks for UTF-8 and the high bytes look like Western text.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes looked at for the zeros of UTF-16 without a mark.
const ZERO_SAMPLE_BYTES: usize = 64 * 1024;

/// From so many lines on, a share of them must hold a high byte before the text
/// passes for Windows-1252: a few such lines among many are damage.
const ENOUGH_LINES: usize = 50;

/// What a head of text is written in.
#[derive(Clone, Debug)]
pub(super) struct Detected {
    pub(super) encoding: &'static Encoding,
    /// Bytes of the byte order mark, where there is one.
    pub(super) bom_bytes: usize,
    pub(super) notice: Option<String>,
}

/// Finds the encoding of a head of the input; `cut_short` says that the input
/// goes on behind it. A byte order mark wins over `wanted`.
pub(super) fn detect(head: &[u8], cut_short: bool, wanted: Option<&'static Encoding>) -> Detected {
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(head) {
        let notice = match wanted {
            Some(named) if named != encoding => format!(
                "encoding {} (by its byte order mark, not {} as set)",
                encoding.name(),
                named.name()
            ),
            _ => format!("encoding {} (by its byte order mark)", encoding.name()),
        };
        return Detected {
            encoding,
            bom_bytes,
            notice: Some(notice),
        };
    }
    let found = |encoding, notice| Detected {
        encoding,
        bom_bytes: 0,
        notice,
    };
    if let Some(encoding) = wanted {
        let evidence = Evidence::gather(head, cut_short);
        let is_utf_8 =
            encoding != UTF_8 && evidence.has_utf_8_sequences && evidence.first_bad_line.is_none();
        let notice = is_utf_8.then(|| {
            format!(
                "encoding {} as set, though all of it reads as UTF-8; letters come out wrong if \
                 it is",
                encoding.name()
            )
        });
        return found(encoding, notice);
    }
    if let Some(encoding) = utf_16_by_its_zeros(head) {
        let notice = format!("encoding {} (no byte order mark)", encoding.name());
        return found(encoding, Some(notice));
    }
    let evidence = Evidence::gather(head, cut_short);
    if evidence.speaks_for_windows_1252() {
        return found(
            WINDOWS_1252,
            Some("encoding Windows-1252 (no byte order mark)".to_owned()),
        );
    }
    found(UTF_8, evidence.first_bad_line.map(bad_line_notice))
}

/// The encoding of a file of rejected rows, which was written as UTF-8 whatever
/// the input's own was: bytes in it that aren't UTF-8 are why rows were rejected,
/// and say nothing about the others. Only a byte order mark, UTF-16, or a name
/// that the text doesn't contradict is another program's.
pub(super) fn of_reject_file(
    head: &[u8],
    cut_short: bool,
    wanted: Option<&'static Encoding>,
) -> Detected {
    let is_marked = Encoding::for_bom(head).is_some();
    let other = wanted.filter(|named| *named != UTF_8);
    if is_marked || utf_16_by_its_zeros(head).is_some() {
        return detect(head, cut_short, wanted);
    }
    let evidence = Evidence::gather(head, cut_short);
    match (other, evidence.first_bad_line) {
        (Some(_), Some(_)) => detect(head, cut_short, wanted),
        (named, bad_line) => Detected {
            encoding: UTF_8,
            bom_bytes: 0,
            notice: match (named, bad_line) {
                (Some(named), _) => Some(format!(
                    "encoding UTF-8 (a file of rejected rows, not {} as set)",
                    named.name()
                )),
                (None, Some(line)) => Some(bad_line_notice(line)),
                (None, None) => None,
            },
        },
    }
}

fn bad_line_notice(line: usize) -> String {
    format!(
        "encoding UTF-8, but line {line} holds bytes that are not; rows with such bytes are \
         rejected, unless the file's encoding is named"
    )
}

/// Western text in UTF-16 has a zero in nearly every second byte, always on the
/// same side; a stray NUL in other text has not.
fn utf_16_by_its_zeros(head: &[u8]) -> Option<&'static Encoding> {
    let sample = &head[..head.len().min(ZERO_SAMPLE_BYTES)];
    let units = sample.len() / 2;
    // A header begins with letters of ASCII in nearly every file; in so short a
    // one as a header alone the share of zeros would prove nothing.
    let side = match sample {
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => 0,
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => 1,
        _ => return None,
    };
    let zeros = |side| {
        let bytes = sample.iter().skip(side).step_by(2);
        bytes.filter(|&&byte| byte == 0).count()
    };
    let is_clear = zeros(side) * 2 >= units && zeros(1 - side) * 50 <= units;
    is_clear.then_some(if side == 0 { UTF_16BE } else { UTF_16LE })
}

/// What the high bytes of a head say.
#[derive(Debug, Default)]
struct Evidence {
    has_utf_8_sequences: bool,
    high_bytes: usize,
    western_bytes: usize,
    lines: usize,
    lines_with_high_bytes: usize,
    /// The first line with bytes that aren't UTF-8, from 1.
    first_bad_line: Option<usize>,
}

impl Evidence {
    fn gather(head: &[u8], cut_short: bool) -> Self {
        let mut evidence = Self::default();
        let mut bad_byte = None;
        let mut checked = 0;
        for chunk in head.utf8_chunks() {
            evidence.has_utf_8_sequences |= !chunk.valid().is_ascii();
            checked += chunk.valid().len();
            // A character that the end of the head cuts in two is no damage.
            let is_cut = cut_short
                && checked + chunk.invalid().len() == head.len()
                && chunk.invalid().first().is_some_and(|&lead| lead >= 0xc2);
            if !chunk.invalid().is_empty() && !is_cut && bad_byte.is_none() {
                bad_byte = Some(checked);
            }
            checked += chunk.invalid().len();
        }
        let Some(bad_byte) = bad_byte else {
            return evidence;
        };
        let ends_line = if head.contains(&b'\n') { b'\n' } else { b'\r' };
        evidence.first_bad_line =
            Some(1 + memchr::memchr_iter(ends_line, &head[..bad_byte]).count());
        let mut start = 0;
        for line in head.split(|&byte| byte == ends_line) {
            let high_before = evidence.high_bytes;
            for (offset, &byte) in line.iter().enumerate().filter(|(_, byte)| !byte.is_ascii()) {
                evidence.high_bytes += 1;
                evidence.western_bytes += usize::from(is_western(head, start + offset, byte));
            }
            evidence.lines += 1;
            evidence.lines_with_high_bytes += usize::from(evidence.high_bytes > high_before);
            start += line.len() + 1;
        }
        evidence
    }

    fn speaks_for_windows_1252(&self) -> bool {
        self.first_bad_line.is_some()
            && !self.has_utf_8_sequences
            && self.western_bytes * 10 >= self.high_bytes * 9
            && (self.lines < ENOUGH_LINES || self.lines_with_high_bytes * 100 >= self.lines)
    }
}

/// Whether the byte at `place` of `text` is what Windows-1252 text of a Western
/// language would have there: a mark, or a letter in a word.
fn is_western(text: &[u8], place: usize, byte: u8) -> bool {
    let before = place.checked_sub(1).map(|index| text[index]);
    let after = text.get(place + 1).copied();
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || is_high_letter(byte);
    match byte {
        // Euro, quotes, dashes, ellipsis, trade mark, S and Z with caron, OE.
        0x80
        | 0x82
        | 0x84
        | 0x85
        | 0x8a
        | 0x8c
        | 0x8e
        | 0x91..=0x97
        | 0x99
        | 0x9a
        | 0x9c
        | 0x9e
        | 0x9f => true,
        // No-break space, pound, section, copyright, guillemets, degree and so on.
        0xa0
        | 0xa1
        | 0xa3
        | 0xa7
        | 0xa9..=0xab
        | 0xae
        | 0xb0
        | 0xb2..=0xb5
        | 0xb7
        | 0xb9
        | 0xba..=0xbf => true,
        // A capital starts a word or stands in one of capitals; a lone UTF-8
        // lead byte after small letters does neither.
        0xc0..=0xde if is_high_letter(byte) => {
            after.is_some_and(is_letter)
                || before
                    .is_some_and(|byte| byte.is_ascii_uppercase() || matches!(byte, 0xc0..=0xde))
        }
        _ if is_high_letter(byte) => before.is_some_and(is_letter) || after.is_some_and(is_letter),
        _ => false,
    }
}

/// Letters of Western languages above ASCII; thorn and y with diaeresis are left
/// out, since damage (0xff, 0xfe) is far commoner than they are.
fn is_high_letter(byte: u8) -> bool {
    matches!(byte, 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0xfd)
}
