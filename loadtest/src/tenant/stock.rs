//! The contacts that a tenant has before any client writes: what they hold, and how a source lists them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::contacts::Existing;
use super::platform::{iso_time, read_iso_time};
use super::reply::{self, ReplyBody};
use super::stable_hash::stable_hash;
use super::world::World;

const FIRST_NAMES: [&str; 12] = [
    "Ann", "Bruno", "Clara", "David", "Élise", "Farid", "Greta", "Hiroshi", "Ines", "Jörg",
    "Keiko", "Luca",
];
const LAST_NAMES: [&str; 12] = [
    "Abel", "Baker", "Çelik", "Dubois", "Evans", "Fischer", "García", "Hansen", "Ito", "Jansen",
    "Kowalski", "O'Neill",
];
const COMPANIES: [&str; 4] = ["Acme", "Globex", "Initech", "Umbrella, Inc."];
const TIERS: [&str; 4] = ["Bronze", "Silver", "Gold", "Platinum"];

/// The earliest time that a contact was changed at, 2023-10-27T14:30:00Z, and how long after it the latest was.
const FIRST_CHANGE: Duration = Duration::from_secs(1_698_417_000);
const CHANGES_OVER_SECONDS: u64 = 600 * 86_400;

/// A page of the contacts in the order of their numbers: `limit`, `offset`, and `modifiedSince`, which leaves out those
/// that weren't changed at that time or later. None where the scenario doesn't number its contacts.
pub(crate) fn page(
    world: &World,
    limit: usize,
    offset: usize,
    modified_since: Option<&str>,
) -> Option<Response<ReplyBody>> {
    let Existing::Numbered { prefix, count } = &world.scenario.contacts.existing else {
        return None;
    };
    let since = match modified_since.map(read_iso_time) {
        None => Duration::ZERO,
        Some(Some(since)) => since,
        Some(None) => {
            let message = "modifiedSince is a time such as 2026-01-31T08:05:09Z";
            return Some(reply::error(
                StatusCode::BAD_REQUEST,
                "bad_request",
                message,
            ));
        }
    };
    let moved = change_list(world);
    let id_of = |number: u64| format!("{prefix}{number}");
    let contacts = &world.scenario.contacts;
    let has_lost_some = world.records.lock().has_removed_some();
    let leaves_out =
        !since.is_zero() || contacts.missing > 0.0 || !moved.is_empty() || has_lost_some;
    let is_wanted = |id: &String| {
        let exists = contacts.exists(id) && !world.records.lock().is_removed(id);
        exists && (since.is_zero() || changed_at(world, id) >= since)
    };
    let all = (1..=*count).map(id_of);
    // Where nobody is left out, a page needs no look at those before it.
    let (wanted, total): (Vec<String>, usize) = if leaves_out {
        let stayed = all.filter(|id| !moved.contains(id));
        let wanted: Vec<String> = stayed
            .chain(moved.iter().cloned())
            .filter(is_wanted)
            .collect();
        let total = wanted.len();
        (wanted.into_iter().skip(offset).take(limit).collect(), total)
    } else {
        let total = usize::try_from(*count).unwrap_or(usize::MAX);
        (all.skip(offset).take(limit).collect(), total)
    };
    let told = contacts.told_total.unwrap_or(total as u64);
    let contacts: Vec<Value> = wanted.iter().map(|id| show(world, id)).collect();
    let body = json!({ "contacts": contacts, "totalRecords": told });
    Some(reply::json(StatusCode::OK, &body))
}

/// Does what the scenario has happen before the next page; the contacts that stand at the list's end by now.
fn change_list(world: &World) -> Vec<String> {
    let given = world.pages_given.fetch_add(1, Ordering::Relaxed);
    let changes = world.scenario.contacts.while_listed.iter();
    let mut moved = Vec::new();
    for change in changes.filter(|change| change.after_pages <= given) {
        if let Some(id) = &change.remove
            && change.after_pages == given
        {
            world.records.lock().remove(id);
        }
        moved.extend(change.move_to_end.clone());
    }
    moved
}

/// One contact: what it held from the start, and over it what clients have written.
pub(crate) fn show(world: &World, id: &str) -> Value {
    let hash = hash_of(world, id);
    let pick = |list: &[&str], part: u32| {
        let index = (hash >> (part * 8)) as usize % list.len();
        Value::from(list[index])
    };
    let number = hash % 10_000_000;
    let last_interaction = first_change(hash).saturating_sub(Duration::from_secs(hash >> 44));
    let mut contact = json!({
        "contactId": id,
        "firstName": pick(&FIRST_NAMES, 0),
        "lastName": pick(&LAST_NAMES, 1),
        "email": format!("customer.{number:07}@example.com"),
        "phone": format!("+1415555{:04}", number % 10_000),
        "company": pick(&COMPANIES, 2),
        "customFields": {
            "loyaltyTier": pick(&TIERS, 3),
            "lastInteractionDate": whole(last_interaction),
        },
        "updatedAt": iso_time(changed_at(world, id)),
    });
    if let Value::Object(contact) = &mut contact {
        let written: Map<String, Value> = world.ledger.contact(id);
        contact.extend(written);
    }
    contact
}

fn whole(time: Duration) -> String {
    iso_time(time).replace(".000Z", "Z")
}

fn hash_of(world: &World, id: &str) -> u64 {
    stable_hash(&format!("stock {}", world.scenario.seed), id.as_bytes())
}

/// When a contact was last changed, as Unix time: by a client, or before the scenario's start.
fn changed_at(world: &World, id: &str) -> Duration {
    match world.ledger.written_at(id) {
        Some(at) => world.clock_at_zero().unwrap_or_default() + at,
        None => first_change(hash_of(world, id)),
    }
}

fn first_change(hash: u64) -> Duration {
    FIRST_CHANGE + Duration::from_secs((hash >> 8) % CHANGES_OVER_SECONDS)
}
