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
            section.in_order.as_ref(),
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
        if let Some(in_order) = &section.in_order {
            findings.add(
                in_order,
                "`in_order` is about a list of results, and none is named",
                "Add `at`, the place of the list.",
            );
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
    examine_item_rules(findings, &section.replies, section.status.is_some());
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
    check_one_name(findings, &failures.at, names, None);
    check_places(findings, names.into_iter().flatten());
    if let Some(status) = &failures.status {
        check_pointer(findings, status);
    }
    examine_item_rules(findings, &failures.replies, failures.status.is_some());
    examine_errors(findings, &failures.errors);
}

/// A result is matched with its record in one way.
fn check_one_name(
    findings: &mut Findings,
    list: &Located<String>,
    names: [&Option<Located<Places>>; 3],
    in_order: Option<&Located<bool>>,
) {
    let named: Vec<_> = names
        .into_iter()
        .zip(["key", "tracker", "index"])
        .filter_map(|(place, name)| Some((place.as_ref()?.line, name)))
        .chain(in_order.map(|in_order| (in_order.line, "in_order")))
        .collect();
    match named.as_slice() {
        [] => findings.add(
            list,
            "nothing says which record a result is about",
            "Name the place in each result where the `key`, the `tracker` or the `index` of its record stands; `in_order: true` only where the platform promises one result for each record, in their order.",
        ),
        [(_, "in_order")] if in_order.is_some_and(|in_order| !in_order.value) => findings.add(
            list,
            "nothing says which record a result is about",
            "Name the place in each result where the `key`, the `tracker` or the `index` of its record stands.",
        ),
        [_] => {}
        [.., (line, name)] => findings.add(
            &Located {
                value: (),
                line: *line,
                column: 0,
            },
            format!("`{name}` is one too many: only one of `key`, `tracker`, `index` and `in_order` says which record a result is about"),
            "Keep the one that the platform's reference promises.",
        ),
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

fn examine_item_rules(
    findings: &mut Findings,
    rules: &[Located<ItemReplySection>],
    has_status: bool,
) {
    examine_conditions(findings, rules, ItemReplySection::conditions);
    for rule in rules {
        let section = &rule.value;
        examine_class(findings, rule, section.class, section.status.as_ref());
        if section.status.is_some() && !has_status {
            findings.add(
                rule,
                "the rule goes by a result's own status, and nothing says where that stands, so it never matches",
                "Add `status` beside `replies`, its place in a result; or go by what else the result has, such as `body_at` or `body_has`.",
            );
        }
    }
}
