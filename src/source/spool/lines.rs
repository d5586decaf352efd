//! Where whole lines end.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes looked through at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where the last whole line of the copy ends, if `text`, which starts
/// `text_start` bytes into it, ends one. In UTF-16 with the low byte first the
/// line feed's second byte follows the one that is looked for, so it is taken
/// along.
pub(super) fn whole_lines_end(text: &[u8], text_start: u64, known_end: u64) -> Option<u64> {
    // The second half of a line feed that the chunk before ended with.
    let carried = (text.first() == Some(&0) && known_end == text_start && text_start % 2 == 1)
        .then_some(text_start + 1);
    let Some(found) = memchr::memrchr(b'\n', text) else {
        return carried;
    };
    let end = text_start + found as u64 + 1;
    let has_second_half = end % 2 == 1 && text.get(found + 1) == Some(&0);
    Some(if has_second_half { end + 1 } else { end })
}

/// Cuts what stands after the last line end in `path`, and gives the bytes
/// left. For a spool whose process was killed: its last line may be half a row.
/// Not for one whose stream had ended: there the last line is whole.
///
/// # Errors
/// The file can't be read or cut.
pub fn cut_to_last_line(path: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let total_bytes = file.metadata()?.len();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut chunk_end = total_bytes;
    while chunk_end > 0 {
        let chunk_start = chunk_end.saturating_sub(CHUNK_BYTES as u64);
        let part = &mut chunk[..usize::try_from(chunk_end - chunk_start).unwrap_or(CHUNK_BYTES)];
        file.seek(SeekFrom::Start(chunk_start))?;
        file.read_exact(part)?;
        if let Some(found) = memchr::memrchr(b'\n', part) {
            let mut end = chunk_start + found as u64 + 1;
            if end % 2 == 1 && end < total_bytes {
                let mut second_half = [1];
                file.seek(SeekFrom::Start(end))?;
                file.read_exact(&mut second_half)?;
                end += u64::from(second_half == [0]);
            }
            file.set_len(end)?;
            return Ok(end);
        }
        chunk_end = chunk_start;
    }
    file.set_len(0)?;
    Ok(0)
}
