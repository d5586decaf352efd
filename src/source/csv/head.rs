//! The first bytes of an input: of a file at once, of a stream as they come.

use std::io::{self, Read};
use std::time::Duration;

use super::cutter::ROW_LIMIT_BYTES;
use super::input::{self, Input};
use crate::source::{SourceError, SpoolReader};

/// The head that a file is judged by. Larger finds an encoding that shows late,
/// and takes longer to start.
const HEAD_BYTES: usize = 4 << 20;

/// How long a stream whose header is there may take for more of its head.
const HEAD_GRACE: Duration = Duration::from_millis(200);

/// A head of this size has shown its header, whatever its quotes look like.
const LONG_HEAD_BYTES: usize = 64 * 1024;

/// The first bytes of an input.
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// Whether the input goes on behind them, or may.
    pub(super) cut_short: bool,
}

impl Head {
    pub(super) fn read(input: &Input) -> Result<Self, SourceError> {
        let failed = |cause| SourceError::reading(input.describe(), 0, cause);
        match input {
            Input::File(path) => {
                let mut bytes = Vec::new();
                let file = input::open_regular(path)?;
                file.take(HEAD_BYTES as u64)
                    .read_to_end(&mut bytes)
                    .map_err(failed)?;
                let cut_short = bytes.len() == HEAD_BYTES;
                Ok(Self { bytes, cut_short })
            }
            Input::Stdin => Self::of_stream(&mut io::stdin()).map_err(failed),
            Input::Spool(spool) => {
                let mut reader = spool.reader_at(0).map_err(failed)?;
                Self::of_spool(&mut reader).map_err(failed)
            }
        }
    }

    /// What arrives first, at least the header.
    fn of_stream(reader: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; LONG_HEAD_BYTES];
        while !holds_header(&bytes) {
            match reader.read(&mut chunk) {
                Ok(0) => {
                    return Ok(Self {
                        bytes,
                        cut_short: false,
                    });
                }
                Ok(taken) => bytes.extend_from_slice(&chunk[..taken]),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(Self {
            bytes,
            cut_short: true,
        })
    }

    /// The header, and what else comes within a moment: rows tell the delimiter
    /// and the encoding better than the header alone.
    fn of_spool(reader: &mut SpoolReader) -> io::Result<Self> {
        let mut head = Self {
            bytes: Vec::new(),
            cut_short: true,
        };
        let mut grace = HEAD_GRACE;
        while !holds_header(&head.bytes) {
            let (available, ended) = reader.wait_for(HEAD_BYTES as u64, grace);
            grace = Duration::ZERO;
            let before = head.bytes.len();
            if available > 0 {
                let limit = available.min(HEAD_BYTES as u64);
                reader.by_ref().take(limit).read_to_end(&mut head.bytes)?;
            } else if ended {
                // Nothing more, or a failure: the read tells which.
                reader.read_to_end(&mut head.bytes)?;
            }
            if head.bytes.len() == before {
                head.cut_short = false;
                break;
            }
        }
        Ok(head)
    }
}

/// Whether a head of unknown encoding has the whole of its first record that
/// isn't blank: a line end outside quotes, behind some text.
fn holds_header(head: &[u8]) -> bool {
    let mut in_quotes = false;
    let mut has_text = false;
    for &byte in head {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'\n' if has_text && !in_quotes => return true,
            b'\n' | b'\r' | 0 | 0xef | 0xbb | 0xbf | 0xfe | 0xff => {}
            _ => has_text = true,
        }
    }
    let is_long = head.len() >= LONG_HEAD_BYTES && memchr::memchr2(b'\n', b'\r', head).is_some();
    is_long || head.len() > 2 * ROW_LIMIT_BYTES
}
