//! What is wrong with how a connector splits the replies to its batches.

use crate::config::Located;

use super::batch_file::{AbsentRule, FailuresSection, ResultsSection};
use super::check::{Findings, check_list_pointer, check_places, check_pointer};
use super::check_operation::{examine_class, examine_conditions, examine_errors};
use super::places::Places;
use super::rule_file::{ConditionSection, ItemReplySection};

/// Adds the mistakes of an operation's results.
pub(super) fn examine(findings: &mut Findings, results: &Located<ResultsSection>) {
    let section = &results.value;
    if let Some(at) = &section.at {
        check_list_pointer(findings, at);
        check_one_name(
            findings,
            at,
            [&section.key, &section.tracker, &section.index],
        );
        if section.status.is_none() && section.replies.is_empty() {
            findings.add(
                at,
                "nothing says which results are done, so all would be unknown",
                "Add `status`, the place of a result's own status, or `replies`; `replies: [{class: done}]` where every result that is listed is a success.",
            );
        }
    } else {
        let names = [
            (&section.key, "key"),
            (&section.tracker, "tracker"),
            (&section.index, "index"),
        ];
        for (place, name) in names {
            add_idle(findings, place.as_ref(), name);
        }
        for (place, name) in [(&section.status, "status"), (&section.id, "id")] {
            add_idle(findings, place.as_ref(), name);
        }
    }
    let names = [&section.key, &section.tracker, &section.index];
    check_places(findings, names.into_iter().flatten());
    let places = [
        &section.status,
        &section.id,
        &section.error_indexes,
        &section.error_count,
    ];
    for place in places.into_iter().flatten() {
        check_pointer(findings, place);
    }
    if let Some(created) = &section.created {
        check_pointer(findings, &created.pointer);
    }
    examine_item_rules(findings, &section.replies);
    examine_errors(findings, &section.errors);
    if let Some(failures) = &section.failures {
        examine_failures(findings, failures);
    }
    if let Some(too_many) = &section.too_many {
        examine_too_many(findings, too_many);
    }
    examine_left_out(findings, results);
}

/// Rules for replies that refuse a request for its size.
pub(super) fn examine_too_many(findings: &mut Findings, too_many: &[Located<ConditionSection>]) {
    examine_conditions(findings, too_many, ConditionSection::conditions);
    for rule in too_many {
        let status = &rule.value.status;
        if (100..400).chain(500..600).any(|code| status.contains(code)) {
            findings.add(
                rule,
                "a status that isn't a refusal can't show that a batch was too large",
                "Write a status of 400 to 499.",
            );
        }
    }
}

/// What is said of records that a reply leaves out.
fn examine_left_out(findings: &mut Findings, results: &Located<ResultsSection>) {
    let section = &results.value;
    match (&section.error_indexes, &section.others) {
        (Some(indexes), None) => findings.add(
            indexes,
            "the failed records' indexes are named, and not what became of the others",
            "Add `others: done`, or `others: untouched` where one bad record keeps the others out.",
        ),
        (None, Some(others)) => findings.add(
            others,
            "`others` goes with `error_indexes`, which isn't there",
            "Use `absent` for records that a list of results leaves out.",
        ),
        _ => {}
    }
    if let (Some(indexes), Some(_)) = (&section.error_indexes, &section.at) {
        findings.add(
            indexes,
            "a list of results and a list of failed indexes would be two answers to one question",
            "Keep `at` where each result tells what became of its record.",
        );
    }
    let Some(absent) = &section.absent else {
        return;
    };
    if section.error_indexes.is_some() {
        findings.add(
            absent,
            "`absent` and `others` are about the same records",
            "Keep `others`.",
        );
    } else if section.at.is_none() && section.failures.is_none() {
        findings.add(
            absent,
            "`absent` is about records that no result names, and no list of results is named",
            "Add `at` or `failures`, or leave it out.",
        );
    } else if section.at.is_none() && absent.value == AbsentRule::Rejected {
        findings.add(
            absent,
            "a record would be rejected for not being among the failures",
            "Write `absent: done` where failures alone are listed.",
        );
    }
}

pub(super) fn examine_failures(findings: &mut Findings, failures: &FailuresSection) {
    check_list_pointer(findings, &failures.at);
    let names = [&failures.key, &failures.tracker, &failures.index];
    check_one_name(findings, &failures.at, names);
    check_places(findings, names.into_iter().flatten());
    if let Some(status) = &failures.status {
        check_pointer(findings, status);
    }
    examine_item_rules(findings, &failures.replies);
    examine_errors(findings, &failures.errors);
}

/// A result is matched with its record in one way.
fn check_one_name(
    findings: &mut Findings,
    list: &Located<String>,
    names: [&Option<Located<Places>>; 3],
) {
    if names.into_iter().flatten().count() != 1 {
        findings.add(
            list,
            "a result has to be matched with its record by one of `key`, `tracker` and `index`; its place in the list proves nothing",
            "Name the place in each result where one of them stands.",
        );
    }
}

/// A place in each result, where there are none.
fn add_idle<Value>(findings: &mut Findings, place: Option<&Located<Value>>, name: &str) {
    if let Some(place) = place {
        findings.add(
            place,
            format!("`{name}` is a place in each result, and no list of results is named"),
            "Add `at`, the place of the list.",
        );
    }
}

fn examine_item_rules(findings: &mut Findings, rules: &[Located<ItemReplySection>]) {
    examine_conditions(findings, rules, ItemReplySection::conditions);
    for rule in rules {
        let section = &rule.value;
        examine_class(findings, rule, section.class, section.status.as_ref());
    }
}
