//! One contact: what it may hold, and how a reply shows it.

use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::clock::iso_time;
use super::super::error_form::Flaw;
use super::super::table::Record;
use super::entity_types::{self, unknown};
use crate::tenant::contacts::{looks_like_email, looks_like_phone};
use crate::tenant::world::World;

/// What the platform writes itself, and no client may.
const READ_ONLY: [&str; 4] = ["id", "dateCreated", "dateModified", "selfUri"];

/// A contact to be written, checked.
pub(super) struct Written {
    pub(super) external_id: String,
    pub(super) fields: Map<String, Value>,
    /// The version that the client has read, if it says so.
    pub(super) version: Option<u64>,
}

/// Checks a contact as a client sends it.
pub(super) fn check(world: &World, books: &Books, contact: Value) -> Result<Written, Flaw> {
    let Value::Object(mut fields) = contact else {
        return Err(Flaw::new(400, "bad.request", "a contact is an object"));
    };
    let version = match fields.remove("version") {
        None => None,
        Some(version) => Some(version.as_u64().ok_or_else(|| {
            Flaw::of_field("invalid.value", "version", "version must be a number")
        })?),
    };
    for (name, value) in &fields {
        check_member(name, value)?;
    }
    let Some(Value::String(external_id)) = fields.get("externalId").cloned() else {
        let message = "externalId is required";
        return Err(Flaw::of_field(
            "constraint.validation",
            "externalId",
            message,
        ));
    };
    entity_types::check(
        books,
        fields.get("entityTypeId"),
        fields.get("customFields"),
    )?;
    if world.scenario.contacts.is_invalid(&external_id) {
        let message = "not a valid email address";
        return Err(Flaw::of_field("invalid.value", "emailAddresses", message));
    }
    Ok(Written {
        external_id,
        fields,
        version,
    })
}

fn check_member(name: &str, value: &Value) -> Result<(), Flaw> {
    let refused = |message: &str| Err(Flaw::of_field("invalid.value", name, message));
    match (name, value) {
        ("externalId", Value::String(text)) if !text.is_empty() && text.len() <= 255 => Ok(()),
        ("externalId", _) => refused("externalId is a text of 1 to 255 characters"),
        ("firstName" | "middleName" | "lastName" | "title" | "company", Value::String(text)) => {
            if text.chars().count() > 1000 {
                return refused("longer than 1000 characters");
            }
            Ok(())
        }
        ("emailAddresses", value) => check_list(name, value, |text| {
            looks_like_email(text)
                .then_some(())
                .ok_or("not a valid email address")
        }),
        ("phoneNumbers", value) => check_list(name, value, |text| {
            looks_like_phone(text)
                .then_some(())
                .ok_or("not a valid phone number")
        }),
        // Checked against the entity type.
        ("entityTypeId" | "customFields", _) => Ok(()),
        ("firstName" | "middleName" | "lastName" | "title" | "company", _) => {
            refused("must be a text")
        }
        _ if READ_ONLY.contains(&name) => refused("is written by the platform alone"),
        _ => Err(unknown(name)),
    }
}

/// A list of values, at most one of them the primary one.
fn check_list(
    name: &str,
    value: &Value,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<(), Flaw> {
    let refused = |message: &str| Err(Flaw::of_field("invalid.value", name, message));
    let Some(list) = value.as_array() else {
        return refused("must be a list of objects with a value");
    };
    let mut primaries = 0;
    for one in list {
        let Some(one) = one.as_object() else {
            return refused("must be a list of objects with a value");
        };
        for (member, value) in one {
            match (member.as_str(), value) {
                ("value", Value::String(text)) => {
                    if let Err(message) = check(text) {
                        return refused(message);
                    }
                }
                ("primary", Value::Bool(primary)) => primaries += u32::from(*primary),
                ("type", Value::String(_)) => {}
                _ => return Err(unknown(&format!("{name}.{member}"))),
            }
        }
        if !one.contains_key("value") {
            return refused("each needs a value");
        }
    }
    match primaries {
        0 | 1 => Ok(()),
        _ => refused("only one can be primary"),
    }
}

/// A contact as a reply shows it.
pub(super) fn shown(world: &World, record: &Record) -> Value {
    let zero = world.clock_at_zero().unwrap_or_default();
    let mut shown = record.fields.clone();
    let own = json!({
        "id": record.id,
        "version": record.version,
        "dateCreated": iso_time(zero + record.made_at),
        "dateModified": iso_time(zero + record.changed_at),
    });
    if let Value::Object(own) = own {
        shown.extend(own);
    }
    Value::Object(shown)
}
