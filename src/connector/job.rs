//! Jobs: batches that the platform works through after it has answered. The
//! reply names the job, the job is asked until it is done, and then every record
//! gets its own verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::TimeSpan;

use super::class::ReplyClass;
use super::compile_batch::compiled;
use super::condition::Condition;
use super::error::ConnectorError;
use super::item_key::{ItemKey, NameForm};
use super::job_file::JobSection;
use super::load::Connector;
use super::message::id_text;
use super::operation::{Operation, PathPart, write_segment};
use super::operation_file::OperationSection;
use super::reply::Parsed;
use super::split::MAX_RESULTS_BYTES;
use super::template::{Part, Template};
use super::url::HttpUrl;
use super::verdict::ItemVerdict;

/// The name that stands for a job's id in a path.
pub(super) const JOB: &str = "job";
/// How often a job is asked, where a connector doesn't say. Shorter takes more
/// of the limit, longer delays the end of a load.
const EVERY: TimeSpan = TimeSpan::from_seconds(5);
/// How long one is waited for, where a connector doesn't say.
const AT_MOST: TimeSpan = TimeSpan::from_seconds(3_600);

/// The status that says that a request was taken in, and not yet done (RFC 9110,
/// section 15.3.3).
const ACCEPTED: u16 = 202;

/// How jobs are waited for, compiled.
#[derive(Clone, Debug)]
pub(super) struct Job {
    id: Vec<String>,
    status: Vec<PathPart>,
    done: Vec<Condition>,
    failed: Vec<Condition>,
    every: Duration,
    at_most: Duration,
    results: Option<Vec<PathPart>>,
    none_failed: Vec<Condition>,
}

/// What a job is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobQuestion {
    /// How far it is.
    Status,
    /// What became of its records.
    Results,
}

/// How often a job is asked how far it is, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobPatience {
    /// From one question to the next.
    pub every: Duration,
    /// From the time at which it was first known.
    pub at_most: Duration,
}

/// What a reply says of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobAnswer {
    /// It goes on: ask again later.
    Running,
    /// It is done, and its results are to be asked for.
    Done,
    /// What became of each record, in the order in which they were sent.
    Told(Vec<ItemVerdict>),
    /// Nobody can say what became of its records.
    NotTold {
        /// Why, in words for `unknown.csv`.
        message: String,
    },
    /// The question is refused, as one about a job that isn't there is. One that
    /// was just made may not be known yet.
    Refused {
        /// What that means where it stays so, in words for `unknown.csv`.
        message: String,
    },
    /// Too many requests: wait as told, then ask again.
    Throttled,
    /// A passing failure: ask again a little later.
    Retry,
    /// The token isn't accepted: get a new one, then ask again.
    RefreshToken,
    /// Nobody is let in.
    Fatal,
}

impl Operation {
    /// Whether a reply only says that the records were taken in, and names a job.
    #[must_use]
    pub fn has_job(&self) -> bool {
        self.job.is_some()
    }

    /// The job that a reply names; `None` where it names none.
    #[must_use]
    pub fn job_id(&self, reply: &[u8]) -> Option<String> {
        let job = self.job.as_ref()?;
        let mut parsed = Parsed::new(reply, MAX_RESULTS_BYTES);
        let reply = parsed.json().ok()?;
        let mut found = job.id.iter().filter_map(|at| id_text(reply.pointer(at)?));
        found.next()
    }

    /// How a job is waited for.
    ///
    /// # Panics
    /// Where the operation has no jobs.
    #[must_use]
    pub fn job_patience(&self) -> JobPatience {
        let job = self.job.as_ref().expect("only operations with jobs wait");
        JobPatience {
            every: job.every,
            at_most: job.at_most,
        }
    }

    /// Path and query of a question about a job, to be sent with GET and the
    /// operation's headers.
    ///
    /// # Panics
    /// Where the operation has no jobs.
    #[must_use]
    pub fn job_target(&self, question: JobQuestion, id: &str) -> Vec<u8> {
        let job = self.job.as_ref().expect("only operations with jobs ask");
        let path = match (question, &job.results) {
            (JobQuestion::Results, Some(results)) => results,
            _ => &job.status,
        };
        let mut target = Vec::new();
        for part in path {
            match part {
                PathPart::Fixed(bytes) => target.extend_from_slice(bytes),
                PathPart::Key(_) | PathPart::Id => write_segment(id, &mut target),
            }
        }
        target
    }

    /// Whether results are matched with records by their places in the request.
    #[must_use]
    pub fn matches_by_place(&self) -> bool {
        let results = self.batch.as_ref().map(|batch| &batch.results);
        results.is_some_and(|results| {
            let mut lists = results.lists.iter();
            results.error_indexes.is_some()
                || lists.any(|list| list.match_by.form == NameForm::Index)
        })
    }

    /// What a reply says of a job with these records, in the order in which they
    /// were sent. `header` gives a header's value by its name.
    #[must_use]
    pub fn read_job<'reply>(
        &self,
        question: JobQuestion,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
        items: &[ItemKey<'_>],
    ) -> JobAnswer {
        let Some(job) = &self.job else {
            return not_told("the operation has no jobs");
        };
        let mut parsed = Parsed::new(body, MAX_RESULTS_BYTES);
        let mut is_any = |rules: &[Condition]| {
            let mut rules = rules.iter();
            rules.any(|rule| rule.holds(Some(status), &mut parsed))
        };
        if question == JobQuestion::Status {
            if is_any(&job.failed) {
                return not_told("the job ended without having done all of its records");
            }
            if is_any(&job.done) {
                return match job.results {
                    Some(_) => JobAnswer::Done,
                    None => self.job_results(job, status, body, items),
                };
            }
        }
        let ruled = self.replies.ruled(status, &mut parsed);
        match ruled.unwrap_or_else(|| self.class_by_status(status)) {
            ReplyClass::Done | ReplyClass::Unchanged => match question {
                JobQuestion::Status if parsed.json().is_err() => JobAnswer::Retry,
                JobQuestion::Results if status != ACCEPTED => {
                    self.job_results(job, status, body, items)
                }
                JobQuestion::Status | JobQuestion::Results => JobAnswer::Running,
            },
            ReplyClass::Throttled => JobAnswer::Throttled,
            ReplyClass::Retry => JobAnswer::Retry,
            ReplyClass::RefreshToken => JobAnswer::RefreshToken,
            ReplyClass::Fatal => JobAnswer::Fatal,
            class @ (ReplyClass::Rejected
            | ReplyClass::Missing
            | ReplyClass::Conflict
            | ReplyClass::Unknown) => {
                let why = self.replies.explain(class, status, header, &mut parsed);
                let message = in_doubt(&format!("the job can't be asked about: {}", why.message));
                JobAnswer::Refused { message }
            }
        }
    }

    /// The class of a reply that no rule is about. That something was only taken
    /// in leaves its end open, but for a job, which is there to tell it.
    pub(super) fn class_by_status(&self, status: u16) -> ReplyClass {
        match (status, &self.job) {
            (ACCEPTED, Some(_)) => ReplyClass::Done,
            _ => ReplyClass::by_default(status),
        }
    }

    fn job_results(&self, job: &Job, status: u16, body: &[u8], items: &[ItemKey<'_>]) -> JobAnswer {
        let mut parsed = Parsed::new(body, MAX_RESULTS_BYTES);
        let mut rules = job.none_failed.iter();
        if rules.any(|rule| rule.holds(Some(status), &mut parsed)) {
            let outcome = self.outcome(ReplyClass::Done, 200);
            let done = ItemVerdict {
                outcome,
                ..ItemVerdict::bare(ReplyClass::Done)
            };
            return JobAnswer::Told(vec![done; items.len()]);
        }
        match self.verdicts(&mut parsed, ReplyClass::Done, status, items) {
            Some(verdicts) => JobAnswer::Told(verdicts),
            None => not_told("the job is done, and doesn't say which of its records failed"),
        }
    }
}

fn not_told(why: &str) -> JobAnswer {
    JobAnswer::NotTold {
        message: in_doubt(why),
    }
}

fn in_doubt(why: &str) -> String {
    format!("{why}; the tenant may or may not have applied the row")
}

impl Connector {
    /// How an operation's jobs are waited for; `None` where it has none.
    pub(super) fn job(
        &self,
        operation: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<Job>, ConnectorError> {
        let Some(section) = operation.job.as_ref().map(|section| &section.value) else {
            return Ok(None);
        };
        let path = |template: &Template| self.job_path(template, base_url, given);
        let JobSection {
            id,
            status,
            results,
        } = section;
        let status = &status.value;
        Ok(Some(Job {
            id: id.value.pointers.clone(),
            status: path(&status.path.value)?,
            done: compiled(&status.done),
            failed: compiled(&status.failed),
            every: (status.every.as_ref())
                .map_or(EVERY, |every| every.value)
                .duration(),
            at_most: status.at_most.unwrap_or(AT_MOST).duration(),
            results: (results.path.as_ref())
                .map(|template| path(&template.value))
                .transpose()?,
            none_failed: compiled(&results.none_failed),
        }))
    }

    fn job_path(
        &self,
        template: &Template,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<PathPart>, ConnectorError> {
        let mut path = vec![PathPart::Fixed(base_url.path.clone().into_bytes())];
        for part in template.parts() {
            path.push(match part {
                Part::Text(text) => PathPart::Fixed(text.clone().into_bytes()),
                Part::Name(name, _) if name == JOB => PathPart::Id,
                Part::Name(name, escape) => {
                    let value = given.get(name).ok_or_else(|| self.missing(name.clone()))?;
                    let mut encoded = Vec::new();
                    write_segment(&escape.of(value), &mut encoded);
                    PathPart::Fixed(encoded)
                }
            });
        }
        Ok(path)
    }
}
