//! The controller on a modelled path, in virtual time: the scenarios of RFC 8867 in small.

mod feedback;
mod link;
mod loss_flow;
mod media_flow;
mod scenarios;

use link::Link;
use loss_flow::LossFlow;
use media_flow::MediaFlow;

/// Runs for `seconds`, in steps of a millisecond: as exact as the node's clock.
fn run(seconds: f64, link: &mut Link, media: &mut [MediaFlow], others: &mut [LossFlow]) {
    run_from(0.0, seconds, link, media, others);
}

fn run_from(from: f64, to: f64, link: &mut Link, media: &mut [MediaFlow], others: &mut [LossFlow]) {
    let micros = |seconds: f64| (seconds * 1e6) as i64;
    for now_us in (micros(from)..micros(to)).step_by(1_000) {
        link.tick(now_us);
        for flow in &mut *media {
            flow.tick(now_us, link);
        }
        for flow in &mut *others {
            flow.tick(now_us, link);
        }
    }
}
