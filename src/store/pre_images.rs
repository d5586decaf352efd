//! `pre-images.ndjson`: what stood in the tenant before the run changed it. A
//! line is on the disk before its change leaves, whatever becomes of the commit
//! that its row's outcome is in, so the journal doesn't hold its length.

use std::path::Path;

use crate::error::FatalError;

use super::book::{Book, open_file};
use super::run_directory::sync_folder;

/// The file's name in a run's directory.
pub const PRE_IMAGES: &str = "pre-images.ndjson";

/// Opens the book, and cuts off a line that a power cut has torn: its change
/// never left.
pub(super) fn open_pre_images(folder: &Path) -> Result<Book, FatalError> {
    let path = folder.join(PRE_IMAGES);
    let all_whole_lines = Some(u64::MAX);
    let book = open_file(&path)
        .and_then(|file| Book::open(PRE_IMAGES, &path, file, all_whole_lines))
        .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
    sync_folder(folder)?;
    Ok(book)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_torn_is_cut_off_and_whole_ones_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(PRE_IMAGES);
        std::fs::write(&path, "{\"row\":1}\n{\"ro").expect("written");
        let mut book = open_pre_images(folder.path()).expect("opened");
        book.pending.extend_from_slice(b"{\"row\":2}\n");
        book.write_out().expect("written");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(text, "{\"row\":1}\n{\"row\":2}\n");
    }
}
