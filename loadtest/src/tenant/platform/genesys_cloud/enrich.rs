//! Enrich: the platform's upsert, by identifiers in the order of their trust.

use serde_json::{Map, Value};

use super::super::books::Books;
use super::super::error_form::Flaw;
use super::contact::{self, identifier};
use crate::tenant::world::World;

/// Carries out one enrich operation; the status says whether the contact was made.
pub(super) fn enrich(
    world: &World,
    books: &mut Books,
    operation: &Value,
) -> Result<(u16, Value), Flaw> {
    let needed = |name: &str| {
        let message = format!("{name} is required");
        Flaw::of_field("constraint.validation", name, message)
    };
    let identifiers = operation["matchingIdentifiers"]
        .as_array()
        .ok_or_else(|| needed("matchingIdentifiers"))?;
    let action = operation["action"]
        .as_str()
        .ok_or_else(|| needed("action"))?;
    let provided = operation["contact"]
        .as_object()
        .ok_or_else(|| needed("contact"))?;
    let mut provided = contact::read(world, books, provided)?;
    let mut found: Option<String> = None;
    for wanted in identifiers {
        let name = name_of(books, wanted)?;
        claim(&mut provided, books, wanted)?;
        if found.is_none() {
            found = books
                .contacts
                .named(&name)
                .next()
                .map(|record| record.id.clone());
        }
    }
    match (action, found) {
        ("Insert", Some(_)) => {
            let message = "a contact with one of the identifiers exists";
            Err(Flaw::new(409, "matching.contact.found", message))
        }
        ("Update", None) => {
            let message = "no contact has one of the identifiers";
            Err(Flaw::new(404, "matching.contact.not.found", message))
        }
        (_, None) => Ok((201, contact::make(world, books, provided))),
        (_, Some(id)) => {
            let existing = books.contacts.with_id(&id).ok_or_else(contact::missing)?;
            let joined = join(existing.fields.clone(), provided, &operation["fieldRules"]);
            Ok((200, contact::replace(world, books, &id, joined)?))
        }
    }
}

/// The name that contacts have of an identifier.
pub(super) fn name_of(books: &Books, wanted: &Value) -> Result<String, Flaw> {
    let kind = wanted["type"].as_str().unwrap_or_default();
    let value = wanted["value"].as_str().map(str::trim).unwrap_or_default();
    if kind.is_empty() || value.is_empty() {
        let message = "an identifier needs a type and a value";
        return Err(Flaw::of_field(
            "constraint.validation",
            "matchingIdentifiers",
            message,
        ));
    }
    let source = match kind {
        "ExternalId" => contact::find_source(books, &wanted["externalSource"])?
            .id
            .as_str(),
        _ => "",
    };
    Ok(identifier(kind, source, value))
}

/// An external id that a contact is matched by is its own from then on.
fn claim(provided: &mut Map<String, Value>, books: &Books, wanted: &Value) -> Result<(), Flaw> {
    if wanted["type"] != "ExternalId" {
        return Ok(());
    }
    let source = contact::find_source(books, &wanted["externalSource"])?;
    let id = serde_json::json!({
        "externalSource": { "id": source.id, "name": source.fields.get("name") },
        "value": wanted["value"].as_str().map(str::trim),
    });
    let ids = provided
        .entry("externalIds")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(ids) = ids
        && !ids.contains(&id)
    {
        ids.push(id);
    }
    Ok(())
}

/// What stands there and what is provided, joined by the operation's rules.
fn join(
    mut existing: Map<String, Value>,
    provided: Map<String, Value>,
    rules: &Value,
) -> Map<String, Value> {
    let action = rules["defaultAction"].as_str().unwrap_or("PreferProvided");
    let of_lists = rules["defaultArrayAction"].as_str().unwrap_or("Fill");
    if action == "AlwaysUseProvided" {
        // What isn't provided counts as provided empty.
        existing.retain(|name, _| name == "externalIds");
    }
    for (name, value) in provided {
        let there = existing.get_mut(&name);
        match (there, value) {
            (Some(Value::Array(there)), Value::Array(items)) if of_lists != "Replace" => {
                for item in items {
                    if !there.contains(&item) {
                        there.push(item);
                    }
                }
            }
            (Some(_), _) if action == "PreferExisting" => {}
            (_, value) => {
                existing.insert(name, value);
            }
        }
    }
    existing
}
