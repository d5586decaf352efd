//! Lines of a file, in bounded memory.

use std::io::{self, BufRead};

use crate::source::csv::ROW_LIMIT_BYTES;

/// A line as it was found.
pub(super) enum Line<'lines> {
    /// Its text, without the line end.
    Whole(&'lines [u8]),
    /// It is longer than a row may be; this is as much of it as a row may have.
    TooLong(&'lines [u8]),
}

/// Reads a file line by line.
pub(super) struct Lines<Reader> {
    reader: Reader,
    number: u64,
    text: Vec<u8>,
}

impl<Reader: BufRead> Lines<Reader> {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            number: 0,
            text: Vec::new(),
        }
    }

    /// The next line that isn't blank, with its number from 1.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        loop {
            let Some(is_whole) = self.read_line()? else {
                return Ok(None);
            };
            self.number += 1;
            if self.number == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
            if self.text.iter().all(u8::is_ascii_whitespace) && is_whole {
                continue;
            }
            break Ok(Some((
                self.number,
                match is_whole {
                    true => Line::Whole(&self.text),
                    false => Line::TooLong(&self.text),
                },
            )));
        }
    }

    /// Reads a line into `text`, no more of it than a row may have; whether
    /// that is all of it, and `None` at the end.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.text.clear();
        let mut has_any = false;
        let mut is_whole = true;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            if buffer.is_empty() {
                return Ok(has_any.then_some(is_whole));
            }
            has_any = true;
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = ROW_LIMIT_BYTES.saturating_sub(self.text.len());
            is_whole &= part.len() <= room;
            self.text.extend_from_slice(&part[..part.len().min(room)]);
            let taken = part.len() + usize::from(end.is_some());
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(Some(is_whole));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_numbered_blank_ones_left_out_and_long_ones_cut() {
        let long = "x".repeat(ROW_LIMIT_BYTES + 1);
        let text = format!("\u{feff}one\n\n  \r\ntwo\r\n{long}\nlast");
        let mut lines = Lines::new(BufReader::with_capacity(7, text.as_bytes()));
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().expect("memory can be read") {
            found.push(match line {
                Line::Whole(text) => (number, true, text.len()),
                Line::TooLong(text) => (number, false, text.len()),
            });
        }
        assert_eq!(
            found,
            [
                (1, true, 3),
                (4, true, 4),
                (5, false, ROW_LIMIT_BYTES),
                (6, true, 4)
            ]
        );
    }
}
