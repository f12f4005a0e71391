//! What a receiver got, over time, as an SVG written by hand: panels above each other with one
//! clock, one column a class, and in each panel up to five receivers.

use std::fmt::Write as _;

use super::monitor::Second;
use super::report::QualityReport;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 56.0;
const PANEL: f64 = 120.0;
const GAP: f64 = 36.0;
/// Receivers drawn; those before the last five are left out.
const MAX_DRAWN: usize = 5;
const COLORS: [&str; MAX_DRAWN] = ["#1f6feb", "#c0392b", "#2e8b57", "#8e44ad", "#d68910"];
const GREY: &str = "#999";

struct Curve {
    color: &'static str,
    dashed: bool,
    points: Vec<Option<f64>>,
}

struct Panel {
    title: String,
    curves: Vec<Curve>,
}

type Figure = fn(&Second) -> Option<f64>;

/// The whole drawing.
pub fn svg(report: &QualityReport) -> String {
    let panels: Vec<Panel> = report
        .classes
        .iter()
        .flat_map(|class| {
            let skipped = class.receivers.len().saturating_sub(MAX_DRAWN);
            let receivers: Vec<_> = class.receivers.iter().skip(skipped).collect();
            let names: Vec<&str> = receivers.iter().map(|r| r.name.as_str()).collect();
            let series: Vec<&[Second]> = receivers.iter().map(|r| r.seconds.as_slice()).collect();
            panels(&class.class, &names, &series)
        })
        .collect();
    let height = TOP + panels.len() as f64 * (PANEL + GAP) + 10.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}: {}</text>\n",
        escaped(report.scenario),
        escaped(report.about)
    );
    for (index, panel) in panels.iter().enumerate() {
        let top = TOP + index as f64 * (PANEL + GAP);
        panel.draw(top, report.seconds as f64, &mut out);
    }
    out.push_str("</svg>\n");
    out
}

fn panels(class: &str, names: &[&str], series: &[&[Second]]) -> Vec<Panel> {
    let named: Vec<String> = names
        .iter()
        .zip(COLORS)
        .map(|(name, color)| format!("<tspan fill=\"{color}\">{}</tspan>", escaped(name)))
        .collect();
    let curves = |figure: Figure, color: Option<&'static str>, dashed: bool| -> Vec<Curve> {
        series
            .iter()
            .zip(COLORS)
            .map(|(seconds, own)| Curve {
                color: color.unwrap_or(own),
                dashed,
                points: seconds.iter().map(figure).collect(),
            })
            .collect()
    };
    let mut rates = curves(|s| s.capacity_kbps, Some(GREY), true);
    rates.truncate(1);
    rates.extend(curves(|s| s.estimate_kbps, None, true));
    rates.extend(curves(|s| Some(s.arrived_kbps), None, false));
    let panel = |title: &str, curves| Panel {
        title: title.to_owned(),
        curves,
    };
    vec![
        panel(
            &format!(
                "{}: kb/s that came; dashed: the node's estimate, grey the line. {}",
                escaped(class),
                named.join(", ")
            ),
            rates,
        ),
        panel(
            "queueing delay p95 of each second, ms",
            curves(|s| Some(s.queue_ms_p95), None, false),
        ),
        panel(
            "height of the picture",
            curves(|s| s.height.map(f64::from), None, false),
        ),
        panel(
            "pictures shown a second",
            curves(|s| Some(s.frames as f64), None, false),
        ),
        panel(
            "sound concealed, %",
            curves(|s| Some(s.concealed * 100.0), None, false),
        ),
    ]
}

impl Panel {
    fn draw(&self, top: f64, seconds: f64, out: &mut String) {
        let values = self.curves.iter().flat_map(|curve| &curve.points).flatten();
        let most = nice(values.copied().fold(1.0, f64::max));
        let bottom = top + PANEL;
        let x = |at: f64| LEFT + at / seconds.max(1.0) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| bottom - value / most * PANEL;
        let _ = writeln!(
            out,
            "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
            top - 6.0,
            self.title
        );
        for part in 0..=4 {
            let value = most * f64::from(part) / 4.0;
            let _ = writeln!(
                out,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
                 <text x=\"{label}\" y=\"{text:.1}\" text-anchor=\"end\">{value}</text>",
                y = y(value),
                right = WIDTH - RIGHT,
                label = LEFT - 6.0,
                text = y(value) + 4.0,
            );
        }
        for part in 0..=10 {
            let at = seconds * f64::from(part) / 10.0;
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{GREY}\">{at:.0}</text>",
                x(at),
                bottom + 14.0
            );
        }
        for curve in &self.curves {
            for line in lines(&curve.points) {
                let points: Vec<String> = line
                    .iter()
                    .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                    .collect();
                let dash = if curve.dashed {
                    " stroke-dasharray=\"5 3\""
                } else {
                    ""
                };
                let _ = writeln!(
                    out,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"{dash}/>",
                    points.join(" "),
                    curve.color
                );
            }
        }
    }
}

/// Stretches without a hole, each value in the middle of its second.
fn lines(points: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut lines = vec![Vec::new()];
    for (second, value) in points.iter().enumerate() {
        match (value, lines.last_mut()) {
            (Some(value), Some(line)) => line.push((second as f64 + 0.5, *value)),
            (None, Some(line)) if !line.is_empty() => lines.push(Vec::new()),
            _ => {}
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The next of 1, 2, 4 or 8 times a power of ten: quarters of it are round.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 8.0]
        .into_iter()
        .map(|step| step * power)
        .find(|end| *end >= value)
        .unwrap_or(10.0 * power)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::quality::monitor::ReceiverResult;
    use crate::scenario::quality::report::ClassReport;
    use crate::scenario::quality::rig::Agreed;
    use crate::scenario::quality::stage::Outcome;

    fn report(receivers: usize) -> QualityReport {
        let receiver = |number: usize| ReceiverResult {
            name: format!("<{number}>"),
            seconds: (0..20)
                .map(|second| Second {
                    second,
                    estimate_kbps: (second != 5).then_some(500.0),
                    arrived_kbps: 100.0 * second as f64,
                    ..Second::default()
                })
                .collect(),
            ..ReceiverResult::default()
        };
        let outcome = Outcome {
            receivers: (0..receivers).map(receiver).collect(),
            ..Outcome::default()
        };
        QualityReport {
            scenario: "shared-link",
            about: "two & more",
            seconds: 20,
            seed: 1,
            is_too_busy: false,
            passed: true,
            checks: Vec::new(),
            classes: vec![ClassReport::new("c", Agreed::default(), outcome)],
        }
    }

    #[test]
    fn every_receiver_has_its_curves_within_the_frame() {
        let svg = svg(&report(2));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("two &amp; more") && svg.contains("&lt;1&gt;"));
        // Arrived, queue, frames, concealed; the estimate in two pieces; no heights.
        assert_eq!(svg.matches("<polyline").count(), 2 * 6);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        for point in svg.split("points=\"").skip(1) {
            let x: f64 = point.split(',').next().unwrap().parse().unwrap();
            assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{x}");
        }
    }

    #[test]
    fn of_many_the_last_five_are_drawn() {
        let svg = svg(&report(10));
        assert!(svg.contains("&lt;9&gt;") && !svg.contains("&lt;4&gt;"));
    }

    #[test]
    fn holes_split_a_curve() {
        let lines = lines(&[None, Some(1.0), Some(2.0), None, None, Some(3.0)]);
        assert_eq!(lines, [vec![(1.5, 1.0), (2.5, 2.0)], vec![(5.5, 3.0)]]);
    }
}
