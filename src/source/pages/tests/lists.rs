//! Lists that change or lie while they are read, and where they end.

use crate::transport::{Reply, SendError};

use super::{OFFSET, page, run};

/// A list as it is told: `ids` from `offset` on, and a total.
fn listed(target: &str, ids: &[u64], total: usize) -> Result<Reply, SendError> {
    let offset = target.rsplit('=').next().and_then(|text| text.parse().ok());
    let records: Vec<String> = ids
        .iter()
        .skip(offset.expect("an offset"))
        .take(2)
        .map(|id| format!(r#"{{"id":{id}}}"#))
        .collect();
    page(&format!(
        r#"{{"list":[{}],"total":{total}}}"#,
        records.join(",")
    ))
}

const TOTAL: &str =
    "{by: offset, parameter: offset, size: {parameter: limit, value: 2}, total: /total}";

fn ids_of(staged: &str) -> Vec<u64> {
    let cells = staged.lines().skip(1).map(|line| line.split(',').nth(2));
    cells
        .map(|id| id.and_then(|id| id.parse().ok()).expect("an id"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_record_that_a_shift_has_hidden_comes_with_the_next_reading() {
    // What the list is for each request; 1 goes, or moves to the end.
    let gone = [2, 3, 4, 5];
    let moved = [2, 3, 4, 5, 1];
    for after in [&gone[..], &moved[..]] {
        let later = after.to_vec();
        let ended = run(TOTAL, None, move |target, number| match number {
            0 => listed(target, &[1, 2, 3, 4, 5], 5),
            _ => listed(target, &later, later.len()),
        })
        .await;
        ended.how.expect("all came");
        let mut ids = ids_of(&ended.staged);
        assert!(ids.ends_with(&[3]), "{ids:?}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, [1, 2, 3, 4, 5]);
        assert_eq!((ended.state.reading.number, ended.state.doubt), (2, None));
        assert_eq!(
            ended.state.totals.rows,
            ended.staged.lines().count() as u64 - 1
        );
        let [told] = &ended.remarks[..] else {
            panic!("told once, not {:?}", ended.remarks);
        };
        assert!(told.contains("is read again"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_stands_still_is_doubted_in_words() {
    let ended = run(TOTAL, None, |target, number| {
        assert!(number < 12);
        listed(
            target,
            &[1, 2, 3],
            100 - usize::try_from(number).expect("small"),
        )
    })
    .await;
    ended.how.expect("it ends");
    assert_eq!(ids_of(&ended.staged), [1, 2, 3]);
    assert_eq!(ended.state.reading.number, 3);
    let doubt = ended.state.doubt.expect("nobody knows");
    assert!(doubt.contains("changed each of the 3 times"), "{doubt}");
    assert!(ended.state.complete && ended.state.watermark.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_total_that_is_too_small_hides_nothing() {
    for total in [0, 2, 3] {
        let ended = run(TOTAL, None, move |target, _| {
            listed(target, &[1, 2, 3, 4, 5], total)
        })
        .await;
        ended.how.expect("all came");
        assert_eq!(ids_of(&ended.staged), [1, 2, 3, 4, 5], "{total}");
        assert_eq!((ended.state.reading.number, ended.state.doubt), (1, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_behind_the_end_may_be_refused_or_be_the_last_one_again() {
    for status in [404, 400, 200] {
        let ended = run(TOTAL, None, move |target, _| match target {
            "/people?limit=2&offset=2" if status != 200 => Ok(Reply::new(status, "")),
            _ => listed("=0", &[1, 2], 2),
        })
        .await;
        ended.how.expect("all came");
        assert_eq!(ids_of(&ended.staged), [1, 2], "{status}");
        assert_eq!(ended.asked.len(), 2);
        // A list may be longer than a platform shows.
        assert_eq!(ended.state.doubt.is_some(), status == 400);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_without_content_is_the_end() {
    for pages in [
        OFFSET,
        "{by: number, parameter: page}",
        "{by: cursor, parameter: after, at: /next}",
        "{by: next_link, at: /next}",
        "{by: link_header}",
    ] {
        let ended = run(pages, None, |_, _| Ok(Reply::new(204, ""))).await;
        ended.how.expect(pages);
        assert_eq!((ended.asked.len(), ended.state.totals.rows), (1, 0));
        assert!(ended.state.complete && ended.state.watermark.is_some());
    }
}
