//! The cutter with small bounds, against a model that sees all text at once.

use std::io::Cursor;

use proptest::prelude::*;

use super::models::rubble;
use super::*;
use crate::record::FlawKind::*;
use crate::source::csv::ahead::SecondLook;
use crate::source::csv::cutter::Cutter;
use crate::source::csv::stream::TextStream;

type Cut = (Position, Option<FlawKind>);

/// The end of the record's text and the start of the next line, or where text
/// follows a closing quote (`usize::MAX` for a quote that is never closed).
fn record_end(text: &[u8]) -> Result<(usize, usize), usize> {
    let line_end = |at: usize| match &text[at..] {
        [] => Some(at),
        [b'\n', ..] => Some(at + 1),
        [b'\r'] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    };
    let mut at = 0;
    loop {
        if text.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match (text.get(at), text.get(at + 1)) {
                    (None, _) => return Err(usize::MAX),
                    (Some(b'"'), Some(b'"')) => at += 2,
                    (Some(b'"'), _) => break,
                    _ => at += 1,
                }
            }
            at += 1;
            match line_end(at) {
                Some(next) => return Ok((at, next)),
                None if text[at] == b',' => at += 1,
                None => return Err(at),
            }
        } else {
            while line_end(at).is_none() && text[at] != b',' {
                at += 1;
            }
            match line_end(at) {
                Some(next) => return Ok((at, next)),
                None => at += 1,
            }
        }
    }
}

fn model(text: &[u8], row_limit: usize) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
        let position = Position {
            byte: at as u64,
            line,
        };
        let rest = &text[at..];
        match record_end(rest) {
            Ok((0, next)) if rest[0] == b'\n' || next <= 2 => at += next,
            Ok((end, next)) => {
                cuts.push((position, (end > row_limit).then_some(TooLong)));
                at += next;
            }
            Err(fault) => {
                let found = rest.iter().position(|&byte| byte == b'\n');
                let line_bytes = found.unwrap_or(rest.len());
                let is_near = line_bytes.min(fault) < row_limit + 2;
                cuts.push((position, Some(if is_near { BadQuoting } else { TooLong })));
                at += found.map_or(rest.len(), |found| found + 1);
            }
        }
    }
    cuts
}

fn cuts_of(mut cutter: Cutter, row_limit: usize) -> Vec<Cut> {
    let mut cuts = Vec::new();
    while !cutter.is_finished() {
        cutter.refill().expect("read");
        while let Some(row) = cutter.cut() {
            assert!(row.end - row.start <= row_limit + 1, "kept within bounds");
            cuts.push((row.position, row.flaw.map(|flaw| flaw.kind)));
        }
    }
    cuts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_a_row_is_does_not_hang_on_the_bounds(
        body in rubble(),
        row_limit in 3_usize..60,
        read_bytes in 16_usize..100,
        ahead_bytes in 16_usize..100,
        choice in any::<prop::sample::Index>(),
    ) {
        let text: Vec<u8> = [b"a,b\n", &body[..]].concat();
        let text: Vec<u8> = text.into_iter().filter(u8::is_ascii).collect();
        let expected = model(&text, row_limit);
        let mut sheet = sheet(&text);
        sheet.settings.delimiter = Some(',');
        for encoding in [encoding_rs::UTF_8, encoding_rs::WINDOWS_1252] {
            sheet.settings.encoding = Some(encoding);
            let Ok(mut shape) = inspect(&sheet.settings) else { return Ok(()) };
            shape.terminator = Terminator::LineFeed;
            let cuts_from = |position: Position| {
                let at = usize::try_from(position.byte).expect("small");
                let source = Box::new(Cursor::new(text[at..].to_vec()));
                let stream = TextStream::new(source, encoding, 0);
                let cutter = Cutter::new(stream, shape.dialect(), position, read_bytes)
                    .with_second_look(SecondLook::at(&sheet.settings.input, &shape, ahead_bytes))
                    .bounded(row_limit, row_limit);
                cuts_of(cutter, row_limit)
            };
            prop_assert_eq!(&cuts_from(Position { byte: 0, line: 1 }), &expected);
            let from = choice.index(expected.len());
            prop_assert_eq!(&cuts_from(expected[from].0), &expected[from..]);
        }
    }

    #[test]
    fn text_that_is_read_once_makes_up_no_rows(
        body in rubble(),
        row_limit in 3_usize..30,
        blind_surplus in 0_usize..300,
        read_bytes in 16_usize..100,
    ) {
        let text = [b"a,b\n", &body[..]].concat();
        let blind_limit = row_limit + blind_surplus;
        let stream = TextStream::new(Box::new(Cursor::new(text.clone())), encoding_rs::UTF_8, 0);
        let dialect = Dialect { delimiter: b',', terminator: Terminator::LineFeed };
        let cutter = Cutter::new(stream, dialect, Position { byte: 0, line: 1 }, read_bytes)
            .bounded(row_limit, blind_limit);
        let cuts = cuts_of(cutter, row_limit);
        let expected = model(&text, row_limit);
        if text.len() <= blind_limit {
            prop_assert_eq!(&cuts, &expected);
        }
        for (position, _) in &cuts {
            let at = usize::try_from(position.byte).expect("small");
            let line = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(position.line, line as u64);
        }
        // Up to the first row that isn't seen whole, nothing differs.
        let same = cuts.iter().zip(&expected).take_while(|(cut, row)| cut == row).count();
        if same < cuts.len() {
            prop_assert!(same == 0 || cuts[..=same].iter().any(|cut| cut.1 == Some(TooLong)));
        }
    }
}
