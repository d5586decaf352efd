//! Many records in one body.

use super::batch_file::TrackerForm;
use super::condition::Condition;
use super::csv_body::write_in_base64;
use super::operation::Operation;
use super::results::ResultsForm;

/// How records travel together.
#[derive(Clone, Debug)]
pub(super) struct BatchForm {
    /// What stands before the first record: `{"contacts":[`.
    pub(super) open: Vec<u8>,
    /// What stands after the last one.
    pub(super) close: Vec<u8>,
    /// The member that a record's number is written into.
    pub(super) tracker: Option<TrackerMember>,
    /// Where records stand as a CSV file in Base64, its first column.
    pub(super) csv_begins_with: Option<String>,
    /// How the reply is split.
    pub(super) results: ResultsForm,
    /// Whether a refused batch applied nothing.
    pub(super) all_or_nothing: bool,
    /// What a reply looks like that refuses a batch for its size.
    pub(super) too_many: Vec<Condition>,
}

/// A member of each item that a number is written into.
#[derive(Clone, Debug)]
pub(super) struct TrackerMember {
    /// The name, quoted, with its colon.
    member: Vec<u8>,
    form: TrackerForm,
}

impl TrackerMember {
    pub(super) fn new(name: &str, form: TrackerForm) -> Self {
        let mut member = quoted(name);
        member.push(b':');
        Self { member, form }
    }

    fn write(&self, tracker: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.member);
        let quote: &[u8] = match self.form {
            TrackerForm::Number => b"",
            TrackerForm::Text => b"\"",
        };
        out.extend_from_slice(quote);
        out.extend_from_slice(itoa::Buffer::new().format(tracker).as_bytes());
        out.extend_from_slice(quote);
    }
}

impl Operation {
    /// Whether records travel in a list, several to a request. It is then
    /// [`Operation::write_batch_body`] that makes a body, also for one record.
    #[must_use]
    pub fn is_batched(&self) -> bool {
        self.batch.is_some()
    }

    /// Whether a record's key is needed again once its request is made: to look
    /// it up, to find its result in a batch's reply, to mark a repeat, or to
    /// keep the platform's id with it.
    #[must_use]
    pub fn needs_key_again(&self) -> bool {
        self.is_batched() || !self.repeatable || self.id_pointer.is_some()
    }

    /// Whether replies tell the platform's own ids of records.
    #[must_use]
    pub fn tells_ids(&self) -> bool {
        match &self.batch {
            Some(batch) => batch.results.tells_ids(),
            None => self.id_pointer.is_some(),
        }
    }

    /// Appends the body of a request for several records. Each comes as the
    /// mapper serialised it, in [`Operation::wrap_body`], with the number that
    /// its result is to be matched by where the connector names a tracker. The
    /// records are copied, and parsed only where they become a file.
    ///
    /// Of an operation without batches the body is the one record.
    pub fn write_batch_body<'record>(
        &self,
        records: impl IntoIterator<Item = (&'record [u8], u64)>,
        out: &mut Vec<u8>,
    ) {
        let Some(batch) = &self.batch else {
            let mut records = records.into_iter();
            if let Some((record, _)) = records.next() {
                out.extend_from_slice(record);
            }
            debug_assert!(records.next().is_none(), "one record a request");
            return;
        };
        out.extend_from_slice(&batch.open);
        if let Some(first) = &batch.csv_begins_with {
            write_in_base64(records.into_iter().map(|(record, _)| record), first, out);
            out.extend_from_slice(&batch.close);
            return;
        }
        for (index, (record, tracker)) in records.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            match (&batch.tracker, record) {
                (Some(member), [b'{', rest @ ..]) => {
                    out.push(b'{');
                    member.write(tracker, out);
                    if !rest.starts_with(b"}") {
                        out.push(b',');
                    }
                    out.extend_from_slice(rest);
                }
                (_, record) => out.extend_from_slice(record),
            }
        }
        out.extend_from_slice(&batch.close);
    }
}

/// A text as JSON has it.
pub(super) fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}
