//! Reading the results of a batch's reply: which records each part of it is
//! about, and what it says of them.
//!
//! What a reply says is gathered first, as tellings of records, and weighed
//! afterwards. So the order of the results can't matter, and a record that is
//! told of twice, or in two ways, is seen as such.

use serde_json::Value;

use super::batch_file::{AbsentRule, OthersRule};
use super::class::ReplyClass;
use super::condition::{Subject, stands_at};
use super::item_key::{Directory, ItemKey, MatchBy, NameForm, whole_number};
use super::message::{self, Pointers};
use super::reply::{ReplyRule, contains_ignoring_case};
use super::status::StatusSet;

/// How a batch's reply is split.
#[derive(Clone, Debug)]
pub(super) struct ResultsForm {
    pub(super) of_status: StatusSet,
    /// The list of results, and that of failures.
    pub(super) lists: Vec<ResultList>,
    pub(super) error_indexes: Option<(String, OthersRule)>,
    pub(super) absent: AbsentRule,
    pub(super) error_count: Option<String>,
}

/// One list of a reply.
#[derive(Clone, Debug)]
pub(super) struct ResultList {
    pub(super) at: String,
    /// Whether the reply can't be understood without it.
    pub(super) must_be_there: bool,
    pub(super) match_by: MatchBy,
    pub(super) status: Option<String>,
    pub(super) rules: Vec<ReplyRule>,
    pub(super) pointers: Pointers,
    pub(super) id: Option<String>,
    pub(super) created: Option<(String, String)>,
    /// Whether the operation may be repeated.
    pub(super) may_repeat: bool,
    /// Whether it holds failures alone.
    pub(super) holds_failures: bool,
}

/// What a reply says of one record, once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Telling {
    /// `None`: failed, and nothing says how.
    pub(super) class: Option<ReplyClass>,
    pub(super) status: Option<u16>,
    pub(super) field: String,
    pub(super) message: String,
    pub(super) id: Option<String>,
    pub(super) created: bool,
}

impl Telling {
    pub(super) fn is_success(&self) -> bool {
        matches!(self.class, Some(ReplyClass::Done | ReplyClass::Unchanged))
    }
}

/// All that a reply says.
#[derive(Debug)]
pub(super) struct Tellings {
    /// For each record, in the order in which they were sent, what is said of it.
    pub(super) of_items: Vec<Vec<Telling>>,
    /// Whether something in the reply wasn't understood: a result without a
    /// name, or of a record that wasn't sent, or a count that doesn't fit. What
    /// the reply leaves out is then no news.
    pub(super) is_odd: bool,
    /// Results that name no record which was sent.
    strangers: usize,
}

/// Why a reply's results can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResults {
    /// The reply isn't JSON, or has no such list.
    NoList,
    /// Results go by their order, and there aren't as many as records.
    OtherCount(usize),
}

impl ResultsForm {
    /// Whether anything in a reply tells records apart.
    pub(super) fn tells_records_apart(&self) -> bool {
        !self.lists.is_empty() || self.error_indexes.is_some()
    }

    /// Whether the platform's own ids of records stand in a reply.
    pub(super) fn tells_ids(&self) -> bool {
        self.lists.iter().any(|list| list.id.is_some())
    }

    /// All that the reply says of the records.
    pub(super) fn read(&self, reply: &Value, items: &[ItemKey<'_>]) -> Result<Tellings, NoResults> {
        let mut tellings = Tellings {
            of_items: vec![Vec::new(); items.len()],
            is_odd: false,
            strangers: 0,
        };
        let mut failures: u64 = 0;
        for list in &self.lists {
            let entries = match reply.pointer(&list.at) {
                Some(Value::Array(entries)) => entries,
                None | Some(Value::Null) if !list.must_be_there => continue,
                _ => return Err(NoResults::NoList),
            };
            let goes_by_order = list.match_by.form == NameForm::Order;
            if goes_by_order && entries.len() != items.len() {
                return Err(NoResults::OtherCount(entries.len()));
            }
            let directory = Directory::new(&list.match_by, items);
            for (place, entry) in entries.iter().enumerate() {
                let telling = list.read(entry);
                failures += u64::from(!telling.is_success());
                let named = match goes_by_order {
                    true => vec![Some(place)],
                    false => directory.named_by(entry),
                };
                tellings.note(&named, &telling);
            }
        }
        if let Some((pointer, _)) = &self.error_indexes {
            let Some(Value::Array(indexes)) = reply.pointer(pointer) else {
                return Err(NoResults::NoList);
            };
            for index in indexes {
                let place = whole_number(index)
                    .and_then(|index| usize::try_from(index).ok())
                    .filter(|&index| index < items.len());
                let telling = Telling {
                    class: None,
                    status: None,
                    field: String::new(),
                    message: String::new(),
                    id: None,
                    created: false,
                };
                failures += 1;
                tellings.note(&[place], &telling);
            }
        }
        if let Some(count) = self.error_count.as_ref().and_then(|at| reply.pointer(at))
            && whole_number(count).is_none_or(|count| count > failures)
        {
            tellings.is_odd = true;
        }
        Ok(tellings)
    }
}

impl Tellings {
    /// Whether there are results, and none of them is of a record that was sent:
    /// the connector looks for their names in the wrong place.
    pub(super) fn names_none(&self) -> bool {
        self.strangers > 0 && self.of_items.iter().all(Vec::is_empty)
    }

    fn note(&mut self, places: &[Option<usize>], telling: &Telling) {
        self.is_odd |= places.is_empty();
        self.strangers += usize::from(places.iter().all(Option::is_none));
        for place in places {
            match place.and_then(|place| self.of_items.get_mut(place)) {
                Some(told) => told.push(telling.clone()),
                None => self.is_odd = true,
            }
        }
    }
}

impl ResultList {
    /// What an entry of the list says, whomever it is about.
    pub(super) fn read(&self, entry: &Value) -> Telling {
        let status = self
            .status
            .as_ref()
            .and_then(|pointer| whole_number(entry.pointer(pointer)?))
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| (100..=599).contains(status));
        let mut subject = EntryView(entry);
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.condition.holds(status, &mut subject));
        let class = match (rule, status) {
            (Some(rule), _) if rule.condition.looks_inside() => Some(rule.class),
            (Some(rule), Some(status)) => Some(rule.class.doubted(status, self.may_repeat)),
            (Some(rule), None) => Some(rule.class),
            (None, Some(status)) => Some(
                self.class_by_status(status)
                    .doubted(status, self.may_repeat),
            ),
            (None, None) if self.holds_failures => None,
            (None, None) => Some(ReplyClass::Unknown),
        };
        let mut telling = Telling {
            class,
            status,
            field: String::new(),
            message: String::new(),
            id: None,
            created: false,
        };
        if telling.is_success() {
            telling.id = self
                .id
                .as_ref()
                .and_then(|pointer| message::id_text(entry.pointer(pointer)?));
            telling.created = self
                .created
                .as_ref()
                .is_some_and(|(pointer, wanted)| stands_at(Some(entry), pointer, wanted));
        } else {
            (telling.field, telling.message) = self.pointers.explain(entry);
        }
        telling
    }

    /// The class of an entry that no rule is about. The request's token was
    /// taken and the request got through, so 401 and 403 are about the record.
    fn class_by_status(&self, status: u16) -> ReplyClass {
        match ReplyClass::by_default(status) {
            ReplyClass::RefreshToken | ReplyClass::Fatal => ReplyClass::Rejected,
            // A failure that calls itself a success is neither.
            ReplyClass::Done if self.holds_failures => ReplyClass::Unknown,
            class => class,
        }
    }
}

/// An entry of a list, as rules look at it.
struct EntryView<'entry>(&'entry Value);

impl Subject for EntryView<'_> {
    fn contains(&self, text: &str) -> bool {
        contains_ignoring_case(self.0.to_string().as_bytes(), text.as_bytes())
    }

    fn tree(&mut self) -> Option<&Value> {
        Some(self.0)
    }
}
