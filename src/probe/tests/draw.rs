//! Tenants that nobody made by hand: every kind of limit with figures,
//! latencies and words drawn at random.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Draws of one tenant.
pub(super) struct Draw(SmallRng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Between two values, each order of magnitude as likely.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.0.random::<f64>())
    }

    fn one_of<Choice: Copy>(&mut self, choices: &[Choice]) -> Choice {
        choices[self.0.random_range(0..choices.len())]
    }

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    fn window_s(&mut self) -> f64 {
        match self.happens(0.7) {
            true => self.one_of(&[
                1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 60.0, 60.0, 120.0, 300.0,
            ]),
            false => self.between(1.0, 200.0).round(),
        }
    }

    /// A quota, its window and what else stands in the limit.
    fn quota(&mut self, kind: &str, more: &str) -> (String, f64) {
        let window_s = self.window_s();
        let most = (2000.0 * window_s).min(1500.0);
        let requests = self.between(3.0_f64.max(0.3 * window_s), most).round();
        let limit = format!("kind: {kind}, requests: {requests}, window: {window_s}s{more}");
        (limit, requests / window_s)
    }

    fn bucket(&mut self) -> (String, f64) {
        let rate = self.between(0.5, 1000.0);
        let rate = if rate < 10.0 {
            (rate * 10.0).round() / 10.0
        } else {
            rate.round()
        };
        let burst = self.between(1.0, (rate * 60.0).min(1500.0)).round();
        (
            format!("kind: token_bucket, rate: {rate}, burst: {burst}"),
            rate,
        )
    }

    fn any(&mut self) -> (String, f64) {
        match self.0.random_range(0..4) {
            0 => self.quota("fixed_window", ""),
            1 => self.quota("fixed_window", ", anchor: clock"),
            2 => self.quota("sliding_log", ""),
            _ => self.bucket(),
        }
    }

    fn latency(&mut self) -> String {
        let median = self.between(2.0, 500.0);
        let network = median * self.one_of(&[0.1, 0.25, 0.5]);
        let sigma = self.one_of(&[0.1, 0.2, 0.3, 0.5]);
        format!("latency: {{ median: {median:.1}ms, network: {network:.1}ms, sigma: {sigma} }}")
    }

    fn words(&mut self) -> String {
        let retry_after = self.one_of(&[
            "",
            "",
            "",
            "",
            "",
            "{ form: none }",
            "{ form: none }",
            "{ form: none }",
            "{ form: http_date }",
            "{ form: fraction }",
            "{ form: body }",
            "{ honesty: { scale: 0.3 } }",
            "{ honesty: { fixed: 1s } }",
            "{ honesty: { add: 10s } }",
            "{ honesty: { scale: 3 } }",
        ]);
        let refusals = match self.happens(0.12) {
            true => "refusals: service_unavailable\n",
            false => "",
        };
        match retry_after {
            "" => refusals.to_owned(),
            _ => format!("{refusals}retry_after: {retry_after}\n"),
        }
    }

    /// A tenant of a family, in a scenario's words.
    pub(super) fn tenant(&mut self, family: &str) -> String {
        let latency = self.latency();
        let words = self.words();
        let limits = match family {
            "window" => self.quota("fixed_window", "").0,
            "clock" => self.quota("fixed_window", ", anchor: clock").0,
            "sliding" => {
                let more = self.one_of(&["", "", ", count_rejected: true"]);
                self.quota("sliding_log", more).0
            }
            "bucket" | "trouble" => self.bucket().0,
            "portions" => {
                let every_s = self.one_of(&[1.0, 2.0, 5.0, 10.0, 60.0]);
                let portion = self.between(2.0, 500.0).round();
                let burst = (portion * self.one_of(&[1.0, 2.0, 3.0])).round();
                format!(
                    "kind: token_bucket, rate: {portion}/{every_s}s, burst: {burst}, refill: {{ every: {every_s}s }}"
                )
            }
            "cap" => format!(
                "kind: concurrency, cap: {}",
                self.between(3.0, 200.0).round()
            ),
            "nested" => {
                let (inner, rate) = match self.happens(0.6) {
                    true => {
                        let requests = self.between(5.0, 60.0).round();
                        let window_s = self.one_of(&[1.0, 2.0]);
                        (
                            format!(
                                "kind: fixed_window, requests: {requests}, window: {window_s}s"
                            ),
                            requests / window_s,
                        )
                    }
                    false => {
                        let rate = self.between(5.0, 60.0).round();
                        (
                            format!(
                                "kind: token_bucket, rate: {rate}, burst: {}",
                                (rate * 0.5).ceil()
                            ),
                            rate,
                        )
                    }
                };
                let outer = (rate * 60.0 * self.between(0.3, 0.8)).round();
                format!("{inner} }}, {{ kind: fixed_window, requests: {outer}, window: 60s")
            }
            "beside" => {
                let (limit, rate) = self.any();
                let others = rate * self.one_of(&[0.05, 0.1, 0.2, 0.3]);
                format!("{limit}, other_traffic: {{ rate: {others:.3} }}")
            }
            "headers" => self.quota("fixed_window", "").0,
            _ => unreachable!("a family of the list"),
        };
        let more = match family {
            "headers" => format!(
                "limit_headers: {}\n",
                self.one_of(&[
                    "genesys",
                    "ietf",
                    "ietf_draft06",
                    "x_ratelimit",
                    "x_ratelimit_epoch",
                    "x_ratelimit_epoch_ms",
                    "zendesk",
                    "hubspot",
                    "salesforce"
                ])
            ),
            "trouble" => format!(
                "faults: [{{ kind: server_error, status: 503, ratio: {} }}]\n",
                self.one_of(&[0.003, 0.01, 0.02, 0.05])
            ),
            _ => String::new(),
        };
        format!("limits: [{{ {limits} }}]\n{words}{more}{latency}")
    }
}
