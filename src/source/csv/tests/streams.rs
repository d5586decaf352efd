//! Digests, streams that are read while they arrive, and what went wrong.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::error::FatalKind;
use crate::source::{Spool, cut_to_last_line};

/// A stream that gives what a test sends, when it sends it.
struct Fed(Receiver<io::Result<Vec<u8>>>);

impl Read for Fed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.0.recv() {
            Ok(Ok(text)) => {
                room[..text.len()].copy_from_slice(&text);
                Ok(text.len())
            }
            Ok(Err(cause)) => Err(cause),
            Err(_) => Ok(0),
        }
    }
}

struct Fixture {
    directory: TempDir,
    spool: Spool,
    settings: CsvSettings,
    feed: Sender<io::Result<Vec<u8>>>,
}

fn spooled(first: &str) -> Fixture {
    let directory = tempfile::tempdir().expect("a directory");
    let (feed, fed) = channel();
    feed.send(Ok(first.into())).expect("fed");
    let spool = Spool::start(Fed(fed), &directory.path().join("input.csv")).expect("started");
    let settings = CsvSettings::new(Input::Spool(spool.clone()));
    Fixture {
        directory,
        spool,
        settings,
        feed,
    }
}

fn rows_of(reader: &mut CsvReader) -> Option<Vec<String>> {
    let batch = reader.next_batch().expect("read")?;
    let text = |row: &crate::record::RawRow| {
        String::from_utf8_lossy(&batch.buffer[row.start..row.end]).into_owned()
    };
    Some(batch.rows.iter().map(text).collect())
}

#[test]
fn rows_of_a_slow_stream_are_handed_on_as_they_come() {
    let fixture = spooled("id;name\n1;a\n2;");
    let shape = inspect(&fixture.settings).expect("a shape");
    assert_eq!(shape.delimiter, ';');
    let mut reader = CsvReader::open(&fixture.settings, &shape, Start::Beginning).expect("opened");
    assert_eq!(rows_of(&mut reader).expect("rows"), ["1;a"]);
    fixture.feed.send(Ok(b"b\n3;c".to_vec())).expect("fed");
    assert_eq!(rows_of(&mut reader).expect("rows"), ["2;b"]);
    drop(fixture.feed);
    assert_eq!(rows_of(&mut reader).expect("rows"), ["3;c"]);
    assert_eq!(rows_of(&mut reader), None);
    fixture.spool.stop();
    assert!(
        fixture.spool.is_complete(),
        "stopping after the end changes nothing"
    );

    let mode = std::fs::metadata(fixture.spool.path())
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut counter = CsvCounter::open(&fixture.settings, &shape).expect("opened");
    assert_eq!(counter.step(u64::MAX).expect("read").rows, 3);
    let as_file = CsvSettings::new(Input::File(fixture.spool.path().to_path_buf()));
    assert_eq!(
        verify(&as_file, &counter.digest()).expect("read"),
        Match::Same
    );
}

#[test]
fn a_stream_that_is_stopped_never_ends_in_half_a_row() {
    let fixture = spooled("id,name\n1,a\n2,Alexand");
    let shape = inspect(&fixture.settings).expect("a shape");
    let mut reader = CsvReader::open(&fixture.settings, &shape, Start::Beginning).expect("opened");
    assert_eq!(rows_of(&mut reader).expect("rows"), ["1,a"]);
    fixture.spool.stop();
    assert_eq!(rows_of(&mut reader), None);
    fixture.feed.send(Ok(b"er\n3,c\n".to_vec())).expect("fed");
    drop(fixture.feed);
    assert!(!fixture.spool.is_complete());
    assert_eq!(
        std::fs::read(fixture.spool.path()).expect("read"),
        b"id,name\n1,a\n"
    );
}

#[test]
fn a_stream_that_fails_is_told_after_its_whole_lines() {
    let fixture = spooled("id,name\n1,a\n2");
    fixture
        .feed
        .send(Err(io::Error::other("the pipe burst")))
        .expect("fed");
    let shape = inspect(&fixture.settings).expect("a shape");
    let mut reader = CsvReader::open(&fixture.settings, &shape, Start::Beginning).expect("opened");
    assert_eq!(rows_of(&mut reader).expect("rows"), ["1,a"]);
    let failure = reader.next_batch().expect_err("failed");
    assert!(failure.to_string().contains("the pipe burst"), "{failure}");
    assert_eq!(failure.into_fatal().kind, FatalKind::Disk);
    let again = Spool::start(io::empty(), &fixture.directory.path().join("input.csv"));
    assert_eq!(
        again.expect_err("exists").kind(),
        io::ErrorKind::AlreadyExists
    );
}

#[test]
fn half_a_line_left_by_a_killed_process_is_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("input.csv");
    let wide = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    for (text, left) in [
        (b"id\n1\n2".to_vec(), 5),
        (b"id\n1\n".to_vec(), 5),
        (b"id".to_vec(), 0),
        (wide("id\n1\n2"), 10),
        ([b"id\n".to_vec(), vec![b'x'; 200_000]].concat(), 3),
    ] {
        std::fs::write(&path, text).expect("written");
        assert_eq!(cut_to_last_line(&path).expect("cut"), left);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), left);
    }
}

#[test]
fn a_changed_input_is_told_from_a_longer_one() {
    let sheet = sheet("\u{feff}id,name\n1,a\n2,b\n3,c\n");
    let mut counter = CsvCounter::open_with(&sheet.settings, &sheet.shape(), 16).expect("opened");
    let progress = counter.step(1).expect("read");
    assert!(!progress.finished);
    let early = counter.digest();
    assert_eq!(
        (early.rows, early.complete, early.bytes),
        (2, false, progress.bytes)
    );
    counter.step(u64::MAX).expect("read");
    let whole = counter.digest();
    assert_eq!((whole.rows, whole.complete, whole.bytes), (3, true, 23));

    let matches = |content: &str| {
        std::fs::write(&sheet.path, content).expect("written");
        [&early, &whole].map(|digest| verify(&sheet.settings, digest).expect("read"))
    };
    assert_eq!(
        matches("\u{feff}id,name\n1,a\n2,b\n3,c\n"),
        [Match::Same, Match::Same]
    );
    assert_eq!(
        matches("\u{feff}id,name\n1,a\n2,b\n3,c\n4"),
        [Match::Same, Match::Longer]
    );
    assert_eq!(
        matches("\u{feff}id,name\n1,a\n2,b\n3,d\n"),
        [Match::Same, Match::Different]
    );
    assert_eq!(
        matches("\u{feff}id,name\n0,a\n2,b\n3,d\n"),
        [Match::Different, Match::Different]
    );
    assert_eq!(matches("\u{feff}id"), [Match::Shorter, Match::Shorter]);
    let stdin = CsvSettings::new(Input::Stdin);
    assert!(matches!(verify(&stdin, &whole), Err(SourceError::ReadOnce)));
}
