//! Reading behind the copy.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::copy::{Shared, View};

/// Reads behind a spool, waiting for more until the copying has ended.
pub struct SpoolReader {
    shared: Arc<Shared>,
    view: Option<Arc<View>>,
    file: File,
    offset: u64,
}

impl SpoolReader {
    /// A reader that starts `offset` bytes into the copy.
    pub(super) fn open(
        shared: Arc<Shared>,
        view: Option<Arc<View>>,
        offset: u64,
    ) -> io::Result<Self> {
        let mut file = File::open(&shared.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self {
            shared,
            view,
            file,
            offset,
        })
    }

    /// Waits until something can be read, or the end is known; then at most
    /// `grace` longer for `wanted_bytes`. Gives the bytes that can be read now
    /// and whether they are all there will be.
    pub(in crate::source) fn wait_for(&self, wanted_bytes: u64, grace: Duration) -> (u64, bool) {
        let view = self.view.as_deref();
        let mut published = self.shared.published.lock();
        let (mut bytes, mut ended) = published.seen_by(view);
        while bytes <= self.offset && !ended {
            self.shared.grown.wait(&mut published);
            (bytes, ended) = published.seen_by(view);
        }
        let deadline = Instant::now() + grace;
        while bytes < self.offset + wanted_bytes && !ended {
            let timed_out = self.shared.grown.wait_until(&mut published, deadline);
            (bytes, ended) = published.seen_by(view);
            if timed_out.timed_out() {
                break;
            }
        }
        (bytes.saturating_sub(self.offset), ended)
    }
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let available = {
            let view = self.view.as_deref();
            let mut published = self.shared.published.lock();
            let (mut bytes, mut ended) = published.seen_by(view);
            while bytes <= self.offset && !ended {
                self.shared.grown.wait(&mut published);
                (bytes, ended) = published.seen_by(view);
            }
            if bytes <= self.offset {
                return match &published.failure {
                    Some(failure) => Err(io::Error::new(failure.kind, failure.clone())),
                    None => Ok(0),
                };
            }
            bytes - self.offset
        };
        let limit = usize::try_from(available)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let taken = self.file.read(&mut buffer[..limit])?;
        self.offset += taken as u64;
        Ok(taken)
    }
}
