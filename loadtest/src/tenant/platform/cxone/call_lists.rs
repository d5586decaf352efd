//! Call lists: a CSV file goes up as a job, and the job says later that it is complete. What became of single records it
//! doesn't say: the list counts the invalid ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use super::super::table::Record;
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

/// Takes a file, and names the job that reads it. The file's first column is the list's external id.
pub(super) fn upload(world: &World, books: &mut Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&[])?;
    let Value::Object(body) = call.json()? else {
        return Err(invalid("the body must be an object"));
    };
    if let Some(stray) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(invalid(&format!("{stray}: unknown field")));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    for name in ["listFile", "fileName"] {
        if text(name).is_empty() {
            return Err(invalid(&format!("{name}: required")));
        }
    }
    // Clients send it as a number or as its digits.
    let is_number =
        body.get("skillId").is_some_and(Value::is_number) || text("skillId").parse::<u64>().is_ok();
    if !is_number {
        return Err(invalid("skillId: required, a number"));
    }
    let file = STANDARD.decode(text("listFile")).ok();
    let file = file.and_then(|bytes| String::from_utf8(bytes).ok());
    let lines = file.and_then(|file| lines_of(&file));
    let mut lines = lines.ok_or_else(|| invalid("listFile: not a CSV file in Base64"))?;
    let header = match lines.is_empty() {
        true => Vec::new(),
        false => lines.remove(0),
    };
    let length = |line: &Vec<String>| line.iter().map(|cell| cell.chars().count()).sum::<usize>();
    let is_too_long = |line: &Vec<String>| length(line) > LONGEST_RECORD;
    if lines.is_empty() || lines.len() > RECORDS_CAP || lines.iter().any(is_too_long) {
        return Err(invalid(&format!(
            "listFile: 1 to {RECORDS_CAP} records of at most {LONGEST_RECORD} characters"
        )));
    }
    if lines.iter().any(|line| line.len() != header.len()) {
        return Err(invalid(
            "listFile: a record has more or fewer cells than the header",
        ));
    }
    let now = world.moment().now;
    let list = call.steps.get(5).cloned().unwrap_or_default();
    let (mut records, mut refused) = (0_u64, 0_u64);
    for line in lines {
        records += 1;
        let external_id = line[0].clone();
        if external_id.is_empty() || world.scenario.contacts.is_invalid(&external_id) {
            refused += 1;
            continue;
        }
        let cells = line.into_iter().map(Value::from);
        let fields: Map<String, Value> = header.iter().cloned().zip(cells).collect();
        let id = books.new_number().to_string();
        let entries = books.lists.entry(format!("call list {list}")).or_default();
        entries.make(id, vec![external_id.clone()], fields.clone(), now);
        world.enter_write(external_id, fields);
    }
    let id = books.new_number();
    let fields = [("records", records), ("refused", refused)];
    let fields = fields.map(|(name, count)| (name.to_owned(), Value::from(count)));
    books.jobs.make(
        id.to_string(),
        vec![list],
        fields.into_iter().collect(),
        now,
    );
    Ok(json!({ "jobId": id }))
}

/// How far a job is.
pub(super) fn status(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    let id = call.steps.last().map_or("", String::as_str);
    let job = books
        .jobs
        .with_id(id)
        .ok_or_else(|| Flaw::new(404, "not_found", "there is no such job"))?;
    let list = job.names.first().cloned().unwrap_or_default();
    Ok(json!({
        "uploadJobs": [{
            "jobId": id.parse::<u64>().unwrap_or_default(),
            "listId": list.parse::<u64>().unwrap_or_default(),
            "listName": format!("list {list}"),
            "isComplete": is_complete(world, job),
            "isCancelled": false,
        }],
    }))
}

/// What a list holds, by the jobs that are complete.
pub(super) fn totals(world: &World, books: &Books, call: &Call) -> Value {
    let list = call.steps.last().map_or("", String::as_str);
    let sum = |name: &str| -> u64 {
        let jobs = books.jobs.named(list).filter(|job| is_complete(world, job));
        jobs.filter_map(|job| job.fields.get(name)?.as_u64()).sum()
    };
    let (records, refused) = (sum("records"), sum("refused"));
    json!({
        "resultSet": {
            "listName": format!("list {list}"),
            "totalRecords": records,
            "validRecords": records - refused,
            "invalidRecords": refused,
        },
    })
}

fn is_complete(world: &World, job: &Record) -> bool {
    world.moment().now >= job.made_at + world.scenario.batches.job_time
}

/// The cells of a file's lines (RFC 4180); `None` where a quoted cell isn't closed.
fn lines_of(file: &str) -> Option<Vec<Vec<String>>> {
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut text = file.chars().peekable();
    while let Some(character) = text.next() {
        match (is_quoted, character) {
            (true, '"') if text.peek() == Some(&'"') => cell.extend(text.next()),
            (_, '"') => is_quoted = !is_quoted,
            (false, ',') => line.push(std::mem::take(&mut cell)),
            (false, '\r') => {}
            (false, '\n') => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            (_, other) => cell.push(other),
        }
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    (!is_quoted).then_some(lines)
}

fn invalid(message: &str) -> Flaw {
    Flaw::new(400, "invalid_request", message)
}
