//! Finding the highest rate that still passes: faster by a factor until one fails, then halving
//! the gap. A step that fails is tried once more, as one pause of a shared machine is no limit.

/// Steps grow by this factor until one fails.
const GROWTH: f64 = 1.5;
/// The search ends when the gap is this small.
const PRECISION: f64 = 1.04;
/// Rates tried at most, second tries apart.
const MAX_RATES: usize = 16;

#[derive(Clone, Copy, Debug)]
pub struct Search {
    passed: Option<f64>,
    failed: Option<f64>,
    next: f64,
    is_second_try: bool,
    rates: usize,
}

impl Search {
    pub fn from(start: f64) -> Self {
        Self {
            passed: None,
            failed: None,
            next: start.max(1.0),
            is_second_try: false,
            rates: 0,
        }
    }

    /// The rate to try; `None`: found.
    pub fn next(&self) -> Option<f64> {
        let is_found = match (self.passed, self.failed) {
            (Some(passed), Some(failed)) => failed / passed <= PRECISION,
            _ => false,
        };
        (!is_found && self.rates < MAX_RATES).then_some(self.next)
    }

    /// How the last rate went.
    pub fn record(&mut self, has_passed: bool) {
        let rate = self.next;
        if !has_passed && !self.is_second_try {
            self.is_second_try = true;
            return;
        }
        self.is_second_try = false;
        self.rates += 1;
        if has_passed {
            self.passed = Some(rate);
        } else {
            self.failed = Some(rate);
        }
        self.next = match (self.passed, self.failed) {
            (Some(passed), Some(failed)) => (passed * failed).sqrt(),
            (Some(passed), None) => passed * GROWTH,
            (None, _) => rate / GROWTH,
        };
    }

    /// Highest rate that passed.
    #[cfg(test)]
    pub fn found(&self) -> Option<f64> {
        self.passed
    }
}

/// The middle value; of two middle ones their mean.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted.get(middle.checked_sub(1)?)? + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(start: f64, limit: f64) -> (Option<f64>, usize) {
        let mut search = Search::from(start);
        let mut steps = 0;
        while let Some(rate) = search.next() {
            search.record(rate <= limit);
            steps += 1;
        }
        (search.found(), steps)
    }

    #[test]
    fn the_limit_is_found_from_either_side_in_few_steps() {
        for (start, limit) in [
            (50_000.0, 290_000.0),
            (50_000.0, 1_200_000.0),
            (500_000.0, 100_000.0),
        ] {
            let (found, steps) = search(start, limit);
            let found = found.unwrap();
            assert!(
                found <= limit && found * PRECISION >= limit,
                "{found} of {limit}"
            );
            assert!(steps <= 22, "{steps}");
        }
    }

    #[test]
    fn it_ends_where_nothing_passes_or_everything() {
        assert_eq!(search(1000.0, 0.0).0, None);
        assert!(search(1000.0, f64::MAX).0.is_some());
    }

    #[test]
    fn one_failure_alone_decides_nothing() {
        let mut search = Search::from(100.0);
        search.record(false);
        assert_eq!(search.next(), Some(100.0));
        search.record(true);
        assert_eq!(search.found(), Some(100.0));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
