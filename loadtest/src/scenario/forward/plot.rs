//! Delay and loss over the rate, as an SVG written by hand: two panels above each other.

use std::fmt::Write as _;

use super::phases::Step;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const PANEL: f64 = 170.0;
const GAP: f64 = 50.0;

/// One panel: where it is and what its axis ends at.
struct Panel<'a> {
    title: &'a str,
    top: f64,
    color: &'a str,
    /// Highest value.
    most: f64,
    points: Vec<(f64, f64)>,
}

/// The plot of `steps`, of which repeated rates are all drawn.
pub fn svg(title: &str, steps: &[Step]) -> String {
    let mut steps: Vec<&Step> = steps.iter().collect();
    steps.sort_by(|a, b| a.offered_pps.total_cmp(&b.offered_pps));
    let most_rate = nice(
        steps
            .iter()
            .map(|step| step.offered_pps)
            .fold(1.0, f64::max),
    );
    let delays: Vec<(f64, f64)> = steps
        .iter()
        .filter_map(|step| Some((step.offered_pps, step.delay_p99_us? as f64 / 1000.0)))
        .collect();
    let losses: Vec<(f64, f64)> = steps
        .iter()
        .map(|step| (step.offered_pps, step.loss * 100.0))
        .collect();
    let most =
        |points: &[(f64, f64)]| nice(points.iter().map(|point| point.1).fold(0.01, f64::max));
    let panels = [
        Panel {
            title: "delay p99, ms",
            top: TOP,
            color: "#1f6feb",
            most: most(&delays),
            points: delays,
        },
        Panel {
            title: "loss, %",
            top: TOP + PANEL + GAP,
            color: "#c0392b",
            most: most(&losses),
            points: losses,
        },
    ];
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"15\">{}</text>\n",
        escaped(title)
    );
    for panel in &panels {
        panel.draw(most_rate, &mut out);
    }
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">packets offered a second, thousands</text>\n</svg>\n",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 12.0
    );
    out
}

impl Panel<'_> {
    fn draw(&self, most_rate: f64, out: &mut String) {
        let bottom = self.top + PANEL;
        let x = |rate: f64| LEFT + rate / most_rate * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| bottom - value / self.most * PANEL;
        let _ = writeln!(
            out,
            "<text x=\"{LEFT}\" y=\"{:.1}\" fill=\"{}\">{}</text>",
            self.top - 6.0,
            self.color,
            self.title
        );
        for part in 0..=4 {
            let share = f64::from(part) / 4.0;
            let (value, rate) = (self.most * share, most_rate * share);
            let _ = writeln!(
                out,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
                 <text x=\"{label}\" y=\"{text:.1}\" text-anchor=\"end\">{value}</text>\
                 <text x=\"{x:.1}\" y=\"{under:.1}\" text-anchor=\"middle\">{rate:.0}</text>",
                y = y(value),
                right = WIDTH - RIGHT,
                label = LEFT - 6.0,
                text = y(value) + 4.0,
                value = short(value),
                x = x(rate),
                under = bottom + 16.0,
                rate = rate / 1000.0,
            );
        }
        let line: Vec<String> = self
            .points
            .iter()
            .map(|(rate, value)| format!("{:.1},{:.1}", x(*rate), y(*value)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            line.join(" "),
            self.color
        );
        for (rate, value) in &self.points {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{}\"/>",
                x(*rate),
                y(*value),
                self.color
            );
        }
    }
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

fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(rate: f64, loss: f64, delay: Option<u64>) -> Step {
        Step {
            offered_pps: rate,
            loss,
            delay_p99_us: delay,
            ..Step::default()
        }
    }

    #[test]
    fn every_step_is_a_dot_within_the_frame() {
        let steps = [
            step(300_000.0, 0.1, Some(40_000)),
            step(50_000.0, 0.0, Some(300)),
            step(150_000.0, 0.0, None),
        ];
        let svg = svg("frames <30>", &steps);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("frames &lt;30&gt;"));
        assert_eq!(svg.matches("<circle").count(), 5);
        assert_eq!(svg.matches("<polyline").count(), 2);
        for cx in svg.split("cx=\"").skip(1) {
            let cx: f64 = cx.split('"').next().unwrap().parse().unwrap();
            assert!((LEFT..=WIDTH - RIGHT).contains(&cx), "{cx}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn no_steps_are_an_empty_plot() {
        let svg = svg("", &[]);
        assert!(!svg.contains("NaN") && !svg.contains("<circle"));
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert!((nice(3.0) - 4.0).abs() < 1e-9);
        assert!((nice(9.0) - 10.0).abs() < 1e-9);
        assert!((nice(290_000.0) - 400_000.0).abs() < 1e-3);
        assert_eq!(short(0.25), "0.25");
        assert_eq!(short(40.0), "40");
    }
}
