//! Reading a reply's body, to its end or to the bound.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use super::BodyFlaw;

/// A body as far as it has been read. It lives outside the reading future, so
/// that what has arrived is kept when the time is over.
#[derive(Debug, Default)]
pub(crate) struct PartialBody {
    /// The one frame of a body that came in one piece: no copy is made.
    single: Bytes,
    joined: BytesMut,
}

impl PartialBody {
    /// Reads until the body's end or the bound; `None` means the whole body is here.
    pub(crate) async fn read_from<Source>(
        &mut self,
        source: &mut Source,
        limit_bytes: usize,
    ) -> Option<BodyFlaw>
    where
        Source: Body<Data = Bytes> + Unpin,
    {
        while let Some(frame) = source.frame().await {
            let Ok(frame) = frame else {
                return Some(BodyFlaw::Truncated);
            };
            // Trailers hold nothing that is asked for.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if self.push(data, limit_bytes) {
                return Some(BodyFlaw::TooLarge);
            }
        }
        None
    }

    /// What has been read.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() {
            self.single
        } else {
            self.joined.freeze()
        }
    }

    /// Takes the data up to the bound and says whether there was more.
    fn push(&mut self, mut data: Bytes, limit_bytes: usize) -> bool {
        let room = limit_bytes - self.len();
        let too_large = data.len() > room;
        data.truncate(room);
        if self.len() == 0 {
            self.single = data;
        } else {
            if self.joined.is_empty() {
                self.joined
                    .extend_from_slice(&std::mem::take(&mut self.single));
            }
            self.joined.extend_from_slice(&data);
        }
        too_large
    }

    fn len(&self) -> usize {
        self.single.len() + self.joined.len()
    }
}
