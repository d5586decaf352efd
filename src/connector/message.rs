//! The reason of a refusal, found in the reply's body, fit for one cell of a
//! CSV file.

use serde_json::Value;

use super::class::ReplyClass;
use super::reply::NoJson;

/// Characters of a message that are kept. Longer ones are stack traces.
const MAX_MESSAGE_CHARACTERS: usize = 500;
/// Characters of a field's name that are kept.
const MAX_FIELD_CHARACTERS: usize = 100;
/// Bytes of an id that are believed to be one. Keys of platforms have 255 at most.
const MAX_ID_BYTES: usize = 300;

/// Where a field's name and a message usually stand. Sources: RFC 6749 section
/// 5.2, RFC 9457, and the error bodies of the built-in connectors' platforms.
const USUAL_FIELDS: [&str; 12] = [
    "/field",
    "/errors/0/field",
    "/errors/field",
    "/details/0/fieldName",
    "/error/field",
    "/error/details/0/fieldName",
    "/errors/0/fieldName",
    "/fieldName",
    "/fields/0",
    "/errors/0/fields/0",
    "/0/fields/0",
    "/0/field",
];
const USUAL_MESSAGES: [&str; 15] = [
    "/message",
    "/errors/0/message",
    "/error/message",
    "/error_description",
    "/detail",
    "/errors/0/detail",
    "/description",
    "/error/description",
    "/0/message",
    "/title",
    "/error/title",
    "/errors/0",
    "/error",
    "/0/errorCode",
    "/errorCode",
];
/// Where the reason stands in what is filed under a field's name.
const UNDER_A_NAME: [&str; 6] = [
    "",
    "/0",
    "/0/message",
    "/0/description",
    "/message",
    "/description",
];

/// JSON pointers to a field's name and to a message; the first that finds a
/// text wins.
#[derive(Clone, Debug)]
pub(super) struct Pointers {
    fields: Vec<String>,
    messages: Vec<String>,
    /// Places of objects whose members have the names of fields.
    fields_of: Vec<String>,
}

impl Pointers {
    /// The connector's own pointers; the usual ones where it has none.
    pub(super) fn new(
        fields: Option<Vec<String>>,
        messages: Option<Vec<String>>,
        fields_of: Vec<String>,
    ) -> Self {
        let usual = |places: &[&str]| places.iter().map(|&place| place.to_owned()).collect();
        Self {
            fields: fields.unwrap_or_else(|| usual(&USUAL_FIELDS)),
            messages: messages.unwrap_or_else(|| usual(&USUAL_MESSAGES)),
            fields_of,
        }
    }
}

impl Pointers {
    /// The field at fault and the reason, as far as JSON names them; empty where
    /// it doesn't.
    pub(super) fn explain(&self, json: &Value) -> (String, String) {
        if let Some((field, message)) = self.filed_under_a_name(json) {
            return (shorten(field, MAX_FIELD_CHARACTERS), clean(&message));
        }
        let field = first_text(json, &self.fields)
            .map(|text| shorten(&text, MAX_FIELD_CHARACTERS))
            .unwrap_or_default();
        let message = first_text(json, &self.messages)
            .map(|text| clean(&text))
            .unwrap_or_default();
        (field, message)
    }

    /// The first member whose name is the field at fault, with its reason.
    fn filed_under_a_name<'reply>(&self, json: &'reply Value) -> Option<(&'reply str, String)> {
        let members = self
            .fields_of
            .iter()
            .find_map(|place| json.pointer(place)?.as_object())?;
        members.iter().find_map(|(field, why)| {
            let mut reasons = UNDER_A_NAME
                .iter()
                .filter_map(|place| scalar_text(why.pointer(place)?));
            let reason = reasons.find(|reason| !reason.trim().is_empty())?;
            Some((field.as_str(), reason))
        })
    }
}

/// The field at fault, if the body names one, and the reason.
pub(super) fn explain<'reply>(
    status: u16,
    class: ReplyClass,
    header: &dyn Fn(&str) -> Option<&'reply str>,
    body: &[u8],
    json: Result<&Value, NoJson>,
    pointers: &Pointers,
) -> (String, String) {
    if (300..400).contains(&status) {
        return (String::new(), redirect_message(header("location")));
    }
    let json = match json {
        Ok(json) => json,
        Err(why) => {
            return (
                String::new(),
                bodiless_message(status, class, header, body, why),
            );
        }
    };
    let (field, message) = pointers.explain(json);
    match message.is_empty() {
        true => (field, format!("status {status}; the reply names no reason")),
        false => (field, message),
    }
}

fn redirect_message(location: Option<&str>) -> String {
    match location {
        // A query may hold what isn't for a log.
        Some(location) => {
            let end = location.find(['?', '#']).unwrap_or(location.len());
            clean(&format!(
                "the tenant redirects to {}; redirects aren't followed, since the token would go along",
                &location[..end]
            ))
        }
        None => {
            "the tenant redirects, without saying where to; redirects aren't followed".to_owned()
        }
    }
}

fn bodiless_message<'reply>(
    status: u16,
    class: ReplyClass,
    header: &dyn Fn(&str) -> Option<&'reply str>,
    body: &[u8],
    why: NoJson,
) -> String {
    let what = match why {
        NoJson::Empty => "the reply has no body".to_owned(),
        NoJson::TooLong => format!(
            "the reply's body is too long to read ({} bytes)",
            body.len()
        ),
        NoJson::BrokenOff => format!("the reply's JSON breaks off after {} bytes", body.len()),
        NoJson::NotJson => {
            let kind = header("content-type").map_or_else(
                || "of no stated type".to_owned(),
                |kind| shorten(kind.split(';').next().unwrap_or(kind), 60),
            );
            format!("the reply isn't JSON ({} bytes, {kind})", body.len())
        }
    };
    let meaning = match class {
        ReplyClass::Missing => ": the tenant has no such record",
        ReplyClass::Throttled => ": too many requests",
        _ => "",
    };
    format!("status {status}{meaning}; {what}")
}

fn first_text(json: &Value, pointers: &[String]) -> Option<String> {
    pointers
        .iter()
        .filter_map(|pointer| scalar_text(json.pointer(pointer)?))
        .find(|text| !text.trim().is_empty())
}

/// A text, number or boolean as text.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A platform's id of a record: a text or a number that fits into one cell.
/// Nothing for what can't be an id, which a cut-off one would be.
pub(super) fn id_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_id = !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.chars().any(is_unprintable);
    is_id.then_some(text)
}

/// The text on one line, without control characters, and bounded.
pub(super) fn clean(text: &str) -> String {
    shorten(text, MAX_MESSAGE_CHARACTERS)
}

fn shorten(text: &str, max_characters: usize) -> String {
    let mut kept = String::new();
    let mut characters = 0;
    for word in text.split(|character: char| character.is_whitespace() || is_unprintable(character))
    {
        if word.is_empty() {
            continue;
        }
        if characters > 0 {
            kept.push(' ');
            characters += 1;
        }
        for character in word.chars() {
            if characters >= max_characters - 1 {
                kept.push('…');
                return kept;
            }
            kept.push(character);
            characters += 1;
        }
    }
    kept
}

/// Control characters, and those that turn the direction of the text around
/// them, which would let a message pretend to be something else.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
