//! One reading of a list, and whether it brought all of it.
//!
//! Pages that are asked for by offset or number shift where the list changes
//! between them: a record that goes hides another one, one that moves comes
//! twice or never. The list tells it: its total falls, fewer records came than
//! it has, or some came twice. Then it is read again, until one reading is whole
//! or two agree.

use serde::{Deserialize, Serialize};

use crate::connector::{PageAt, ToldEnd};
use crate::report::thousands;

/// How often a list is read at most. A source that people work in changes at
/// any time; more readings would take its limit from them for little.
const MOST_READINGS: u64 = 3;

/// What a reading has seen so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Which reading of the list it is, from 1.
    pub number: u64,
    /// The last total that a page told.
    total: Option<u64>,
    /// The largest total that a page told.
    largest_total: u64,
    /// Whether a page told a smaller total than one before it.
    has_shrunk: bool,
    /// Records that came.
    records: u64,
    /// Of these, those that hadn't come before in this reading.
    different: u64,
    /// Of these, those that no reading before has brought.
    new: u64,
    /// The most records of a page.
    largest_page: u64,
    /// Whether the next page lies where the list should have ended.
    is_behind_end: bool,
    /// What the source answered to the page behind the end.
    refused_with: Option<u16>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            number: 1,
            total: None,
            largest_total: 0,
            has_shrunk: false,
            records: 0,
            different: 0,
            new: 0,
            largest_page: 0,
            is_behind_end: false,
            refused_with: None,
        }
    }
}

/// Whether a record came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Never.
    New,
    /// In a reading before this one alone: its row is staged.
    InReadingBefore,
    /// In this reading.
    Again,
}

/// What follows from a reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every record came.
    Whole,
    /// The list has to be read again; why, for people.
    ReadAgain(String),
    /// Whether every record came can't be told; why, for people.
    Doubtful(String),
}

impl Reading {
    /// The next reading.
    pub(super) fn again(&self) -> Self {
        Self {
            number: self.number + 1,
            ..Self::default()
        }
    }

    /// This reading from its beginning, since what it has seen is forgotten.
    pub(super) fn anew(&self) -> Self {
        Self {
            number: self.number,
            ..Self::default()
        }
    }

    /// A record came.
    pub(super) fn note_record(&mut self, sight: Sight) {
        self.records += 1;
        self.different += u64::from(sight != Sight::Again);
        self.new += u64::from(sight == Sight::New);
    }

    /// A page came with so many records; the page that is wanted behind it. A
    /// total alone doesn't end a list, since it may be out of date or capped:
    /// the last page isn't full. `size` is what pages are asked to have.
    pub(super) fn next_after(
        &mut self,
        records: u64,
        (total, told_end): (Option<u64>, ToldEnd),
        size: Option<u64>,
        next: Option<PageAt>,
    ) -> Option<PageAt> {
        if let Some(total) = total {
            self.has_shrunk |= self.total.is_some_and(|before| total < before);
            self.largest_total = self.largest_total.max(total);
            self.total = Some(total);
        }
        let is_full = match size {
            // A platform may give fewer than it is asked for.
            Some(size) if self.largest_page > 0 => records >= size.min(self.largest_page),
            Some(size) => records >= size,
            None => told_end == ToldEnd::Passed,
        };
        self.largest_page = self.largest_page.max(records);
        self.is_behind_end = told_end != ToldEnd::Ahead;
        next.filter(|_| is_full || !self.is_behind_end)
    }

    /// Whether the page that is asked for lies where the list should have ended.
    pub(super) fn is_behind_end(&self) -> bool {
        self.is_behind_end
    }

    /// The page behind the end was refused.
    pub(super) fn note_refused_end(&mut self, status: u16) {
        self.refused_with = Some(status);
    }

    /// What follows at the list's end. `may_shift`: its pages are asked for by
    /// what comes before them. `is_counted`: records could be told apart.
    pub(super) fn verdict(&self, may_shift: bool, is_counted: bool) -> Verdict {
        if !may_shift {
            return Verdict::Whole;
        }
        let came = match is_counted {
            true => self.different,
            false => self.records,
        };
        let is_short = self.total.is_some_and(|total| came < total);
        if !is_short && !self.has_shrunk && came == self.records {
            return self.whole_but_for_the_end();
        }
        let figures = self.figures(came);
        if !is_counted {
            return Verdict::Doubtful(format!(
                "the list changed while it was read, and is too long to be read again at once: {figures}"
            ));
        }
        let agrees = self.number > 1 && self.new == 0 && !self.has_shrunk;
        if agrees && self.total.is_some_and(|total| self.records < total) {
            return Verdict::Doubtful(format!(
                "the list lacks records, also when it was read again: {figures}"
            ));
        }
        // Where some records have the same key, two readings agree on it.
        if agrees {
            return self.whole_but_for_the_end();
        }
        match self.number < MOST_READINGS {
            true => Verdict::ReadAgain(format!(
                "the source's list changed while it was read ({figures}); it is read again"
            )),
            false => Verdict::Doubtful(format!(
                "the list changed each of the {MOST_READINGS} times that it was read: {figures}"
            )),
        }
    }

    /// The source may refuse a page because nothing stands there, or because it
    /// shows no more of a long list.
    fn whole_but_for_the_end(&self) -> Verdict {
        match self.refused_with {
            Some(status @ (400 | 422)) => Verdict::Doubtful(format!(
                "the source shows nothing behind the {} records that came (status {status}), where its list may go on",
                thousands(self.records)
            )),
            _ => Verdict::Whole,
        }
    }

    fn figures(&self, came: u64) -> String {
        let mut figures = match self.total {
            Some(total) if self.largest_total > total => format!(
                "{} records by the source's count, later {}; {} came",
                thousands(self.largest_total),
                thousands(total),
                thousands(came)
            ),
            Some(total) => format!(
                "{} records by the source's count, {} came",
                thousands(total),
                thousands(came)
            ),
            None => format!("{} records came", thousands(came)),
        };
        if came < self.records {
            figures.push_str(", some of them twice");
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads pages of `(records, total)`, all of them new and different.
    fn read(reading: &mut Reading, pages: &[(u64, Option<u64>)]) -> Vec<bool> {
        let mut behind = 0;
        let mut wanted = Vec::new();
        for (records, total) in pages {
            behind += records;
            for _ in 0..*records {
                reading.note_record(Sight::New);
            }
            let end = match total.map(|total| behind.cmp(&total)) {
                None | Some(std::cmp::Ordering::Less) => ToldEnd::Ahead,
                Some(std::cmp::Ordering::Equal) => ToldEnd::Here,
                Some(std::cmp::Ordering::Greater) => ToldEnd::Passed,
            };
            let next = (*records > 0).then_some(PageAt::Offset(behind));
            let next = reading.next_after(*records, (*total, end), Some(100), next);
            wanted.push(next.is_some());
        }
        wanted
    }

    #[test]
    fn a_total_ends_a_list_only_where_the_page_is_not_full() {
        for (pages, wanted) in [
            (&[(100, Some(150)), (50, Some(150))][..], &[true, false][..]),
            // A total that is out of date, or capped.
            (
                &[(100, Some(0)), (100, Some(0)), (30, Some(0))],
                &[true, true, false],
            ),
            (&[(100, Some(100)), (0, Some(100))], &[true, false]),
            // A platform that gives fewer than it is asked for.
            (
                &[(40, Some(60)), (40, Some(60)), (10, Some(60))],
                &[true, true, false],
            ),
            (&[(3, Some(3))], &[false]),
            (&[(3, None), (0, None)], &[true, false]),
        ] {
            let mut reading = Reading::default();
            assert_eq!(read(&mut reading, pages), wanted, "{pages:?}");
            assert_eq!(reading.verdict(true, true), Verdict::Whole, "{pages:?}");
        }
    }

    #[test]
    fn a_list_that_shrank_or_lacks_records_is_read_again_a_few_times() {
        let shrinking = [(100, Some(200)), (99, Some(199))];
        let short = [(100, Some(200)), (0, Some(200))];
        for pages in [shrinking, short] {
            let mut reading = Reading::default();
            for number in 1..=MOST_READINGS {
                read(&mut reading, &pages);
                let verdict = reading.verdict(true, true);
                match number < MOST_READINGS {
                    true => assert!(matches!(verdict, Verdict::ReadAgain(_)), "{verdict:?}"),
                    false => assert!(matches!(verdict, Verdict::Doubtful(_)), "{verdict:?}"),
                }
                reading = reading.again();
            }
            assert_eq!(reading.verdict(false, true), Verdict::Whole);
        }
        // Records that are added at the end hide none.
        let mut growing = Reading::default();
        read(&mut growing, &[(100, Some(150)), (51, Some(151))]);
        assert_eq!(growing.verdict(true, true), Verdict::Whole);
    }

    #[test]
    fn two_readings_that_agree_settle_it() {
        let second = |records: u64, different: u64, total: u64| {
            let mut reading = Reading::default().again();
            for number in 0..records {
                reading.note_record(match number < different {
                    true => Sight::InReadingBefore,
                    false => Sight::Again,
                });
            }
            reading.next_after(records, (Some(total), ToldEnd::Here), None, None);
            reading.verdict(true, true)
        };
        assert_eq!(second(10, 10, 10), Verdict::Whole);
        assert_eq!(second(10, 9, 10), Verdict::Whole, "two have one key");
        let Verdict::Doubtful(told) = second(9, 9, 10) else {
            panic!("one never came");
        };
        assert!(
            told.contains("10 records by the source's count, 9 came"),
            "{told}"
        );
    }

    #[test]
    fn a_refusal_behind_the_end_may_hide_more() {
        for (status, is_whole) in [(404, true), (416, true), (400, false), (422, false)] {
            let mut reading = Reading::default();
            read(&mut reading, &[(100, Some(100))]);
            assert!(reading.is_behind_end());
            reading.note_refused_end(status);
            let verdict = reading.verdict(true, true);
            assert_eq!(verdict == Verdict::Whole, is_whole, "{status}");
        }
    }
}
