//! Values that the cycles suggest, for the searches to start from.

use super::Evidence;

/// Lengths of windows in round numbers.
const USUAL_S: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 3600.0];
/// Lengths spread evenly over what was seen, for tenants that say nothing.
const SPREAD: u32 = 16;

/// Cycles that say when a window of the clock may have begun.
const EDGES: usize = 2;

impl Evidence<'_> {
    /// Seconds from the first request to the last.
    pub(super) fn length_s(&self) -> f64 {
        match (self.records.first(), self.records.last()) {
            (Some(first), Some(last)) => last.replied_s - first.sent_s,
            _ => 0.0,
        }
    }

    /// Lengths that a window might have.
    pub(super) fn window_lengths_s(&self) -> Vec<f64> {
        let mut lengths_s = Vec::new();
        for (index, cycle) in self.cycles.iter().enumerate() {
            if let Some(told_s) = cycle.told_s {
                lengths_s.push(cycle.open_for_s() + told_s - 0.5);
            }
            if let Some(next) = self.cycles.get(index + 1) {
                lengths_s.push(next.opened_s - cycle.opened_s);
                lengths_s.push(next.refused_s - cycle.refused_s);
                if let (Some(told_s), Some(next_told_s)) = (cycle.told_s, next.told_s) {
                    lengths_s.push(next.refused_s + next_told_s - cycle.refused_s - told_s);
                }
            }
        }
        let longest_s = (self.length_s() * 1.2).max(0.2);
        lengths_s.extend(USUAL_S);
        let ratio = longest_s / 0.1;
        lengths_s.extend((0..=SPREAD).map(|step| {
            let share = f64::from(step) / f64::from(SPREAD);
            0.1 * ratio.powf(share)
        }));
        lengths_s.retain(|length_s| (0.05..=longest_s).contains(length_s));
        lengths_s.sort_by(f64::total_cmp);
        lengths_s.dedup_by(|one, other| (*one / *other - 1.0).abs() < 0.005);
        lengths_s
    }

    /// Moments at which a window of the clock may have begun.
    pub(super) fn edges_s(&self) -> Vec<f64> {
        let mut edges_s = Vec::new();
        for (index, cycle) in self.cycles.iter().enumerate().take(EDGES) {
            let next = self.cycles.get(index + 1);
            match cycle.told_s {
                Some(told_s) => edges_s.extend(
                    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
                        .map(|early_s| cycle.refused_s + told_s - early_s),
                ),
                None => {
                    if let Some((next, emptied_s)) =
                        next.and_then(|next| Some((next, next.emptied_s?)))
                    {
                        let gap_s = next.opened_s - emptied_s;
                        edges_s.extend(
                            [0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9]
                                .map(|part| next.opened_s - part * gap_s),
                        );
                    }
                }
            }
        }
        edges_s
    }
}
