//! PATCH of an external contact: a list of changes, not a merge of members.

use serde_json::{Map, Value};

use super::super::error_form::Flaw;
use super::shapes;

/// The contact with the changes made; none is made if one of them is refused.
pub(super) fn changed(
    mut fields: Map<String, Value>,
    request: &Value,
) -> Result<Map<String, Value>, Flaw> {
    let Some(changes) = request["changes"].as_array() else {
        let message = "changes is required";
        return Err(Flaw::of_field("constraint.validation", "changes", message));
    };
    let paths = changes.iter().map(path_of).collect::<Result<Vec<_>, _>>()?;
    for (index, path) in paths.iter().enumerate() {
        let overlaps = |other: &Vec<&str>| other.starts_with(path) || path.starts_with(other);
        if paths[..index].iter().any(overlaps) {
            let message = "a field and its parent can't be patched together";
            return Err(Flaw::new(409, "general.conflict", message));
        }
    }
    for (change, path) in changes.iter().zip(&paths) {
        apply(&mut fields, path, change)?;
    }
    shapes::fits("ExternalContact", &Value::Object(fields.clone()), "")?;
    Ok(fields)
}

/// `$.address.city` as its steps.
fn path_of(change: &Value) -> Result<Vec<&str>, Flaw> {
    let field = change["field"].as_str().unwrap_or_default();
    let steps: Vec<&str> = field
        .strip_prefix("$.")
        .unwrap_or_default()
        .split('.')
        .collect();
    if steps.iter().any(|step| step.is_empty()) {
        let message = format!("{field:?} is not a path such as $.firstName");
        return Err(Flaw::of_field("invalid.value", "changes.field", message));
    }
    Ok(steps)
}

fn apply(fields: &mut Map<String, Value>, path: &[&str], change: &Value) -> Result<(), Flaw> {
    let value = &change["value"];
    let Some((first, rest)) = path.split_first() else {
        return Ok(());
    };
    if !rest.is_empty() {
        let inner = fields
            .entry(*first)
            .or_insert_with(|| Value::Object(Map::new()));
        return match inner {
            Value::Object(inner) => apply(inner, rest, change),
            _ => {
                let message = format!("{first} has no fields");
                Err(Flaw::of_field("invalid.value", "changes.field", message))
            }
        };
    }
    let name = (*first).to_owned();
    let is_empty = fields
        .get(&name)
        .is_none_or(|value| value.is_null() || value == "");
    match change["action"].as_str().unwrap_or_default() {
        "Update" => {
            fields.insert(name, value.clone());
        }
        "UpdateIfEmpty" if is_empty => {
            fields.insert(name, value.clone());
        }
        "UpdateIfExists" if !is_empty => {
            fields.insert(name, value.clone());
        }
        "UpdateIfEmpty" | "UpdateIfExists" => {}
        "Remove" => {
            fields.remove(&name);
        }
        action @ ("AppendToCollection" | "RemoveFromCollection") => {
            let list = fields
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(list) = list else {
                let message = format!("{first} is not a collection");
                return Err(Flaw::of_field("invalid.value", "changes.field", message));
            };
            list.retain(|item| item != value);
            if action == "AppendToCollection" {
                list.push(value.clone());
            }
        }
        _ => {
            let message = "a change needs an action";
            return Err(Flaw::of_field(
                "constraint.validation",
                "changes.action",
                message,
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_made_together_or_not_at_all() {
        let contact = || json!({"firstName": "Ann", "address": {"city": "Ulm"}});
        let patch = |changes: Value| {
            let fields = contact().as_object().cloned().unwrap_or_default();
            changed(fields, &json!({ "changes": changes }))
                .map(Value::Object)
                .map_err(|flaw| flaw.status)
        };
        let update =
            |field: &str, value: Value| json!({"field": field, "action": "Update", "value": value});
        assert_eq!(
            patch(json!([
                update("$.lastName", json!("Lee")),
                update("$.address.city", json!("Bonn"))
            ])),
            Ok(json!({"firstName": "Ann", "lastName": "Lee", "address": {"city": "Bonn"}}))
        );
        assert_eq!(
            patch(json!([{"field": "$.firstName", "action": "UpdateIfEmpty", "value": "Eve"}])),
            Ok(contact())
        );
        assert_eq!(
            patch(json!([
                update("$.address", json!({})),
                update("$.address.city", json!("x"))
            ])),
            Err(409)
        );
        assert_eq!(patch(json!([update("firstName", json!("x"))])), Err(400));
        assert_eq!(patch(json!([update("$.nickname", json!("x"))])), Err(400));
    }
}
