//! Raw bytes in, UTF-8 out, a buffer at a time.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// Raw bytes read at a time where the input has to be decoded.
const RAW_BYTES: usize = 64 * 1024;

/// The least room that `fill` needs: the longest character, and a mark.
pub(super) const LEAST_ROOM_BYTES: usize = 16;

/// Stands in the text for what the input's encoding can't explain. It is never
/// part of UTF-8, so the row it is in gets rejected and nothing is mangled.
const UNDECODABLE: u8 = 0xff;

/// The input as UTF-8 text, without its byte order mark; hashed on the way
/// where that is asked for.
pub(super) struct TextStream {
    source: Box<dyn Read + Send>,
    hasher: Option<blake3::Hasher>,
    raw_bytes: u64,
    bom_bytes_left: usize,
    decoding: Option<Decoding>,
}

struct Decoding {
    decoder: Decoder,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    source_ended: bool,
    finished: bool,
}

impl TextStream {
    pub(super) fn new(
        source: Box<dyn Read + Send>,
        encoding: &'static Encoding,
        bom_bytes: usize,
    ) -> Self {
        let decoding = (encoding != UTF_8).then(|| Decoding {
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; RAW_BYTES],
            start: 0,
            end: 0,
            source_ended: false,
            finished: false,
        });
        Self {
            source,
            hasher: None,
            raw_bytes: 0,
            bom_bytes_left: bom_bytes,
            decoding,
        }
    }

    /// The same stream, with its raw bytes hashed, the mark among them.
    pub(super) fn hashed(mut self) -> Self {
        self.hasher = Some(blake3::Hasher::new());
        self
    }

    /// BLAKE3 of the raw bytes read so far, in hex; empty where none was asked for.
    pub(super) fn hash(&self) -> String {
        self.hasher
            .as_ref()
            .map(|hasher| hasher.finalize().to_hex().to_string())
            .unwrap_or_default()
    }

    /// Raw bytes read so far, the mark among them.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Puts text into `room`, which must hold `LEAST_ROOM_BYTES`; 0 at the end.
    pub(super) fn fill(&mut self, room: &mut [u8]) -> io::Result<usize> {
        debug_assert!(room.len() >= LEAST_ROOM_BYTES, "no room for a character");
        while self.bom_bytes_left > 0 {
            let wanted = self.bom_bytes_left.min(room.len());
            match self.read_raw(&mut room[..wanted])? {
                0 => return Ok(0),
                dropped => self.bom_bytes_left -= dropped,
            }
        }
        let Some(mut decoding) = self.decoding.take() else {
            return self.read_raw(room);
        };
        let filled = self.decode(&mut decoding, room);
        self.decoding = Some(decoding);
        filled
    }

    fn decode(&mut self, decoding: &mut Decoding, room: &mut [u8]) -> io::Result<usize> {
        while !decoding.finished {
            if decoding.start == decoding.end && !decoding.source_ended {
                decoding.start = 0;
                decoding.end = self.read_raw(&mut decoding.raw)?;
                decoding.source_ended = decoding.end == 0;
            }
            let room_for_text = room.len() - 1;
            let (result, taken, written) = decoding.decoder.decode_to_utf8_without_replacement(
                &decoding.raw[decoding.start..decoding.end],
                &mut room[..room_for_text],
                decoding.source_ended,
            );
            decoding.start += taken;
            let mut filled = written;
            match result {
                DecoderResult::InputEmpty => decoding.finished = decoding.source_ended,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(_, _) => {
                    room[filled] = UNDECODABLE;
                    filled += 1;
                }
            }
            if filled > 0 {
                return Ok(filled);
            }
        }
        Ok(0)
    }

    fn read_raw(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let taken = loop {
            match self.source.read(room) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.raw_bytes += taken as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&room[..taken]);
        }
        Ok(taken)
    }
}
