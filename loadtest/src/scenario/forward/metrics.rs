//! What the node says about itself, in Prometheus' text format.

use std::collections::BTreeMap;

/// Sum of all samples of `name` that have every one of `labels`.
pub fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    samples(text, name)
        .filter(|(found, _)| labels.iter().all(|wanted| found.contains(wanted)))
        .map(|(_, value)| value)
        .sum()
}

/// Sums of `name` by the value of `label`, zeroes left out.
pub fn by_label(text: &str, name: &str, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (labels, value) in samples(text, name).filter(|(_, value)| *value > 0) {
        if let Some((_, found)) = labels.iter().find(|(key, _)| *key == label) {
            *sums.entry((*found).to_owned()).or_default() += value;
        }
    }
    sums
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

/// The node's label values are plain words: no escapes, no commas.
fn samples<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (Labels<'a>, u64)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let labels = labels
            .split(',')
            .filter_map(|label| {
                let (key, value) = label.split_once('=')?;
                Some((key.trim(), value.trim().trim_matches('"')))
            })
            .collect();
        let value: f64 = value.trim().parse().ok()?;
        Some((labels, value as u64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP x_total h\n# TYPE x_total counter\n\
        x_total{outcome=\"forwarded\",shard=\"0\"} 40\n\
        x_total{outcome=\"forwarded\",shard=\"1\"} 2\n\
        x_total{outcome=\"refused\",shard=\"0\"} 0\n\
        x_total_more{outcome=\"forwarded\"} 9\nplain 3\nbroken{ 4\n";

    #[test]
    fn samples_are_found_by_name_and_labels() {
        assert_eq!(sum(TEXT, "x_total", &[("outcome", "forwarded")]), 42);
        let both = [("shard", "1"), ("outcome", "forwarded")];
        assert_eq!(sum(TEXT, "x_total", &both), 2);
        assert_eq!(sum(TEXT, "plain", &[]), 3);
        assert_eq!(sum(TEXT, "absent", &[]), 0);
    }

    #[test]
    fn sums_by_label_leave_zeroes_out() {
        let sums = by_label(TEXT, "x_total", "outcome");
        assert_eq!(
            sums.into_iter().collect::<Vec<_>>(),
            [("forwarded".into(), 42)]
        );
    }
}
