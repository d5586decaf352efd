//! Round numbers for an axis.

/// Steps of 1, 2 or 5 times a power of ten, so that at most `most` of them reach `top`.
pub(crate) fn ticks(top: f64, most: usize) -> Vec<f64> {
    let top = if top.is_finite() && top > 0.0 {
        top
    } else {
        1.0
    };
    let rough = top / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let count = (top / step + 0.001).floor() as usize;
    (0..=count).map(|number| number as f64 * step).collect()
}

/// The upper edge of an axis that shows all up to `peak`: the next step above it.
pub(crate) fn round_up(peak: f64, most: usize) -> f64 {
    let steps = ticks(peak, most);
    let step = steps.get(1).copied().unwrap_or(1.0);
    let last = steps.last().copied().unwrap_or(0.0);
    if last + step * 0.001 >= peak && last > 0.0 {
        last
    } else {
        last + step
    }
}

/// A value of an axis, without needless digits.
pub(crate) fn label(value: f64) -> String {
    if value >= 10_000.0 {
        return format!("{}k", trimmed(value / 1_000.0));
    }
    trimmed(value)
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_reach_the_top() {
        assert_eq!(ticks(60.0, 6), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(ticks(130.0, 7), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0]);
        assert_eq!(ticks(1.2, 4), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(f64::NAN, 2), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn the_upper_edge_is_a_step_and_not_below_the_peak() {
        assert_eq!(round_up(60.0, 6), 60.0);
        assert_eq!(round_up(61.0, 4), 80.0);
        assert_eq!(round_up(0.0, 4), 1.0);
        for peak in [0.3, 4.9, 5.0, 17.0, 333.0, 99_999.0] {
            assert!(round_up(peak, 4) >= peak, "{peak}");
        }
    }

    #[test]
    fn labels_have_no_needless_digits() {
        for (value, text) in [(0.0, "0"), (0.5, "0.5"), (250.0, "250"), (25_000.0, "25k")] {
            assert_eq!(label(value), text);
        }
    }
}
