//! Models of tenants: what they admit, and how they word a refusal.

use std::collections::VecDeque;
use std::time::Duration;

/// One limit. Times are seconds of the server.
#[derive(Clone, Debug)]
pub enum Limit {
    /// So many per window; anchored to the first request or to the clock.
    Window {
        quota: f64,
        length_s: f64,
        anchored: bool,
    },
    /// Refills steadily.
    Bucket { rate_per_s: f64, burst: f64 },
    /// Refills in chunks.
    Chunks {
        chunk: f64,
        period_s: f64,
        burst: f64,
    },
    /// So many in any stretch; may count what it refuses.
    Sliding {
        quota: f64,
        length_s: f64,
        counts_refused: bool,
    },
    /// So many in service at once.
    AtOnce { places: f64 },
}

/// A limit and what it remembers.
#[derive(Clone, Debug)]
pub struct Meter {
    limit: Limit,
    level: f64,
    mark_s: f64,
    log: VecDeque<f64>,
}

impl Meter {
    pub fn new(limit: Limit) -> Self {
        let (level, mark_s) = match limit {
            Limit::Bucket { burst, .. } => (burst, 0.0),
            Limit::Chunks {
                burst, period_s, ..
            } => (burst, period_s),
            _ => (0.0, f64::NEG_INFINITY),
        };
        Self {
            limit,
            level,
            mark_s,
            log: VecDeque::new(),
        }
    }

    /// `Err` holds when it is worth coming back, where that can be said.
    fn look(&mut self, now_s: f64, in_service: usize) -> Result<(), Option<f64>> {
        match self.limit {
            Limit::Window {
                quota,
                length_s,
                anchored,
            } => {
                if now_s >= self.mark_s + length_s {
                    self.mark_s = if anchored {
                        now_s
                    } else {
                        now_s - now_s.rem_euclid(length_s)
                    };
                    self.level = 0.0;
                }
                if self.level < quota {
                    Ok(())
                } else {
                    Err(Some(self.mark_s + length_s))
                }
            }
            Limit::Bucket { rate_per_s, burst } => {
                self.level = (self.level + rate_per_s * (now_s - self.mark_s)).min(burst);
                self.mark_s = now_s;
                let missing = 1.0 - self.level;
                if missing <= 0.0 {
                    Ok(())
                } else {
                    Err(Some(now_s + missing / rate_per_s))
                }
            }
            Limit::Chunks {
                chunk,
                period_s,
                burst,
            } => {
                while self.mark_s <= now_s {
                    self.level = (self.level + chunk).min(burst);
                    self.mark_s += period_s;
                }
                if self.level >= 1.0 {
                    Ok(())
                } else {
                    Err(Some(self.mark_s))
                }
            }
            Limit::Sliding {
                quota,
                length_s,
                counts_refused,
            } => {
                while self
                    .log
                    .front()
                    .is_some_and(|at_s| at_s + length_s <= now_s)
                {
                    self.log.pop_front();
                }
                let quota = quota as usize;
                if self.log.len() < quota {
                    return Ok(());
                }
                let free_s = self.log[self.log.len() - quota] + length_s;
                if counts_refused {
                    self.log.push_back(now_s);
                }
                Err(Some(free_s))
            }
            Limit::AtOnce { places } => {
                if (in_service as f64) < places {
                    Ok(())
                } else {
                    Err(None)
                }
            }
        }
    }

    fn admit(&mut self, now_s: f64) {
        match self.limit {
            Limit::Window { .. } => self.level += 1.0,
            Limit::Bucket { .. } | Limit::Chunks { .. } => self.level -= 1.0,
            Limit::Sliding { .. } => self.log.push_back(now_s),
            Limit::AtOnce { .. } => {}
        }
    }

    fn change(&mut self, at_s: f64, to: f64) {
        let _ = self.look(at_s, 0); // settle what was earned under the old limit
        match &mut self.limit {
            Limit::Window { quota: value, .. }
            | Limit::Bucket {
                rate_per_s: value, ..
            }
            | Limit::Chunks { chunk: value, .. }
            | Limit::Sliding { quota: value, .. }
            | Limit::AtOnce { places: value } => *value = to,
        }
    }

    /// Remaining and seconds to the reset, as `inin-ratelimit-*` says them.
    fn headers(&self, now_s: f64) -> Option<(f64, u64)> {
        let Limit::Window {
            quota, length_s, ..
        } = self.limit
        else {
            return None;
        };
        let reset_s = (self.mark_s + length_s - now_s).max(0.0).ceil() as u64;
        Some((quota - self.level, reset_s.max(1)))
    }
}

/// How a refusal words the wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wording {
    /// Whole seconds, rounded up, at least one.
    Seconds,
    /// Always this many seconds, true or not.
    Always(u64),
    /// A date of the server's clock.
    Date,
    Nothing,
}

/// In what form a refusal comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusing {
    /// 429.
    TooMany,
    /// 503, as nginx does it unless told otherwise.
    Unavailable,
    /// The connection is closed without a word.
    Reset,
}

/// A stretch in which a share of the admitted requests fails with 503.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    pub from_s: f64,
    pub to_s: f64,
    pub share: f64,
}

#[derive(Clone, Debug)]
pub struct Tenant {
    pub limits: Vec<Meter>,
    pub wording: Wording,
    pub refusing: Refusing,
    pub sends_headers: bool,
    /// (places, exponent): past so many in service, service slows down.
    pub knee: Option<(f64, f64)>,
    /// (time, new value) of the first limit.
    pub changes: VecDeque<(f64, f64)>,
    pub storms: Vec<Storm>,
    /// The wait that a storm's 503s name.
    pub storm_wait: Option<Duration>,
    /// Round trip: median, sigma of its lognormal, share that is network.
    pub round_trip_s: f64,
    pub sigma: f64,
    pub network_share: f64,
}

pub enum Answer {
    Done,
    Failed,
    /// Wait in header form: seconds, or (date, reply's date).
    Refused(Option<Wait>),
}

#[derive(Clone, Copy, Debug)]
pub enum Wait {
    Seconds(u64),
    Date { until: u64, date: u64 },
}

/// The server's clock at the start of the run.
pub const EPOCH_S: f64 = 1_800_000_000.25;

impl Tenant {
    pub fn new(limits: Vec<Limit>, wording: Wording) -> Self {
        Self {
            limits: limits.into_iter().map(Meter::new).collect(),
            wording,
            refusing: Refusing::TooMany,
            sends_headers: false,
            knee: None,
            changes: VecDeque::new(),
            storms: Vec::new(),
            storm_wait: None,
            round_trip_s: 0.08,
            sigma: 0.3,
            network_share: 0.2,
        }
    }

    pub fn answer(&mut self, now_s: f64, in_service: usize, dice: f64) -> Answer {
        while let Some((at_s, to)) = self
            .changes
            .front()
            .copied()
            .filter(|change| change.0 <= now_s)
        {
            self.limits[0].change(at_s, to);
            self.changes.pop_front();
        }
        let (mut refused, mut useful_s) = (false, None::<f64>);
        for meter in &mut self.limits {
            if let Err(at_s) = meter.look(now_s, in_service) {
                refused = true;
                useful_s = at_s.map_or(useful_s, |at_s| Some(useful_s.unwrap_or(at_s).max(at_s)));
            }
        }
        if refused {
            return Answer::Refused(self.word(now_s, useful_s));
        }
        self.limits.iter_mut().for_each(|meter| meter.admit(now_s));
        let storm = self
            .storms
            .iter()
            .find(|storm| (storm.from_s..storm.to_s).contains(&now_s));
        if storm.is_some_and(|storm| dice < storm.share) {
            Answer::Failed
        } else {
            Answer::Done
        }
    }

    fn word(&self, now_s: f64, useful_s: Option<f64>) -> Option<Wait> {
        match self.wording {
            Wording::Nothing => None,
            Wording::Always(seconds) => Some(Wait::Seconds(seconds)),
            Wording::Seconds => {
                useful_s.map(|at_s| Wait::Seconds(((at_s - now_s).ceil() as u64).max(1)))
            }
            Wording::Date => useful_s.map(|at_s| Wait::Date {
                until: (EPOCH_S + at_s.max(now_s)).ceil() as u64,
                date: (EPOCH_S + now_s) as u64,
            }),
        }
    }

    pub fn headers(&self, now_s: f64) -> Option<(f64, u64)> {
        if self.sends_headers {
            self.limits[0].headers(now_s)
        } else {
            None
        }
    }

    pub fn slowdown(&self, in_service: usize) -> f64 {
        self.knee.map_or(1.0, |(places, exponent)| {
            (in_service as f64 / places).max(1.0).powf(exponent)
        })
    }

    /// Mean time in service without load, in seconds.
    pub fn mean_service_s(&self) -> f64 {
        self.round_trip_s * (1.0 - self.network_share) * (self.sigma * self.sigma / 2.0).exp()
    }
}
