//! A second look at the input, to see how a row ends that is too long to keep.

use std::io;

use encoding_rs::{Encoding, UTF_8};

use super::input::Input;
use super::scan::{Scan, Verdict};
use super::shape::{CsvShape, Dialect};
use super::stream::{LEAST_ROOM_BYTES, TextStream};
use super::suspects::{Fault, Suspects};

/// How a row ends that is above the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// As a record should.
    Ends {
        /// Byte where the next line starts.
        next_byte: u64,
        /// Line breaks within quotes.
        line_breaks: u64,
    },
    /// It doesn't: it is no record at all.
    Broken(Fault),
}

/// Reads the input ahead of the cutter, from any place on, a buffer at a time.
///
/// Text that is stored as UTF-8 is read from the place that is asked for. Other
/// text has to be decoded from its beginning, so there the reader is kept, and
/// goes on from where it was unless it is past the place already.
pub(super) struct SecondLook {
    input: Input,
    encoding: &'static Encoding,
    bom_bytes: usize,
    read_bytes: usize,
    stream: Option<TextStream>,
    text: Vec<u8>,
    filled: usize,
    /// The byte that `text` starts at.
    byte: u64,
}

impl SecondLook {
    /// A second look at the input that `shape` was found for; `None` where it
    /// can be read only once.
    pub(super) fn at(input: &Input, shape: &CsvShape, read_bytes: usize) -> Option<Self> {
        input.can_seek().then(|| Self {
            input: input.clone(),
            encoding: shape.encoding,
            bom_bytes: shape.bom_bytes(),
            read_bytes: read_bytes.max(LEAST_ROOM_BYTES),
            stream: None,
            text: Vec::new(),
            filled: 0,
            byte: 0,
        })
    }

    /// Finishes a scan of the record that starts at `start_byte`; of a stream it
    /// waits for what is needed.
    pub(super) fn finish(
        &mut self,
        mut scan: Scan,
        start_byte: u64,
        dialect: Dialect,
        suspects: &Suspects,
    ) -> io::Result<Outlook> {
        let passed = scan.leave_behind();
        self.go_to(start_byte + passed as u64)?;
        loop {
            let ended = self.fill()? == 0;
            if self.filled < scan.offset() {
                // The cutter has seen this byte.
                if ended {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            let text = &self.text[..self.filled];
            match scan.run(text, self.byte, ended, dialect, suspects) {
                Verdict::Record {
                    next, line_breaks, ..
                } => {
                    let next_byte = self.byte + next as u64;
                    return Ok(Outlook::Ends {
                        next_byte,
                        line_breaks,
                    });
                }
                Verdict::Broken(fault) => return Ok(Outlook::Broken(fault)),
                Verdict::Unfinished => self.drop_text(scan.leave_behind()),
            }
        }
    }

    /// Makes `text` start at `byte`.
    fn go_to(&mut self, byte: u64) -> io::Result<()> {
        let can_seek = self.encoding == UTF_8;
        let is_behind = byte < self.byte;
        let is_ahead = byte > self.byte + self.filled as u64;
        if self.stream.is_none() || is_behind || (is_ahead && can_seek) {
            self.byte = if can_seek { byte } else { 0 };
            self.filled = 0;
            let source = self.input.open(self.byte).map_err(io::Error::other)?;
            // A place in UTF-8 is counted with the mark, which thus lies before it.
            let bom_bytes = if can_seek { 0 } else { self.bom_bytes };
            self.stream = Some(TextStream::new(source, self.encoding, bom_bytes));
        }
        while byte > self.byte + self.filled as u64 {
            self.drop_text(self.filled);
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let surplus = usize::try_from(byte - self.byte).expect("within the text held");
        self.drop_text(surplus);
        Ok(())
    }

    /// Reads more behind the text; 0 at the end.
    fn fill(&mut self) -> io::Result<usize> {
        let wanted = self.filled + self.read_bytes;
        if self.text.len() < wanted {
            self.text.resize(wanted, 0);
        }
        let stream = self.stream.as_mut().expect("opened by go_to");
        let taken = stream.fill(&mut self.text[self.filled..wanted])?;
        self.filled += taken;
        Ok(taken)
    }

    fn drop_text(&mut self, bytes: usize) {
        self.text.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
        self.byte += bytes as u64;
    }
}
