//! How long a record that wasn't there is taken for absent before it is made.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::transport::{Reply, Request};

use super::harness::{LaneWish, RunningLane, limit_of, under_paused_time};
use super::tenant::{Answer, Notes};
use super::upserts::{Tenant, named, wish};

#[test]
fn a_record_that_was_not_there_is_made_soon_also_where_look_ups_go_on() {
    let tenant = Rc::new(RefCell::new(BTreeMap::new()));
    let seen = Rc::clone(&tenant);
    under_paused_time(async move {
        let notes = Rc::new(Notes::default());
        let made = Tenant {
            slow_look_ups: Duration::from_millis(480),
            ..Tenant::default()
        };
        let started = Instant::now();
        let script = move |request: &Request, _: u64| -> Answer {
            let is_look_up = request.method == Method::GET;
            let after = match is_look_up {
                true => Duration::from_millis(500),
                false => Duration::from_millis(20),
            };
            let mut seen = seen.borrow_mut();
            match is_look_up {
                true => {
                    let path = std::str::from_utf8(&request.path).expect("text");
                    let key = path.rsplit('=').next().expect("a key").to_owned();
                    seen.insert(key, (started.elapsed() + after, None));
                }
                false => {
                    let list: Value = serde_json::from_slice(&request.body).expect("JSON");
                    for record in list.as_array().expect("a list") {
                        let key = record["key"].as_str().expect("a key");
                        seen.get_mut(key).expect("looked up first").1 = Some(started.elapsed());
                    }
                }
            }
            let (status, body) = made.handle(request);
            (after, Ok(Reply::new(status, body.to_string())))
        };
        // One look-up at a time, two in a second: twenty rows take ten seconds.
        let wish = LaneWish {
            concurrency: Some(1),
            ..wish()
        };
        let mut lane = RunningLane::start_raw(&limit_of(&wish), &wish, notes, script);
        let rows = (1..=60).map(|row| named(row, &format!("k{row}"), "new"));
        lane.feed_items(rows.collect());
        let notes = lane.end().await;
        assert_eq!(notes.ends().len(), 60);
    });
    for (key, (absent_at, made_at)) in tenant.borrow().iter() {
        let waited = made_at.expect("made") - *absent_at;
        // Three seconds, and the look-up that is under way when they are over.
        assert!(waited <= Duration::from_millis(3_600), "{key}: {waited:?}");
    }
}
