//! What is wrong with an operation's jobs.

use std::time::Duration;

use crate::config::Located;

use super::check::{Findings, check_names, check_places};
use super::check_operation::{examine_conditions, is_path};
use super::file::ConnectorFile;
use super::job::JOB;
use super::job_file::JobSection;
use super::operation_file::OperationSection;
use super::rule_file::ConditionSection;
use super::template::Template;

/// How often a job may be asked: more is a load of its own, less is no waiting.
const EVERY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(600)];

/// Adds the mistakes of an operation's jobs.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile, section: &OperationSection) {
    let Some(job) = &section.job else {
        return;
    };
    if section.batch.is_none() {
        findings.add(
            job,
            "a job is made of a batch, and the operation has none",
            "Add `batch`, and `records` under `body`.",
        );
    }
    if let Some(declared) = section.repeatable.as_ref().filter(|named| named.value) {
        findings.add(
            declared,
            "a job isn't sent twice: it is asked about",
            "Leave `repeatable` out.",
        );
    }
    let JobSection {
        id,
        status,
        results,
    } = &job.value;
    check_places(findings, [id].into_iter());
    examine_path(findings, file, &status.value.path, true);
    if let Some(path) = &results.path {
        examine_path(findings, file, path, false);
    }
    if status.value.done.is_empty() {
        findings.add(
            status,
            "`done` has no rule, so a job could never end",
            "Say what the reply looks like once the job is done.",
        );
    }
    for rules in [
        &status.value.done,
        &status.value.failed,
        &results.none_failed,
    ] {
        examine_conditions(findings, rules, ConditionSection::conditions);
        for rule in rules {
            if !rule.value.conditions().look_inside() {
                findings.add(
                    rule,
                    "every reply of this status would mean the same, whatever it says",
                    "Say what the body shows: `body_at`, `body_has`, `body_lacks` or `body_contains`.",
                );
            }
        }
    }
    if let Some(every) = &status.value.every {
        let [shortest, longest] = EVERY;
        if !(shortest..=longest).contains(&every.value.duration()) {
            findings.add(
                every,
                "a job is asked every second at most, and every 10 minutes at least",
                "Write a time from 1s to 10m; 5s is usual.",
            );
        }
    }
    examine_told(findings, section, job);
}

/// Without any of these, every record would end as unknown.
fn examine_told(findings: &mut Findings, section: &OperationSection, job: &Located<JobSection>) {
    let results = section.results.as_ref().map(|results| &results.value);
    let names_records = results.is_some_and(|results| {
        results.at.is_some() || results.failures.is_some() || results.error_indexes.is_some()
    });
    if !names_records && job.value.results.none_failed.is_empty() {
        findings.add(
            job,
            "nothing tells what became of a job's records, so all of them would end as unknown",
            "Name the list of results under the operation's `results`; or `none_failed` under the job's `results`, where failures are only counted.",
        );
    }
}

fn examine_path(
    findings: &mut Findings,
    file: &ConnectorFile,
    path: &Located<Template>,
    names_job: bool,
) {
    check_names(findings, file, path, &[JOB]);
    if !is_path(&path.value, true) {
        findings.add(
            path,
            "the job's path doesn't begin with one `/`, or holds a character that a path and a query can't have",
            "Write it as /api/v2/jobs/{job}, percent-encoded where it has to be.",
        );
    }
    if names_job && !path.value.names().any(|name| name == JOB) {
        findings.add(
            path,
            "the path doesn't name the job: {job} stands nowhere in it",
            "Put {job} where the job's id belongs, such as /api/v2/jobs/{job}.",
        );
    }
}
