//! Waiting, without the timer's own delay.

use std::time::Duration;

/// How much later than asked a wait ends on average: the timer counts whole milliseconds and rounds up, and so does the
/// system call that it sleeps in. Three waits make a round trip, and without this one of 80 ms would take 84.
const LATE: Duration = Duration::from_micros(1_300);

/// Waits for so long on average; single waits end up to a millisecond sooner or later.
pub(crate) async fn wait(time: Duration) {
    let asked = time.saturating_sub(LATE);
    if !asked.is_zero() {
        tokio::time::sleep(asked).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn waits_are_not_late_on_average() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let started = Instant::now();
        let count = 20;
        runtime.block_on(async {
            for _ in 0..count {
                wait(Duration::from_millis(10)).await;
            }
        });
        let mean_ms = started.elapsed().as_secs_f64() * 1e3 / f64::from(count);
        // A busy machine may wake it later, never sooner.
        assert!(mean_ms > 9.5, "{mean_ms} ms");
    }
}
