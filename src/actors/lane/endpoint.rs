//! An operation as a lane sends it: what is the same for all its requests is
//! made once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderName, HeaderValue, Method};

use crate::auth::Token;
use crate::connector::{
    Bound, BucketNames, BucketScope, Effect, Grant, LimitFacts, Operation, PreImage,
    idempotency_key,
};
use crate::limit::{Hint, rate_limit_hint, retry_after, tells_of_limit};
use crate::transport::{Reply, Request, SharedHeaders, shared_headers};

use super::attempt::{Pending, Step};
use super::call::Call;

/// How long the answer to a question about a job is waited for, where uploads
/// are waited for longer. It is asked again later, and must not hold a drain up.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// What a reply says about limits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LimitWords {
    /// The wait that it asks for.
    pub(super) retry_after: Option<Duration>,
    /// What it tells of the limit.
    pub(super) hint: Option<Hint>,
}

/// One operation of one tenant.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The operation.
    pub operation: Arc<Operation>,
    method: Method,
    headers: SharedHeaders,
    look_up_headers: SharedHeaders,
    request_id_header: Option<HeaderName>,
    timeout: Duration,
    limit_names: LimitNames,
    buckets: BucketNames,
    marking: Option<Marking>,
    first: FirstStep,
    keeps_pre_images: bool,
    /// How its tokens are had.
    pub(super) grant: Grant,
}

/// What is done first about a row.
#[derive(Clone, Debug)]
enum FirstStep {
    /// It is sent.
    Write,
    /// Its record is looked up, to be made, or changed with this endpoint.
    LookUp(Box<Endpoint>),
    /// Its record is looked up and compared with the row, and nothing is written.
    Compare,
    /// Its record is looked up, and put back as it was before a run.
    Undo(Box<Undoing>),
}

/// How records are put back as they were.
#[derive(Clone, Debug)]
pub(super) struct Undoing {
    pub(super) put_back: Endpoint,
    /// `None` where the connector can't delete.
    pub(super) delete: Option<Endpoint>,
    /// Whether it is only told what would be done.
    pub(super) only_plans: bool,
}

/// The names that the connector file gives to limit headers, in lower case, as
/// a reply's headers have theirs.
#[derive(Clone, Debug)]
struct LimitNames {
    retry_after: Vec<String>,
    limit: Vec<String>,
    remaining: Vec<String>,
    reset: Vec<String>,
}

impl LimitNames {
    fn new(facts: &LimitFacts) -> Self {
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self {
            retry_after: lower(&facts.retry_after),
            limit: lower(&facts.limit),
            remaining: lower(&facts.remaining),
            reset: lower(&facts.reset),
        }
    }

    fn holds(&self, header: &str) -> bool {
        [&self.retry_after, &self.limit, &self.remaining, &self.reset]
            .into_iter()
            .flatten()
            .any(|name| name == header)
    }
}

/// How requests are marked, so that the platform knows a repeat.
#[derive(Clone, Debug)]
struct Marking {
    header: HeaderName,
    /// Where the rows come from.
    source: Arc<str>,
}

impl Endpoint {
    /// The operation of a bound connector. Headers that HTTP doesn't know as
    /// such were refused when the connector was read, so none is lost here.
    #[must_use]
    pub fn new(bound: &Bound) -> Self {
        let endpoint = Self::of_operation(bound, &bound.operation);
        let first = match &bound.update {
            Some(update) => FirstStep::LookUp(Box::new(Self::of_operation(bound, update))),
            None => FirstStep::Write,
        };
        Self { first, ..endpoint }
    }

    /// The same operation, whose rows are looked up and compared with what is
    /// there; nothing is written. The connector has to show records.
    #[must_use]
    pub fn comparing(bound: &Bound) -> Self {
        Self {
            first: FirstStep::Compare,
            ..Self::of_operation(bound, &bound.operation)
        }
    }

    /// The same, which keeps what stood in the tenant before each change: rows
    /// are looked up first, also where the operation wouldn't need it.
    #[must_use]
    pub fn keeping_pre_images(mut self) -> Self {
        if let FirstStep::Write = self.first {
            self.first = FirstStep::LookUp(Box::new(self.clone()));
        }
        self.keeps_pre_images = true;
        self
    }

    /// What takes the changes of a run back; rows have a pre-image in place of
    /// a record. With `only_plans` nothing is written.
    #[must_use]
    pub fn undoing(bound: &Bound, only_plans: bool) -> Self {
        let put_back = bound.update.as_ref().unwrap_or(&bound.operation);
        let delete = bound.delete.as_ref();
        Self {
            first: FirstStep::Undo(Box::new(Undoing {
                put_back: Self::of_operation(bound, put_back),
                delete: delete.map(|delete| Self::of_operation(bound, delete)),
                only_plans,
            })),
            ..Self::of_operation(bound, &bound.operation)
        }
    }

    fn of_operation(bound: &Bound, operation: &Arc<Operation>) -> Self {
        let operation = Arc::clone(operation);
        Self {
            method: Method::from_bytes(operation.method.name().as_bytes())
                .expect("every method of a connector is one of HTTP"),
            headers: shared_headers(&operation.headers),
            look_up_headers: shared_headers(&operation.look_up_headers),
            request_id_header: bound
                .request_id_header
                .as_ref()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()),
            timeout: operation.timeout,
            limit_names: LimitNames::new(&bound.limits),
            buckets: bound.limits.buckets.clone(),
            marking: operation
                .idempotency_header()
                .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok())
                .map(|header| Marking {
                    header,
                    source: "".into(),
                }),
            first: FirstStep::Write,
            keeps_pre_images: false,
            grant: bound.auth.grant,
            operation,
        }
    }

    /// The same for rows of that source, whose name is part of every
    /// idempotency key.
    #[must_use]
    pub fn for_source(mut self, source: &str) -> Self {
        if let Some(marking) = &mut self.marking {
            marking.source = source.into();
        }
        self
    }

    /// Whether rows have to carry their keys.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        self.looks_up_first() || self.operation.needs_key_again()
    }

    /// Whether rows are looked up before anything is sent.
    pub(crate) fn looks_up_first(&self) -> bool {
        !matches!(self.first, FirstStep::Write)
    }

    /// The most rows that are looked up with one request before anything is
    /// sent.
    pub(crate) fn look_up_cap(&self) -> usize {
        match self.looks_up_first() {
            true => self.operation.look_up_cap(),
            false => 1,
        }
    }

    /// How a record that was found is changed; `None` where it isn't.
    pub(super) fn update(&self) -> Option<&Self> {
        match &self.first {
            FirstStep::LookUp(update) => Some(update),
            FirstStep::Write | FirstStep::Compare | FirstStep::Undo(_) => None,
        }
    }

    /// Whether what stands in the tenant is kept before it is changed.
    pub(crate) fn keeps_pre_images(&self) -> bool {
        self.keeps_pre_images
    }

    /// Whether the next row of a key may go by what the one before has found and
    /// left as it was.
    pub(super) fn hands_on(&self) -> bool {
        matches!(self.first, FirstStep::LookUp(_)) && !self.keeps_pre_images
    }

    /// The same for a record that was written: its change must need nothing that
    /// the platform alone writes, such as a version, and send none of it back.
    pub(super) fn hands_on_written(&self) -> bool {
        let update = self.update().map(|update| &update.operation);
        let is_patched = update
            .is_some_and(|update| update.changes_single_places() && !update.sends_whole_records());
        is_patched && self.hands_on() && !self.operation.needs_versions()
    }

    /// Whether a record that isn't there is made.
    pub(super) fn makes_records(&self) -> bool {
        match &self.first {
            FirstStep::Write => true,
            FirstStep::LookUp(_) => self.operation.effect != Effect::Updated,
            FirstStep::Compare | FirstStep::Undo(_) => false,
        }
    }

    /// Whether rows are written down before they are sent: where a repeat would
    /// do harm, where what stands in the tenant is kept, and where it counts
    /// what was found, which a request that went unheard has changed.
    pub(crate) fn writes_down(&self) -> bool {
        let changes_found = self.update().is_some() || self.way_back().is_some();
        !self.operation.repeatable || self.keeps_pre_images || changes_found
    }

    /// How records are put back, where rows are pre-images.
    pub(super) fn way_back(&self) -> Option<&Undoing> {
        match &self.first {
            FirstStep::Undo(undoing) => Some(undoing),
            FirstStep::Write | FirstStep::LookUp(_) | FirstStep::Compare => None,
        }
    }

    /// That a row's record wasn't there, as a line of the pre-images.
    pub(super) fn image_of_making(&self, pending: &Pending) -> Option<Vec<u8>> {
        let wanted = self.operation.record_of(&pending.item.body)?;
        let row = pending.item.row.0;
        Some(PreImage::of_making(row, key_of(pending), &wanted).to_line())
    }

    /// The endpoint that a step of a row is sent to.
    fn of_step(&self, step: &Step) -> &Self {
        match (step, &self.first) {
            (Step::Change(_), FirstStep::LookUp(update)) => update,
            (Step::Change(found), FirstStep::Undo(undoing)) => match &undoing.delete {
                Some(delete) if found.deletes => delete,
                _ => &undoing.put_back,
            },
            _ => self,
        }
    }

    /// The operation that a step of a row is sent with.
    pub(super) fn operation_of(&self, step: &Step) -> &Arc<Operation> {
        &self.of_step(step).operation
    }

    /// The wait that a reply asks for, and what it tells of the limit, under
    /// the names that the connector file gives the headers.
    pub(super) fn limit_words(&self, reply: &Reply) -> LimitWords {
        // Replies have a few headers, limits some twenty names: so the headers
        // are gone through once, and nearly always none of them is kept.
        let mut told: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &reply.headers {
            let name = name.as_str();
            if (tells_of_limit(name) || self.limit_names.holds(name))
                && let Ok(value) = value.to_str()
            {
                told.push((name, value));
            }
        }
        if told.is_empty() {
            return LimitWords::default();
        }
        let header = |name: &str| {
            let found = told.iter().find(|(told_name, _)| *told_name == name);
            found.map(|(_, value)| *value)
        };
        let named = |names: &[String]| names.iter().find_map(|name| header(name));
        let names = &self.limit_names;
        let lookup = |name: &str| {
            let told = match name {
                "date" => reply.headers.get(DATE).and_then(|date| date.to_str().ok()),
                "retry-after" => named(&names.retry_after),
                "x-ratelimit-limit" => named(&names.limit),
                "x-ratelimit-remaining" => named(&names.remaining),
                "x-ratelimit-reset" => named(&names.reset),
                _ => None,
            };
            told.or_else(|| header(name))
        };
        LimitWords {
            retry_after: retry_after(&lookup),
            hint: rate_limit_hint(&lookup),
        }
    }

    /// Whose limit a refusal names, where it names one.
    pub(super) fn bucket(&self, refusal: &Reply) -> Option<BucketScope> {
        self.buckets.scope(&refusal.body)
    }

    /// The request for the rows of a call.
    pub(super) fn request(&self, call: &Call, token: &Token, request_id: String) -> Request {
        let lead = &call.lead;
        let request_id = self.request_id_header.as_ref().and_then(|name| {
            let value = HeaderValue::from_maybe_shared(Bytes::from(request_id)).ok()?;
            Some((name.clone(), value))
        });
        let write = Request {
            method: self.method.clone(),
            path: lead.item.path.clone(),
            headers: Arc::clone(&self.headers),
            credentials: Arc::clone(&token.headers),
            request_id,
            body: lead.item.body.clone(),
            timeout: self.timeout,
        };
        match &lead.step {
            Step::LookUp => return self.look_up(call, write),
            Step::AskJob(job) => {
                return Request {
                    method: Method::GET,
                    path: Bytes::from(self.operation.job_target(job.question, &job.id)),
                    body: Bytes::new(),
                    timeout: self.timeout.min(QUESTION_TIMEOUT),
                    ..write
                };
            }
            Step::Change(found) => {
                let update = self.of_step(&lead.step);
                return Request {
                    method: update.method.clone(),
                    path: Bytes::copy_from_slice(&found.change.path),
                    headers: Arc::clone(&update.headers),
                    body: Bytes::copy_from_slice(&found.change.body),
                    timeout: update.timeout,
                    ..write
                };
            }
            Step::Write => {}
        }
        if self.operation.is_batched() {
            return Request {
                body: self.batch_body(call),
                ..write
            };
        }
        match &self.marking {
            Some(marking) => Request {
                headers: self.marked(marking, lead),
                ..write
            },
            None => write,
        }
    }

    /// The request that looks the records of rows up, in place of the one that
    /// writes them.
    fn look_up(&self, call: &Call, write: Request) -> Request {
        let look_up = match call.others.as_slice() {
            [] => self.operation.look_up(key_of(&call.lead)),
            _ => self.operation.look_up_many(&call.keys()),
        };
        let look_up = look_up.expect("rows are looked up only where the connector says how");
        Request {
            method: Method::from_bytes(look_up.method.name().as_bytes())
                .expect("every method of a connector is one of HTTP"),
            path: Bytes::from(look_up.path),
            headers: Arc::clone(&self.look_up_headers),
            body: Bytes::from(look_up.body),
            timeout: look_up.timeout,
            ..write
        }
    }

    fn batch_body(&self, call: &Call) -> Bytes {
        /// Room for the list's own text, and for each record's comma and number.
        const AROUND: usize = 64;
        let length: usize = call
            .rows()
            .map(|pending| pending.item.body.len() + AROUND)
            .sum();
        let mut body = Vec::with_capacity(length + AROUND);
        let records = call
            .rows()
            .map(|pending| (pending.item.body.as_ref(), pending.item.row.0));
        self.operation.write_batch_body(records, &mut body);
        Bytes::from(body)
    }

    fn marked(&self, marking: &Marking, pending: &Pending) -> SharedHeaders {
        let entity = &self.operation.name;
        let key = idempotency_key(&marking.source, entity, key_of(pending));
        let value = HeaderValue::from_maybe_shared(Bytes::from(key))
            .expect("hexadecimal digits are a header's value");
        let mark = (marking.header.clone(), value);
        self.headers.iter().cloned().chain([mark]).collect()
    }
}

/// The row's key, which the mapper read as text.
pub(super) fn key_of(pending: &Pending) -> &str {
    std::str::from_utf8(&pending.item.key).unwrap_or_default()
}
