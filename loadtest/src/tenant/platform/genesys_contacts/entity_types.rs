//! Entity types: what custom fields a contact of a type may have.

use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::clock::read_iso_time;
use super::super::error_form::Flaw;

/// The kinds of custom fields.
const TYPES: [&str; 4] = ["TEXT", "NUMBER", "DATETIME", "BOOLEAN"];

/// The entity types of a name, or all.
pub(super) fn list(books: &Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&["name", "pageSize", "pageNumber"])?;
    let records: Vec<&_> = match call.parameter("name") {
        Some(name) => books.definitions.named(name).collect(),
        None => books.definitions.records().iter().collect(),
    };
    let entities: Vec<Value> = records
        .iter()
        .map(|record| shown(&record.id, &record.fields))
        .collect();
    let total = entities.len();
    Ok(json!({ "entities": entities, "total": total, "pageSize": 25, "pageNumber": 1 }))
}

/// Makes an entity type from its definition.
pub(super) fn create(
    books: &mut Books,
    call: &Call,
    now: std::time::Duration,
) -> Result<Value, Flaw> {
    call.only(&[])?;
    let Value::Object(definition) = call.json()? else {
        return Err(Flaw::new(400, "bad.request", "an entity type is an object"));
    };
    for name in definition.keys() {
        if !["name", "fields", "permissions"].contains(&name.as_str()) {
            return Err(unknown(name));
        }
    }
    let name = text(&definition, "name")?.to_owned();
    let Some(Value::Array(fields)) = definition.get("fields") else {
        return Err(Flaw::of_field(
            "constraint.validation",
            "fields",
            "fields must be a list",
        ));
    };
    for field in fields {
        check_definition(field)?;
    }
    check_permissions(definition.get("permissions"))?;
    if books.definitions.named(&name).next().is_some() {
        let message = format!("an entity type named {name} exists");
        return Err(Flaw::new(409, "general.conflict", message));
    }
    let id = books.new_id("entity type");
    let record = books.definitions.make(id, vec![name], definition, now);
    Ok(shown(&record.id, &record.fields))
}

/// Checks custom fields against the contact's entity type.
pub(super) fn check(
    books: &Books,
    entity_type: Option<&Value>,
    custom: Option<&Value>,
) -> Result<(), Flaw> {
    let known = match entity_type {
        None => None,
        Some(Value::String(id)) => Some(books.definitions.with_id(id).ok_or_else(|| {
            Flaw::of_field(
                "invalid.value",
                "entityTypeId",
                "there is no such entity type",
            )
        })?),
        Some(_) => {
            let message = "entityTypeId must be the id of an entity type";
            return Err(Flaw::of_field("invalid.value", "entityTypeId", message));
        }
    };
    let custom = match custom {
        None => &Map::new(),
        Some(Value::Object(custom)) => custom,
        Some(_) => {
            let message = "customFields must be an object";
            return Err(Flaw::of_field("invalid.value", "customFields", message));
        }
    };
    let Some(known) = known else {
        if custom.is_empty() {
            return Ok(());
        }
        let message = "customFields need the entityTypeId that they belong to";
        return Err(Flaw {
            status: 422,
            ..Flaw::of_field("custom.fields.validation.failed", "entityTypeId", message)
        });
    };
    let fields = known.fields.get("fields").and_then(Value::as_array);
    let fields: Vec<&Map<String, Value>> = fields
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let named =
        |field: &Map<String, Value>, name: &str| field.get("name") == Some(&Value::from(name));
    for (name, value) in custom {
        let field = fields.iter().find(|field| named(field, name));
        let place = format!("customFields.{name}");
        let refused = |message: String| Flaw {
            status: 422,
            ..Flaw::of_field("custom.fields.validation.failed", place.clone(), message)
        };
        let field = field.ok_or_else(|| refused(format!("the entity type has no field {name}")))?;
        check_value(field, value).map_err(refused)?;
    }
    for field in fields {
        let name = field
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_required = field.get("required") == Some(&Value::Bool(true));
        if is_required && custom.get(name).is_none_or(Value::is_null) {
            let place = format!("customFields.{name}");
            return Err(Flaw {
                status: 422,
                ..Flaw::of_field(
                    "custom.fields.validation.failed",
                    place,
                    format!("{name} is required"),
                )
            });
        }
    }
    Ok(())
}

fn check_value(field: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let kind = field.get("type").and_then(Value::as_str).unwrap_or("TEXT");
    let fits = match (kind, value) {
        (_, Value::Null) => true,
        ("TEXT", Value::String(text)) => {
            let most = field.get("maxLength").and_then(Value::as_u64);
            if most.is_some_and(|most| text.chars().count() as u64 > most) {
                return Err(format!(
                    "longer than {} characters",
                    most.unwrap_or_default()
                ));
            }
            true
        }
        ("NUMBER", Value::Number(_)) | ("BOOLEAN", Value::Bool(_)) => true,
        ("DATETIME", Value::String(text)) => read_iso_time(text).is_some(),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("not a value of type {kind}"))
    }
}

fn check_definition(field: &Value) -> Result<(), Flaw> {
    let Value::Object(field) = field else {
        return Err(Flaw::of_field(
            "constraint.validation",
            "fields",
            "a field is an object",
        ));
    };
    for (name, value) in field {
        let fits = match name.as_str() {
            "name" => value.is_string(),
            "type" => value.as_str().is_some_and(|kind| TYPES.contains(&kind)),
            "required" => value.is_boolean(),
            "maxLength" => value.as_u64().is_some_and(|length| length > 0),
            _ => return Err(unknown(&format!("fields.{name}"))),
        };
        if !fits {
            let place = format!("fields.{name}");
            return Err(Flaw::of_field(
                "invalid.value",
                place,
                "not a value of this field",
            ));
        }
    }
    text(field, "name")?;
    text(field, "type").map(|_| ())
}

fn check_permissions(permissions: Option<&Value>) -> Result<(), Flaw> {
    let Some(permissions) = permissions else {
        return Ok(());
    };
    let is_one = |one: &Value| {
        let Some(one) = one.as_object() else {
            return false;
        };
        let action = one.get("action").and_then(Value::as_str);
        one.len() == 2
            && one.get("scope").is_some_and(Value::is_string)
            && action.is_some_and(|action| ["READ", "UPDATE"].contains(&action))
    };
    match permissions.as_array() {
        Some(list) if list.iter().all(is_one) => Ok(()),
        _ => Err(Flaw::of_field(
            "invalid.value",
            "permissions",
            "permissions are a list of scopes with an action",
        )),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Flaw> {
    object
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Flaw::of_field("constraint.validation", name, format!("{name} is required")))
}

pub(super) fn unknown(name: &str) -> Flaw {
    Flaw::of_field(
        "invalid.property",
        name,
        format!("there is no property {name}"),
    )
}

fn shown(id: &str, fields: &Map<String, Value>) -> Value {
    let mut fields = fields.clone();
    fields.insert("id".to_owned(), Value::from(id));
    Value::Object(fields)
}
