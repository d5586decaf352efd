//! The arbiter: the loader's own controller at the limit that was found. A
//! rate that was misread shows here, and so does a limit behind the first one.

use std::time::Duration;

use futures_util::stream::StreamExt;
use tokio::time::{Instant, sleep_until};

use crate::limit::{Controller, Decision, LimitSettings, Observation, Permit};

use super::bench::Bench;
use super::bounds::Stop;
use super::conclude::limit_of;
use super::judge::sure_fit;
use super::nested::Front;
use super::protocol::Protocol;
use super::record::{Answer, Asked, Record};
use super::target::Target;
use super::under_way::{UnderWay, arrived, asked_to_stop, send};

/// A short limit is watched for a longer one behind it: a little longer than
/// a minute, which is what most of the longer ones last.
const WATCH_S: f64 = 66.0;
/// Windows of at least this length leave no room for a longer one.
const LONG_S: f64 = 20.0;
/// Just below the limit found: what is refused there is another one.
const BELOW: f64 = 0.95;
/// Where uneven arrivals touch the short limit even so: lower, so many times.
const LOWER: f64 = 0.85;
const WATCHES: u32 = 3;
/// Of what is left, so much for the controller.
const SHARE: f64 = 0.35;
/// Of all requests, one in so many is kept for what comes after.
const KEPT: u64 = 10;
/// Time for the controller.
const CONTROLLED_S: f64 = 20.0;
/// A limit behind the first one is met so often.
const CYCLES_BEHIND: usize = 3;

impl<T: Target> Protocol<T> {
    /// Lets the loader's controller loose, then stays just below a short limit
    /// to see whether a longer one stands behind it.
    pub(super) async fn soak(&mut self) -> Result<(), Stop> {
        let Some(found) = self.best_quota() else {
            return Ok(());
        };
        let Some(rate) = found.rate_per_s else {
            return Ok(());
        };
        let is_long = found.window_s.is_some_and(|span| span.value > LONG_S);
        if is_long {
            return Ok(());
        }
        let seen = self.seen_by_now();
        let from = self.bench.records.len();
        self.front = sure_fit(&seen.fits)
            .filter(|_| seen.behind.is_none())
            .map(|fit| Front { fit, from });
        let mut below_per_s = rate.value * BELOW;
        for _ in 0..WATCHES {
            if !self.watch(below_per_s).await? {
                break;
            }
            below_per_s *= LOWER;
        }
        if self.seen_by_now().behind.is_none() {
            self.control().await?;
        }
        Ok(())
    }

    /// Stays at a rate, and where a longer limit shows, meets it a few times.
    /// True where the short limit itself was too close.
    async fn watch(&mut self, rate_per_s: f64) -> Result<bool, Stop> {
        self.bench
            .begin("just below the limit found: is there another one behind it?");
        loop {
            let left = self.to_spend();
            let seen = self.seen_by_now();
            let is_met = seen.behind.is_some();
            let admitted = self.last_cycle().map_or(0, |cycle| cycle.admitted);
            let is_dear = u64::from(admitted) + 20 > left;
            if is_met && (seen.cycles_behind >= CYCLES_BEHIND || is_dear) {
                return Ok(false);
            }
            self.reopen().await?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of requests within the budget"
            )]
            let most = match is_met {
                true => left,
                false => ((WATCH_S * rate_per_s) as u64).min(left / 2),
            };
            let bout = self.evenly(rate_per_s, most).await?;
            if bout.was_cut && self.to_spend() > most / 2 {
                continue;
            }
            if !bout.was_refused {
                return Ok(false);
            }
            // Refused, and not by a longer limit: the rate was misread, which
            // the fit knows by now, or requests came too unevenly.
            if self.seen_by_now().behind.is_none() {
                return Ok(true);
            }
        }
    }

    /// The loader's own controller, started from what was found.
    async fn control(&mut self) -> Result<(), Stop> {
        let seen = self.seen_by_now();
        let limit = limit_of(&seen.fits, seen.cycles, &self.bench.records);
        let most = (self.to_spend() as f64 * SHARE) as u64;
        let Some(learned) = limit.learned(self.longest_wait_s()) else {
            return Ok(());
        };
        let affordable_s = most as f64 / learned.rate_per_s;
        if affordable_s < 4.0
            || limit
                .window_s
                .is_some_and(|span| span.value * 2.0 > affordable_s)
        {
            return Ok(());
        }
        self.bench
            .begin("the loader's own controller at that limit");
        self.reopen().await?;
        let settings = LimitSettings {
            max_in_flight: self.bench.bounds().max_in_flight,
            starting_point: Some(learned),
            ..LimitSettings::default()
        };
        let controller = Controller::new(settings, Instant::now().into_std(), 1);
        let (first, began_s) = (self.bench.records.len(), self.bench.now_s());
        self.tried = Some(first);
        let ends = Instant::now() + Duration::from_secs_f64(CONTROLLED_S.min(affordable_s));
        let stopped = self.bench.drive_by(controller, most, ends).await;
        let admitted = self.bench.records[first..]
            .iter()
            .filter(|record| record.is_admitted());
        self.soaked_per_s = Some(admitted.count() as f64 / (self.bench.now_s() - began_s).max(0.1));
        match stopped {
            Some(stop) => Err(stop),
            None => Ok(()),
        }
    }

    /// Requests for the soak; the rest is for the comparison with others.
    fn to_spend(&self) -> u64 {
        let kept = self.bench.bounds().max_requests / KEPT;
        self.bench.requests_left().saturating_sub(kept)
    }

    fn longest_wait_s(&self) -> f64 {
        let waits_s = self.bench.records.iter().filter_map(Record::wait_s);
        waits_s.fold(0.0, f64::max)
    }
}

impl<T: Target> Bench<T> {
    /// Sends as the controller allows.
    async fn drive_by(
        &mut self,
        mut controller: Controller,
        most: u64,
        ends: Instant,
    ) -> Option<Stop> {
        let mut under_way = UnderWay::new();
        let (mut sent, mut stop) = (0_u64, None);
        loop {
            while let Some((number, permit, asked)) = arrived(&mut under_way) {
                tell(&mut controller, permit, &asked);
                stop = self.note(number, asked).or(stop);
            }
            let mut wake = ends;
            while stop.is_none() && sent < most && Instant::now() < ends {
                match controller.poll(Instant::now().into_std()) {
                    Decision::Go if self.is_closed() => {
                        wake = self.gate();
                        break;
                    }
                    Decision::Go => {}
                    Decision::WaitUntil(at) => {
                        wake = ends.min(Instant::from_std(at));
                        break;
                    }
                    Decision::WaitForReply => break,
                }
                let Some(number) = self.open_record() else {
                    stop = Some(Stop::Requests);
                    break;
                };
                let permit = controller.on_send(Instant::now().into_std());
                let target = self.target();
                send(&mut under_way, async move {
                    (number, permit, target.ask(None).await)
                });
                sent += 1;
            }
            let is_over = stop.is_some() || sent >= most || Instant::now() >= ends;
            if under_way.is_empty() && is_over {
                break;
            }
            let mut interrupted = self.interrupted();
            tokio::select! {
                biased;
                Some((number, permit, asked)) = under_way.next() => {
                    tell(&mut controller, permit, &asked);
                    stop = self.note(number, asked).or(stop);
                }
                () = sleep_until(wake), if !is_over => {}
                () = asked_to_stop(&mut interrupted) => {
                    stop = Some(Stop::Interrupted);
                    break;
                }
            }
        }
        self.drop_unanswered();
        stop
    }
}

/// A reply in the controller's words.
fn tell(controller: &mut Controller, permit: Permit, asked: &Asked) {
    let observation = match asked {
        Asked::Answered { answer, hint, .. } => match answer {
            Answer::Admitted => Observation::Accepted { hint: *hint },
            Answer::Refused { wait_s } => Observation::Throttled {
                retry_after: wait_s.and_then(|s| Duration::try_from_secs_f64(s).ok()),
                hint: *hint,
            },
            Answer::Doubtful { wait_s } => Observation::Unavailable {
                retry_after: wait_s.and_then(|s| Duration::try_from_secs_f64(s).ok()),
                failures: 1,
            },
            Answer::Failed => Observation::Transient { failures: 1 },
        },
        Asked::Impossible(_) => Observation::Neutral { hint: None },
    };
    let _ = controller.on_reply(Instant::now().into_std(), permit, &observation);
}
