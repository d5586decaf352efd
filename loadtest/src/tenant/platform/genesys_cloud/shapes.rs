//! The platform's published shapes: which operations there are, and what their bodies hold.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::super::call::Call;
use super::super::clock::read_iso_time;
use super::super::error_form::Flaw;

/// The published shapes, trimmed to what the tenant speaks; the file says where they come from.
static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let text = include_str!("../../../../../fixtures/platforms/genesys_cloud.json");
    serde_json::from_str(text).expect("the shapes are held to their form by a test")
});

#[derive(Deserialize)]
struct Shapes {
    operations: Vec<Operation>,
    models: BTreeMap<String, BTreeMap<String, Member>>,
}

/// An operation of the platform.
#[derive(Deserialize)]
pub(super) struct Operation {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    r#type: String,
    #[serde(default)]
    r#enum: Vec<String>,
    max_length: Option<usize>,
    min_items: Option<usize>,
    max_items: Option<usize>,
}

/// The published operation that a call is of.
pub(super) fn operation(call: &Call) -> Option<&'static Operation> {
    SHAPES.operations.iter().find(|operation| {
        let mut steps = operation.path.trim_start_matches('/').split('/');
        operation.method == call.method.as_str()
            && call.steps.iter().all(|step| {
                let wanted = steps.next();
                wanted.is_some_and(|wanted| {
                    wanted == step || (wanted.starts_with('{') && !step.is_empty())
                })
            })
            && steps.next().is_none()
    })
}

impl Operation {
    /// The body of a call, if it and the query are of the operation's shape.
    pub(super) fn check(&self, call: &Call) -> Result<Value, Flaw> {
        let known: Vec<&str> = self.query.keys().map(String::as_str).collect();
        call.only(&known)?;
        for (name, value) in &call.query {
            let fits = match self.query[name].as_str() {
                "bool" => matches!(value.as_str(), "true" | "false"),
                "int" => value.parse::<i64>().is_ok(),
                _ => true,
            };
            if !fits {
                let message = format!("{name} is not a value of type {}", self.query[name]);
                return Err(Flaw::of_field("invalid.query.param.value", name, message));
            }
        }
        let Some(shape) = &self.body else {
            return match &call.body {
                Some(body) if body.is_empty() => Ok(Value::Null),
                _ => Err(Flaw::new(400, "bad.request", "this request takes no body")),
            };
        };
        let body = call.json()?;
        fits(shape, &body, "")?;
        Ok(body)
    }
}

/// Holds a value to a type of the shapes; the flaw names the place.
pub(super) fn fits(shape: &str, value: &Value, place: &str) -> Result<(), Flaw> {
    let refused = |what: &str| {
        let place = if place.is_empty() { "body" } else { place };
        let message = format!("{place} is not {what}");
        Err(Flaw::of_field("invalid.value", place, message))
    };
    if value.is_null() {
        return Ok(());
    }
    if let Some(inner) = inside(shape, "list[", ']') {
        let Some(items) = value.as_array() else {
            return refused("a list");
        };
        return items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| fits(inner, item, &format!("{place}[{index}]")));
    }
    if let Some(inner) = inside(shape, "dict(str, ", ')') {
        let Some(members) = value.as_object() else {
            return refused("an object");
        };
        return members
            .iter()
            .try_for_each(|(name, member)| fits(inner, member, &joined(place, name)));
    }
    match shape {
        "str" if !value.is_string() => refused("a text"),
        "int" if !(value.is_i64() || value.is_u64()) => refused("a whole number"),
        "float" if !value.is_number() => refused("a number"),
        "bool" if !value.is_boolean() => refused("true or false"),
        "datetime" if value.as_str().and_then(read_iso_time).is_none() => {
            refused("a time such as 2026-01-31T08:05:09Z")
        }
        "str" | "int" | "float" | "bool" | "datetime" | "object" => Ok(()),
        model => match (SHAPES.models.get(model), value.as_object()) {
            (None, _) => Ok(()),
            (Some(_), None) => refused("an object"),
            (Some(members), Some(object)) => object.iter().try_for_each(|(name, value)| {
                let place = joined(place, name);
                match members.get(name) {
                    Some(member) => member.fits(value, &place),
                    None => {
                        let message = format!("{model} has no property {name}");
                        Err(Flaw::of_field("invalid.property", place, message))
                    }
                }
            }),
        },
    }
}

impl Member {
    fn fits(&self, value: &Value, place: &str) -> Result<(), Flaw> {
        fits(&self.r#type, value, place)?;
        let refused =
            |message: String| Err(Flaw::of_field("constraint.validation", place, message));
        if let Value::String(text) = value {
            if !self.r#enum.is_empty() && !self.r#enum.contains(text) {
                return refused(format!("{place} is none of {}", self.r#enum.join(", ")));
            }
            let length = text.chars().count();
            if let Some(most) = self.max_length.filter(|most| length > *most) {
                return refused(format!("{place} is longer than {most} characters"));
            }
        }
        if let Value::Array(items) = value {
            let (least, most) = (self.min_items.unwrap_or(0), self.max_items);
            if items.len() < least || most.is_some_and(|most| items.len() > most) {
                return refused(format!("{place} has {} items", items.len()));
            }
        }
        Ok(())
    }
}

fn inside<'a>(shape: &'a str, open: &str, close: char) -> Option<&'a str> {
    shape.strip_prefix(open)?.strip_suffix(close)
}

fn joined(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shapes_can_be_read_and_name_models_that_are_there() {
        assert!(SHAPES.operations.len() > 10);
        for operation in &SHAPES.operations {
            if let Some(body) = &operation.body {
                let model = inside(body, "list[", ']').unwrap_or(body);
                assert!(SHAPES.models.contains_key(model), "{model}");
            }
        }
    }

    #[test]
    fn a_body_is_held_to_its_model() {
        let flaw = |body: Value| {
            fits("BulkContactsRequest", &body, "")
                .err()
                .map(|flaw| flaw.field.unwrap_or_default())
        };
        assert_eq!(
            flaw(
                json!({"entities": [{"firstName": "Ann", "externalIds": [{"value": "x", "externalSource": {"id": "s"}}]}]})
            ),
            None
        );
        for (body, place) in [
            (json!([]), "body"),
            (json!({"entities": {}}), "entities"),
            (
                json!({"entities": [{"firstname": "Ann"}]}),
                "entities[0].firstname",
            ),
            (
                json!({"entities": [{"firstName": 5}]}),
                "entities[0].firstName",
            ),
            (
                json!({"entities": [{"workPhone": "+1"}]}),
                "entities[0].workPhone",
            ),
            (json!({"entities": [{"type": "Best"}]}), "entities[0].type"),
            (
                json!({"entities": [{"title": "x".repeat(1001)}]}),
                "entities[0].title",
            ),
            (json!({"records": []}), "records"),
        ] {
            assert_eq!(flaw(body).as_deref(), Some(place));
        }
    }
}
