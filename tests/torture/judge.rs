//! The judge: the tenant's ledger, the journal and the report, row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use loadtest::tenant::LedgerSnapshot;
use serde_json::Value;
use sluice::record::OutcomeKind;
use sluice::store::Standing;

use crate::case::{Case, Kill};
use crate::journal::{JournalCopy, key_of};
use crate::operations::WayOut;
use crate::support::{Bench, Books, Ended, RejectedRow, assert_accounted};

/// What was found, where everything holds.
pub(crate) struct Judged {
    /// Writes beyond the first of their row.
    pub(crate) repeated: u64,
    /// Rows listed as unknown.
    pub(crate) unknown: u64,
}

/// Judges a run that has come to its end.
///
/// # Panics
/// Where the three books disagree, or a promise is broken.
pub(crate) fn judge(case: &Case, bench: &Bench, ended: &Ended, kills: &[Kill]) -> Judged {
    let ledger = bench.ledger();
    let verdict = Verdict {
        case,
        kills,
        keys: (1..=case.rows).map(key_of).collect(),
        refused: (1..=case.rows)
            .map(key_of)
            .filter(|key| case.operation.is_refused(bench, key))
            .collect(),
        books: bench.books(),
        journal: JournalCopy::read(&bench.run_directory()),
        unknown: BTreeSet::new(),
        ledger,
    };
    verdict.hold(ended)
}

struct Verdict<'case> {
    case: &'case Case,
    kills: &'case [Kill],
    keys: BTreeSet<String>,
    /// Rows that the tenant doesn't take.
    refused: BTreeSet<String>,
    unknown: BTreeSet<String>,
    ledger: LedgerSnapshot,
    books: Books,
    journal: JournalCopy,
}

impl Verdict<'_> {
    fn hold(mut self, ended: &Ended) -> Judged {
        self.unknown = self.listed_in("unknown.csv", &self.books.unknown);
        self.the_report_is_exact(ended);
        self.the_journal_says_the_same();
        self.the_id_map_is_whole();
        self.the_tenant_has_each_row_as_it_should();
        self.what_had_ended_was_not_sent_again();
        match self.case.operation.way_out {
            WayOut::List => self.only_what_was_under_way_is_unknown(),
            _ => assert!(self.unknown.is_empty(), "unknown: {:?}", self.unknown),
        }
        Judged {
            repeated: self.repeats_are_bounded(),
            unknown: self.unknown.len() as u64,
        }
    }

    /// The keys of a book; each stands there once, with its own line.
    fn listed_in(&self, name: &str, rows: &[RejectedRow]) -> BTreeSet<String> {
        let mut listed = BTreeSet::new();
        for row in rows {
            let key = row.get(self.case.operation.key_column()).to_owned();
            assert_eq!(key_of(row.line() - 1), key, "{name} names another line");
            assert!(listed.insert(key.clone()), "{name} lists {key} twice");
        }
        listed
    }

    fn the_report_is_exact(&self, ended: &Ended) {
        let books = &self.books;
        // Whether a refusal whose answer was lost was one, nobody can say.
        let rejected: BTreeSet<String> = &self.refused - &self.unknown;
        assert_eq!(self.listed_in("rejected.csv", &books.rejected), rejected);
        let missing = self.listed_in("missing.csv", &books.missing);
        assert!(missing.is_subset(&rejected), "missing.csv: {missing:?}");
        assert_accounted(&books.summary["counts"]);
        let done = books.count("created") + books.count("updated");
        let found = ["read", "rejected", "unknown", "not_reached"].map(|name| books.count(name));
        let (rejected, unknown) = (rejected.len() as u64, self.unknown.len() as u64);
        assert_eq!(found, [self.case.rows, rejected, unknown, 0]);
        assert_eq!(done, self.case.rows - rejected - unknown);
        let code = match (unknown, rejected) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 7,
        };
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(books.summary["exit_code"], code);
        let calls = calls_in(&books.directory.join("audit.ndjson"));
        if !self.case.loses_power {
            assert_eq!(calls, books.requests("sent"), "lines of the audit");
        }
    }

    fn the_journal_says_the_same(&self) {
        let state = self.journal.state();
        assert_eq!(state.finished.rows(), self.case.rows);
        assert!(state.suspects.is_empty(), "{:?}", state.suspects);
        let counts = &state.checkpoint.counts;
        let counted = [
            counts.created,
            counts.updated,
            counts.rejected,
            counts.unknown,
        ];
        let told = ["created", "updated", "rejected", "unknown"].map(|name| self.books.count(name));
        assert_eq!(counted, told, "the journal and the summary");
        let exit_code = self.books.summary["exit_code"].as_u64();
        assert_eq!(state.checkpoint.finished_with.map(u64::from), exit_code);
        let mut listed: BTreeMap<bool, BTreeSet<String>> = BTreeMap::new();
        for row in &self.journal.listed {
            let is_unknown = row.standing == Standing::Ended(OutcomeKind::Unknown);
            listed
                .entry(is_unknown)
                .or_default()
                .insert(key_of(row.row.0));
        }
        let of = |is_unknown| listed.get(&is_unknown).cloned().unwrap_or_default();
        assert_eq!(of(true), self.unknown, "the journal's list");
        assert_eq!(
            of(false),
            &self.refused - &self.unknown,
            "the journal's list"
        );
    }

    /// Each record that was made, or changed by a key of the source, with an id
    /// of its own; a patch names the tenant's id itself.
    fn the_id_map_is_whole(&self) {
        if self.case.operation.key_column() == "contactId" {
            return;
        }
        let expected = &(&self.keys - &self.refused) - &self.unknown;
        let path = self.books.directory.join("idmap.csv");
        if expected.is_empty() {
            assert!(!path.exists(), "there is an idmap.csv, and no id was told");
            return;
        }
        let text = fs::read_to_string(path).expect("a run that made records has the file");
        let pairs: Vec<(&str, &str)> = text
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').expect("two columns"))
            .collect();
        let keys: BTreeSet<String> = pairs.iter().map(|(key, _)| (*key).to_owned()).collect();
        let ids: BTreeSet<&str> = pairs.iter().map(|(_, id)| *id).collect();
        assert_eq!(keys, expected, "idmap.csv");
        assert_eq!(
            (keys.len(), ids.len()),
            (pairs.len(), pairs.len()),
            "idmap.csv"
        );
    }

    fn the_tenant_has_each_row_as_it_should(&self) {
        let operation = self.case.operation;
        let makes = operation.key_column() == "externalId";
        for key in &self.keys {
            let applies = self.ledger.applies.get(key).copied().unwrap_or(0);
            let made = self.ledger.made.get(key).copied().unwrap_or(0);
            if self.refused.contains(key) {
                assert_eq!((applies, made), (0, 0), "{key} is refused");
                continue;
            }
            assert!(made <= 1, "{key} was made {made} times");
            if !self.unknown.contains(key) {
                assert!(applies >= 1, "{key} is lost");
                assert_eq!(made, u64::from(makes), "{key}");
            }
            if operation.way_out != WayOut::Repeat {
                assert!(applies <= 1, "{key} was applied {applies} times");
            }
        }
        for key in self.ledger.applies.keys().chain(self.ledger.made.keys()) {
            assert!(self.keys.contains(key), "nobody sent {key}");
        }
        let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
        for write in &self.ledger.writes {
            let first = *bodies.entry(&write.id).or_insert(&write.body_hash);
            assert_eq!(
                first, write.body_hash,
                "{} was repeated with another body",
                write.id
            );
        }
    }

    fn what_had_ended_was_not_sent_again(&self) {
        for (number, kill) in self.kills.iter().enumerate() {
            for key in &kill.finished {
                let (then, now) = (kill.applies.get(key), self.ledger.applies.get(key));
                assert_eq!(
                    then, now,
                    "{key} had ended at kill {number} and was sent again"
                );
            }
        }
    }

    /// Rows that a leg before left in doubt, and those whose answers the tenant
    /// has lost; no others.
    fn only_what_was_under_way_is_unknown(&self) {
        let in_doubt = |key: &String| self.kills.iter().any(|kill| kill.suspects.contains(key));
        let others = self.unknown.iter().filter(|key| !in_doubt(key)).count() as u64;
        let lost = self.lost_answers() * self.case.operation.batch;
        assert!(
            others <= lost,
            "{others} unknown rows, at {lost} lost answers"
        );
    }

    fn lost_answers(&self) -> u64 {
        self.ledger.counters.faults.values().sum()
    }

    fn repeats_are_bounded(&self) -> u64 {
        let repeated = self
            .ledger
            .applies
            .values()
            .map(|applies| applies - 1)
            .sum();
        if self.case.forgets_commits() {
            return repeated;
        }
        let operation = self.case.operation;
        let bound = self.kills.len() as u64 * operation.most_under_way()
            + self.lost_answers() * operation.batch;
        assert!(
            repeated <= bound,
            "{repeated} writes were repeated, at most {bound} may be"
        );
        repeated
    }
}

/// The lines of an audit, each of which is whole. A last one that has no end was
/// torn by a power cut after the run had finished.
fn calls_in(path: &Path) -> u64 {
    let text = fs::read_to_string(path).expect("readable");
    let calls = text.split_inclusive('\n').filter_map(|line| {
        let line = line.strip_suffix('\n')?;
        let call: Value = serde_json::from_str(line)
            .unwrap_or_else(|cause| panic!("{line} is no line of an audit: {cause}"));
        assert!(call["request_id"].is_string(), "{line}");
        Some(call)
    });
    calls.count() as u64
}
