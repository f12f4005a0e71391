//! Whether what arrived in a slot is one stream that a decoder can play. Knows nothing of how the
//! node numbers; only what a receiver may rely on.

use std::time::Duration;

use crate::receiver::{Arrived, Content, Receiver};
use crate::truth::{Truth, Vp8Numbers};

/// How far the time on the timestamps may be from that between arrivals, across a switch: what
/// the network's jitter and one frame's interval make.
const SWITCH_TOLERANCE: f64 = 0.150;

/// A stretch of one source in a slot.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub publisher: u64,
    pub source: firstbell::media::Source,
    /// Frames, or audio packets.
    pub units: usize,
    pub first_at: Duration,
    pub last_at: Duration,
}

impl Run {
    fn new(truth: &Truth, at: Duration) -> Self {
        Self {
            publisher: truth.publisher,
            source: truth.source,
            units: 1,
            first_at: at,
            last_at: at,
        }
    }
}

/// The shortest pause after which one source may begin anew in a slot.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

struct Frame {
    truth: Truth,
    numbers: Vp8Numbers,
    timestamp: u32,
    at: Duration,
    /// It began with a packet that had to be sent again: `at` is not when it was due.
    is_late: bool,
    is_complete: bool,
}

/// Checks a video slot from its first whole keyframe to what is still being repaired, or its end.
/// Every number in between must be there, and nothing may have been given up.
pub fn video(receiver: &Receiver) -> Result<Vec<Run>, String> {
    match receiver.given_up {
        0 => video_after_losses(receiver),
        count => Err(format!("{:?}: {count} given up", receiver.line.mid)),
    }
}

/// The same from the first whole keyframe after what was given up.
pub fn video_after_losses(receiver: &Receiver) -> Result<Vec<Run>, String> {
    let Some(first) = receiver.decodable_from else {
        return match receiver.packets.is_empty() {
            true => Ok(Vec::new()),
            false => Err(format!("{:?}: nothing to decode", receiver.line.mid)),
        };
    };
    let end = receiver.first_missing().unwrap_or(u64::MAX).max(first);
    let mut runs: Vec<Run> = Vec::new();
    let mut last: Option<Frame> = None;
    let mut previous = None;
    for (&index, packet) in receiver.packets.range(first..end) {
        let named = |fault: String| format!("{:?} #{index}: {fault}", receiver.line.mid);
        if let Some(previous) = previous
            && index != previous + 1
        {
            return Err(named(format!("{} numbers missing", index - previous - 1)));
        }
        previous = Some(index);
        let (truth, numbers) = match packet.content {
            Content::Video { truth, numbers } => (truth, numbers),
            Content::Padding => continue,
            Content::Audio { .. } => return Err(named("audio".to_owned())),
        };
        match &mut last {
            Some(frame) if frame.truth.is_same_frame(&truth) => {
                next_part(frame, packet, &truth, &numbers).map_err(named)?;
            }
            _ => {
                let frame = next_frame(last.as_ref(), packet, truth, numbers).map_err(named)?;
                let goes_on = last
                    .as_ref()
                    .is_some_and(|last| goes_on(90_000, last, &frame));
                match runs.last_mut().filter(|_| goes_on) {
                    Some(run) => {
                        run.units += 1;
                        run.last_at = packet.at;
                    }
                    None => runs.push(Run::new(&truth, packet.at)),
                }
                last = Some(frame);
            }
        }
    }
    Ok(runs)
}

/// Whether `next` is what the publisher sent after `last`, as long after it as it was captured.
/// What is not so is a switch, be it from one source to itself, and has to look like one.
fn goes_on(rate: u32, last: &Frame, next: &Frame) -> bool {
    let captured = next.truth.captured.saturating_sub(last.truth.captured);
    let ticks = captured.as_millis() as u32 * (rate / 1000);
    let is_restart = next.truth.keyframe && captured >= LEAST_PAUSE;
    !is_restart
        && last.truth.is_same_source(&next.truth)
        && next.truth.number == last.truth.number + 1
        && next.timestamp.wrapping_sub(last.timestamp) == ticks
}

fn next_part(
    frame: &mut Frame,
    packet: &Arrived,
    truth: &Truth,
    numbers: &Vp8Numbers,
) -> Result<(), String> {
    let in_order = truth.part == frame.truth.part + 1;
    let same = Vp8Numbers {
        starts_frame: true,
        ..*numbers
    } == frame.numbers
        && packet.timestamp == frame.timestamp;
    if !in_order || !same || numbers.starts_frame {
        return Err(format!("{truth:?} {numbers:?} within {:?}", frame.truth));
    }
    frame.truth.part = truth.part;
    frame.is_complete = is_complete(packet, truth)?;
    Ok(())
}

fn is_complete(packet: &Arrived, truth: &Truth) -> Result<bool, String> {
    let is_last = truth.part + 1 == truth.parts;
    if is_last != packet.marker {
        return Err(format!("marker {} on {truth:?}", packet.marker));
    }
    Ok(is_last)
}

fn next_frame(
    last: Option<&Frame>,
    packet: &Arrived,
    truth: Truth,
    numbers: Vp8Numbers,
) -> Result<Frame, String> {
    if truth.part != 0 || !numbers.starts_frame {
        return Err(format!("a frame begins with {truth:?}"));
    }
    let frame = Frame {
        truth,
        numbers,
        timestamp: packet.timestamp,
        at: packet.at,
        is_late: packet.was_missing,
        is_complete: is_complete(packet, &truth)?,
    };
    let Some(last) = last else {
        return truth
            .keyframe
            .then_some(frame)
            .ok_or_else(|| format!("begins with {truth:?}"));
    };
    let goes_on = goes_on(90_000, last, &frame);
    if goes_on && !last.is_complete {
        return Err(format!("{:?} is not complete", last.truth));
    }
    if !goes_on && !truth.keyframe {
        return Err(format!("{:?} is followed by {truth:?}", last.truth));
    }
    check_picture_numbers(&last.numbers, &numbers, !goes_on)?;
    if !goes_on && !last.is_late && !frame.is_late {
        check_switch_time(90_000, last.timestamp, last.at, &frame)?;
    }
    Ok(frame)
}

/// RFC 7741 §4.2: the picture id counts frames, TL0PICIDX those of the base layer.
fn check_picture_numbers(
    last: &Vp8Numbers,
    next: &Vp8Numbers,
    is_switch: bool,
) -> Result<(), String> {
    let picture_id = (last.picture_id + 1) & 0x7FFF;
    let is_base = is_switch || next.temporal_id == 0;
    let tl0_pic_idx = last.tl0_pic_idx.wrapping_add(u8::from(is_base));
    if (next.picture_id, next.tl0_pic_idx) != (picture_id, tl0_pic_idx) {
        return Err(format!("{last:?} is followed by {next:?}"));
    }
    Ok(())
}

/// Across a switch the timestamps go on by the time that passed.
fn check_switch_time(rate: u32, timestamp: u32, at: Duration, next: &Frame) -> Result<(), String> {
    let ticks = next.timestamp.wrapping_sub(timestamp);
    let shown = f64::from(ticks as i32) / f64::from(rate);
    let passed = next.at.as_secs_f64() - at.as_secs_f64();
    if shown < 0.02 || (shown - passed).abs() > SWITCH_TOLERANCE {
        return Err(format!(
            "a switch after {passed:.3} s is {shown:.3} s in timestamps"
        ));
    }
    Ok(())
}

/// Checks an audio slot. What the network lost is lost; but every gap must be exactly as long as
/// what is missing in it. `lossless`: nothing was lost on the way from the node, so there may be
/// no gap across a switch.
pub fn audio(receiver: &Receiver, lossless: bool) -> Result<Vec<Run>, String> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last: Option<(u64, Truth, &Arrived)> = None;
    for (&index, packet) in &receiver.packets {
        let Content::Audio {
            truth,
            level: Some(_),
        } = packet.content
        else {
            let content = packet.content;
            return Err(format!("{:?} #{index}: {content:?}", receiver.line.mid));
        };
        let begins = match &last {
            None => true,
            Some((before, earlier, at)) => {
                let step = audio_step(index - before, (earlier, at), (&truth, packet), lossless);
                step.map_err(|fault| format!("{:?} #{index}: {fault}", receiver.line.mid))?
            }
        };
        // A talkspurt begins (RFC 3551 §4.1); the packet with the marker may have been lost.
        if begins && lossless && !packet.marker {
            return Err(format!("{:?} #{index}: no marker", receiver.line.mid));
        }
        match runs.last_mut().filter(|_| !begins) {
            Some(run) => {
                run.units += 1;
                run.last_at = packet.at;
            }
            None => runs.push(Run::new(&truth, packet.at)),
        }
        last = Some((index, truth, packet));
    }
    Ok(runs)
}

/// Whether the packet `numbers` after the last one begins anew.
fn audio_step(
    numbers: u64,
    (earlier, before): (&Truth, &Arrived),
    (truth, packet): (&Truth, &Arrived),
    lossless: bool,
) -> Result<bool, String> {
    let captured = truth.captured.saturating_sub(earlier.captured);
    let ticks = packet.timestamp.wrapping_sub(before.timestamp);
    if earlier.is_same_source(truth) {
        let packets = u64::from(truth.number.wrapping_sub(earlier.number));
        if numbers == packets && ticks == captured.as_millis() as u32 * 48 {
            return Ok(false);
        }
        // From a source to itself only a pause can have been: muting, or losing the slot.
        if captured < LEAST_PAUSE {
            return Err(format!(
                "{numbers} numbers and {ticks} ticks for {packets} packets, {captured:?}"
            ));
        }
    }
    if lossless && numbers > 1 {
        return Err(format!("{} numbers missing across a switch", numbers - 1));
    }
    let shown = f64::from(ticks as i32) / 48_000.0;
    let passed = packet.at.as_secs_f64() - before.at.as_secs_f64();
    if shown < 0.02 || (shown - passed).abs() > SWITCH_TOLERANCE {
        return Err(format!("a switch after {passed:.3} s is {shown:.3} s"));
    }
    Ok(true)
}

/// Seconds between capture and the node's wall clock for what a slot shows, by its last sender
/// report: the same for voice and picture of one person, or lips do not match.
pub fn capture_offset(receiver: &Receiver, rate: u32) -> Option<f64> {
    let (_, ntp, rtp) = receiver.reports.last()?;
    let (_, packet) = receiver.packets.last_key_value()?;
    let truth = packet.content.truth()?;
    let behind = f64::from(packet.timestamp.wrapping_sub(*rtp) as i32) / f64::from(rate);
    Some(ntp + behind - truth.captured.as_secs_f64())
}

/// The longest time a packet was missing that then came.
pub fn longest_recovery(receiver: &Receiver) -> Duration {
    let times = receiver.recoveries.iter().map(|(since, at)| *at - *since);
    times.max().unwrap_or_default()
}
