//! The tenant's own books: what it was asked, what it answered, and which writes it applied.
//!
//! They are what a client's own report is checked against, so they know nothing of any client.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::stable_hash::stable_hash;

/// How much of the writes the ledger keeps. Counters are always kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerDetail {
    /// Every write in order, applies per id, and each contact's fields, which a read gives back. The default.
    #[default]
    Writes,
    /// Applies per id only: some 100 bytes per id.
    Counts,
    /// Counters only.
    None,
}

/// Requests by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// `POST /oauth/token`.
    pub token: u64,
    /// `PATCH /api/v2/contacts/{id}`.
    pub patch: u64,
    /// `GET /api/v2/contacts/{id}`.
    pub get: u64,
    /// `PUT /api/v2/contacts/{id}`.
    pub put: u64,
    /// `DELETE /api/v2/contacts/{id}`.
    pub delete: u64,
    /// `POST /api/v2/contacts`.
    pub create: u64,
    /// `GET /api/v2/contacts`.
    pub list: u64,
    /// `PUT /api/v2/contacts/by-external-id/{externalId}`.
    pub upsert: u64,
    /// Writes of many at a time: `POST` and `PUT /api/v2/contacts/bulk`, and the platforms' own.
    pub bulk: u64,
    /// Look-ups by external ids or other identifiers, where there is a route for them.
    pub look_up: u64,
    /// Entity types and external sources, read and made.
    pub set_up: u64,
    /// Files that go up as jobs, and questions about these.
    pub upload: u64,
    /// Custom fields of a customer.
    pub custom_fields: u64,
    /// Anything else, but for the ledger's own pages.
    pub other: u64,
}

impl RequestCounts {
    fn count(&mut self, endpoint: Endpoint) {
        let counter = match endpoint {
            Endpoint::PatchContact => &mut self.patch,
            Endpoint::GetContact | Endpoint::GetListContact => &mut self.get,
            Endpoint::ReplaceContact => &mut self.put,
            Endpoint::DeleteContact => &mut self.delete,
            Endpoint::CreateContact => &mut self.create,
            Endpoint::ListContacts => &mut self.list,
            Endpoint::UpsertContact | Endpoint::EnrichContact => &mut self.upsert,
            Endpoint::CreateContacts
            | Endpoint::UpsertContacts
            | Endpoint::EnrichContacts
            | Endpoint::UpdateContacts
            | Endpoint::FillList => &mut self.bulk,
            Endpoint::LookUpContact => &mut self.look_up,
            Endpoint::SetUp => &mut self.set_up,
            Endpoint::UploadList | Endpoint::UploadStatus => &mut self.upload,
            Endpoint::CustomFields => &mut self.custom_fields,
            Endpoint::Token => &mut self.token,
        };
        *counter += 1;
    }
}

/// What one second saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SecondCounts {
    /// Requests that the limits admitted.
    pub accepted: u64,
    /// Requests that they refused.
    pub throttled: u64,
    /// Admitted requests that were done or found wanting, by the second of that: all that no fault has struck.
    pub done: u64,
    /// Requests of other clients that the limits admitted.
    pub others_accepted: u64,
    /// Requests of other clients that the limits refused.
    pub others_refused: u64,
}

/// The counters of the books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests by kind.
    pub requests: RequestCounts,
    /// Requests to contacts that the limits admitted.
    pub accepted: u64,
    /// Requests to contacts that the limits refused.
    pub throttled: u64,
    /// Writes applied.
    pub applied: u64,
    /// Contacts written at least once (0 if the ledger keeps no ids).
    pub contacts_written: u64,
    /// Contacts written more than once (0 if the ledger keeps no ids).
    pub contacts_written_again: u64,
    /// Requests that arrived after a refusal's grace and before its stated wait was over.
    pub undercuts: u64,
    /// Those of tokens that had been told to wait themselves. With several processes on one limit only these are to blame:
    /// a process that was not refused knows of no wait.
    pub undercuts_by_told: u64,
    /// The same by limit: its key, else its place in the scenario.
    pub undercuts_by_limit: BTreeMap<String, u64>,
    /// List contacts that were changed without `doNotQueue=true`, and so would be dialled again.
    pub requeued: u64,
    /// Tokens given out.
    pub tokens_minted: u64,
    /// Token requests refused, for whatever reason.
    pub token_requests_refused: u64,
    /// Requests to contacts without a good token.
    pub unauthorized: u64,
    /// The most requests to contacts inside the tenant at once.
    pub in_flight_max: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Requests of other clients that the limits admitted.
    pub others_accepted: u64,
    /// Requests of other clients that the limits refused.
    pub others_refused: u64,
    /// Replies by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Per second since the scenario's start, which is the first request.
    pub seconds: Vec<SecondCounts>,
}

impl Counters {
    fn second(&mut self, now: Duration) -> &mut SecondCounts {
        let second = now.as_secs() as usize;
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, SecondCounts::default());
        }
        &mut self.seconds[second]
    }

    /// Enters other clients' requests, accepted and refused, into each second.
    pub(crate) fn enter_others(&mut self, others: &[(u64, u64)]) {
        for (second, (accepted, refused)) in others.iter().copied().enumerate() {
            let entry = self.second(Duration::from_secs(second as u64));
            entry.others_accepted += accepted;
            entry.others_refused += refused;
        }
    }
}

/// A write that was applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Write {
    /// Milliseconds since the scenario's start.
    pub at_ms: u64,
    /// The contact.
    pub id: String,
    /// [`stable_hash`] of the body's bytes with the salt `body`, as 16 hex digits.
    pub body_hash: String,
    /// The fields, if the scenario keeps bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Map<String, Value>>,
}

/// The books at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LedgerSnapshot {
    /// The counters.
    #[serde(flatten)]
    pub counters: Counters,
    /// How often a write to each id was applied.
    pub applies: BTreeMap<String, u64>,
    /// How many contacts were made for each external id; more than 1 is a duplicate.
    pub made: BTreeMap<String, u64>,
    /// Requests that an idempotency key answered without making anything.
    pub replays: u64,
    /// Every write in order, if the ledger keeps them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Write>,
}

#[derive(Default)]
struct ContactRecord {
    applies: u64,
    written_at: Duration,
    fields: Map<String, Value>,
}

#[derive(Default)]
struct Books {
    counters: Counters,
    in_flight: u64,
    contacts: HashMap<Box<str>, ContactRecord>,
    writes: Vec<Write>,
}

/// The books. One lock, held for well under a microsecond at a time.
pub(crate) struct Ledger {
    detail: LedgerDetail,
    keep_bodies: bool,
    books: Mutex<Books>,
}

/// A request inside the tenant; it leaves when this is dropped.
pub(crate) struct InFlight<'a>(&'a Ledger);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.books.lock().in_flight -= 1;
    }
}

impl Ledger {
    pub(crate) fn new(detail: LedgerDetail, keep_bodies: bool) -> Self {
        Ledger {
            detail,
            keep_bodies,
            books: Mutex::default(),
        }
    }

    /// Changes counters.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.books.lock().counters);
    }

    /// A request to contacts comes in.
    pub(crate) fn enter(&self, endpoint: Endpoint) -> InFlight<'_> {
        let mut books = self.books.lock();
        books.counters.requests.count(endpoint);
        books.in_flight += 1;
        books.counters.in_flight_max = books.counters.in_flight_max.max(books.in_flight);
        drop(books);
        InFlight(self)
    }

    /// How many requests to contacts are inside now.
    pub(crate) fn in_flight(&self) -> u64 {
        self.books.lock().in_flight
    }

    /// The limits spoke.
    pub(crate) fn judged(&self, now: Duration, accepted: bool) {
        self.note(|counters| {
            let entry = counters.second(now);
            if accepted {
                entry.accepted += 1;
                counters.accepted += 1;
            } else {
                entry.throttled += 1;
                counters.throttled += 1;
            }
        });
    }

    /// An admitted request was done, or found wanting.
    pub(crate) fn done(&self, now: Duration) {
        self.note(|counters| counters.second(now).done += 1);
    }

    /// A write was applied.
    pub(crate) fn apply(&self, now: Duration, id: &str, body: &[u8], fields: Map<String, Value>) {
        let keeps_writes = self.detail == LedgerDetail::Writes;
        let write = keeps_writes.then(|| Write {
            at_ms: now.as_millis() as u64,
            id: id.to_owned(),
            body_hash: format!("{:016x}", stable_hash("body", body)),
            body: self.keep_bodies.then(|| fields.clone()),
        });
        let mut books = self.books.lock();
        books.counters.applied += 1;
        books.writes.extend(write);
        if self.detail == LedgerDetail::None {
            return;
        }
        if !books.contacts.contains_key(id) {
            books.counters.contacts_written += 1;
            books.contacts.insert(id.into(), ContactRecord::default());
        }
        let mut again = false;
        if let Some(contact) = books.contacts.get_mut(id) {
            contact.applies += 1;
            contact.written_at = now;
            again = contact.applies == 2;
            if keeps_writes {
                contact.fields.extend(fields);
            }
        }
        books.counters.contacts_written_again += u64::from(again);
    }

    /// When a contact was last written; none if it never was, or the ledger keeps no ids.
    pub(crate) fn written_at(&self, id: &str) -> Option<Duration> {
        let books = self.books.lock();
        books.contacts.get(id).map(|contact| contact.written_at)
    }

    /// A contact as written so far.
    pub(crate) fn contact(&self, id: &str) -> Map<String, Value> {
        let books = self.books.lock();
        books
            .contacts
            .get(id)
            .map(|contact| contact.fields.clone())
            .unwrap_or_default()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.books.lock().counters.clone()
    }

    pub(crate) fn applies_and_writes(
        &self,
        with_writes: bool,
    ) -> (BTreeMap<String, u64>, Vec<Write>) {
        let books = self.books.lock();
        let applies = books
            .contacts
            .iter()
            .map(|(id, contact)| (id.to_string(), contact.applies))
            .collect();
        let writes = if with_writes {
            books.writes.clone()
        } else {
            Vec::new()
        };
        (applies, writes)
    }
}
