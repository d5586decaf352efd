//! Call lists: a CSV file goes up as a job, and the job says later what became of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use crate::tenant::world::World;

/// What an upload may hold.
const MEMBERS: [&str; 7] = [
    "listFile",
    "fileName",
    "skillId",
    "forceOverwrite",
    "expirationDate",
    "startSkill",
    "sendEmail",
];
/// The most records of one file.
const RECORDS_CAP: usize = 500_000;
/// The longest record, in characters.
const LONGEST_RECORD: usize = 512;
/// How long a job runs.
const JOB_TIME: Duration = Duration::from_millis(200);

/// Takes a file, and names the job that reads it.
pub(super) fn upload(world: &World, books: &mut Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&[])?;
    let Value::Object(body) = call.json()? else {
        return Err(invalid("the body must be an object"));
    };
    if let Some(stray) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(invalid(&format!("{stray}: unknown field")));
    }
    for name in ["listFile", "fileName"] {
        if body
            .get(name)
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            return Err(invalid(&format!("{name}: required")));
        }
    }
    if !body.get("skillId").is_some_and(Value::is_number) {
        return Err(invalid("skillId: required, a number"));
    }
    let file = body["listFile"].as_str().unwrap_or_default();
    let file = STANDARD
        .decode(file)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let file = file.ok_or_else(|| invalid("listFile: not a CSV file in Base64"))?;
    let records = file.lines().skip(1).filter(|line| !line.is_empty()).count();
    let longest = file.lines().map(|line| line.chars().count()).max();
    if records == 0 || records > RECORDS_CAP || longest.is_some_and(|most| most > LONGEST_RECORD) {
        return Err(invalid(&format!(
            "listFile: 1 to {RECORDS_CAP} records of at most {LONGEST_RECORD} characters"
        )));
    }
    let id = books.new_number().to_string();
    let mut fields = Map::new();
    fields.insert("records".to_owned(), Value::from(records));
    let now = world.moment().now;
    books.jobs.make(id.clone(), Vec::new(), fields, now);
    let name = format!("call-list {}", call.steps.get(5).map_or("", String::as_str));
    let mut written = Map::new();
    written.insert("records".to_owned(), Value::from(records));
    world.enter_write(name, written);
    Ok(json!({ "jobId": id }))
}

/// How far a job is.
pub(super) fn status(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    let id = call.steps.last().map_or("", String::as_str);
    let job = books
        .jobs
        .with_id(id)
        .ok_or_else(|| Flaw::new(404, "not_found", "there is no such job"))?;
    let is_done = world.moment().now >= job.made_at + JOB_TIME;
    let records = job.fields.get("records").cloned().unwrap_or_default();
    Ok(json!({
        "jobId": id,
        "status": if is_done { "Complete" } else { "Running" },
        "totalRecords": records,
        "recordsProcessed": if is_done { records } else { Value::from(0) },
    }))
}

fn invalid(message: &str) -> Flaw {
    Flaw::new(400, "invalid_request", message)
}
