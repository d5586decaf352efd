//! External sources: the systems that external ids come from.

use serde_json::{Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use super::super::table::Record;
use crate::tenant::world::World;

/// The sources whose names begin so, or all: the platform's filter is one of
/// prefixes.
pub(super) fn list(books: &Books, call: &Call) -> Value {
    let prefix = call.parameter("name").unwrap_or_default();
    let begins_so = |source: &&Record| {
        let name = source.fields.get("name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with(prefix))
    };
    let sources = books.definitions.records().iter().filter(begins_so);
    let entities: Vec<Value> = sources.map(shown).collect();
    json!({ "entities": entities, "cursors": {} })
}

/// Makes a source; its name must be new.
pub(super) fn create(world: &World, books: &mut Books, source: &Value) -> Result<Value, Flaw> {
    let name = source["name"].as_str().map(str::trim).unwrap_or_default();
    if name.is_empty() {
        let message = "an external source needs a name";
        return Err(Flaw::of_field("constraint.validation", "name", message));
    }
    if books.definitions.named(name).next().is_some() {
        let message = format!("an external source named {name} exists");
        return Err(Flaw::new(409, "general.conflict", message));
    }
    let id = books.new_id("external source");
    let fields = json!({ "name": name, "active": true });
    let fields = fields.as_object().cloned().unwrap_or_default();
    let now = world.moment().now;
    let record = books
        .definitions
        .make(id, vec![name.to_owned()], fields, now);
    Ok(shown(record))
}

fn shown(record: &Record) -> Value {
    let mut fields = record.fields.clone();
    fields.insert("id".to_owned(), Value::from(record.id.clone()));
    Value::Object(fields)
}
