//! A subscriber behind the bottleneck: the node's side sends what the controller allows, the other
//! gives feedback as browsers do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::feedback::{Heard, feedback_about};
use super::link::Link;
use crate::congestion::*;
use crate::wire::rtcp::{Rtcp, parse_compound, write_compound};

const AUDIO_BYTES: usize = 100;
const AUDIO_EVERY_US: i64 = 20_000;
const AUDIO_BPS: f64 = 40_000.0;
const FRAME_EVERY_US: i64 = 50_000;
const LOWEST_VIDEO_BPS: f64 = 20_000.0;
const MAX_PACKET: usize = 1_200;

#[derive(Clone, Copy, Debug)]
pub struct FlowConfig {
    pub start_us: i64,
    /// One way.
    pub delay_us: i64,
    /// The most the encoders would send; also what is wanted.
    pub video_bps: f64,
    /// Rates the source comes in, as an SFU's does; without, it is whatever is allowed.
    pub layers: &'static [f64],
    pub feedback: FeedbackKind,
    /// Share of the feedback that gets lost on its way back.
    pub feedback_loss: f64,
    pub seed: u64,
}

/// Every 100 ms.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at_us: i64,
    pub estimate: Estimate,
}

pub struct MediaFlow {
    config: FlowConfig,
    epoch: Instant,
    pub controller: CongestionController<usize>,
    rng: StdRng,
    sequence: u64,
    next_audio_us: i64,
    next_frame_us: i64,
    next_feedback_us: i64,
    next_sample_us: i64,
    /// At the receiver: (arrival, sequence).
    arriving: VecDeque<Heard>,
    reported_to: u64,
    feedback: VecDeque<(i64, Rtcp)>,
    pub samples: Vec<Sample>,
    /// (time of sending, time waited) of each packet not lost.
    pub waits: Vec<(i64, i64)>,
    pub delivered: Vec<(i64, usize)>,
    pub padding_bytes: u64,
    pub refused: u64,
}

impl MediaFlow {
    pub fn new(config: FlowConfig) -> Self {
        let epoch = Instant::now();
        let controller = CongestionController::new(epoch, CongestionConfig::new(config.feedback));
        let mut flow = Self {
            config,
            epoch,
            controller,
            rng: StdRng::seed_from_u64(config.seed),
            sequence: 65_000,
            next_audio_us: config.start_us,
            next_frame_us: config.start_us,
            next_feedback_us: config.start_us,
            next_sample_us: config.start_us,
            arriving: VecDeque::new(),
            reported_to: 65_000,
            feedback: VecDeque::new(),
            samples: Vec::new(),
            waits: Vec::new(),
            delivered: Vec::new(),
            padding_bytes: 0,
            refused: 0,
        };
        flow.want(config.video_bps);
        flow
    }

    /// The encoders' highest rate from now on.
    pub fn want(&mut self, video_bps: f64) {
        self.config.video_bps = video_bps;
        let wanted = match video_bps > 0.0 {
            true => video_bps + AUDIO_BPS,
            false => 0.0,
        };
        self.controller.set_wanted(self.epoch, wanted as u64);
    }

    fn now(&self, now_us: i64) -> Instant {
        self.epoch + Duration::from_micros(now_us as u64)
    }

    pub fn tick(&mut self, now_us: i64, link: &mut Link) {
        if now_us < self.config.start_us {
            return;
        }
        if self.take_feedback(now_us) {
            if self.controller.estimate().overloaded {
                self.controller.retain_queued(|_| false);
            }
            self.send_due(now_us, link);
        }
        if now_us >= self.next_audio_us {
            self.next_audio_us += AUDIO_EVERY_US;
            self.offer(now_us, AUDIO_BYTES, PacketClass::Audio, link);
        }
        if now_us >= self.next_frame_us {
            self.next_frame_us += FRAME_EVERY_US;
            self.send_frame(now_us, link);
        }
        self.handle_timeout(now_us, link);
        self.give_feedback(now_us);
        if now_us >= self.next_sample_us {
            self.next_sample_us += 100_000;
            let estimate = self.controller.estimate();
            self.samples.push(Sample {
                at_us: now_us,
                estimate,
            });
        }
    }

    fn send_frame(&mut self, now_us: i64, link: &mut Link) {
        let allowed = self.controller.estimate().target_bps as f64 - AUDIO_BPS;
        let bps = match self.config.layers {
            [] => allowed.min(self.config.video_bps),
            layers => {
                let fitting = layers.iter().copied().filter(|layer| *layer <= allowed);
                fitting.fold(0.0, f64::max)
            }
        };
        // An encoder has a lowest rate; below it there is no video.
        if bps < LOWEST_VIDEO_BPS {
            return;
        }
        let seconds = FRAME_EVERY_US as f64 / 1e6;
        let mut bytes = (bps * seconds / 8.0 * self.rng.random_range(0.8..1.2)) as usize;
        while bytes > 0 {
            let packet = bytes.min(MAX_PACKET);
            bytes -= packet;
            self.offer(now_us, packet, PacketClass::Video, link);
        }
    }

    fn offer(&mut self, now_us: i64, bytes: usize, class: PacketClass, link: &mut Link) {
        match self.controller.admit(self.now(now_us), bytes, class) {
            Admit::Now => self.transmit(now_us, bytes, class, link),
            Admit::Queue => self.controller.queue(bytes, bytes, class),
            Admit::Refuse => self.refused += 1,
        }
    }

    fn handle_timeout(&mut self, now_us: i64, link: &mut Link) {
        let now = self.now(now_us);
        if self.controller.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        self.controller.handle_timeout(now);
        self.send_due(now_us, link);
        let again = self.controller.poll_timeout();
        assert!(again.is_none_or(|at| at > now), "due again at once");
    }

    fn send_due(&mut self, now_us: i64, link: &mut Link) {
        let now = self.now(now_us);
        while let Some(bytes) = self.controller.release(now) {
            self.transmit(now_us, bytes, PacketClass::Video, link);
        }
        while let Some(bytes) = self.controller.due_padding(now) {
            let bytes = bytes.min(MAX_PACKET);
            self.padding_bytes += bytes as u64;
            self.transmit(now_us, bytes, PacketClass::Padding, link);
        }
    }

    fn transmit(&mut self, now_us: i64, bytes: usize, class: PacketClass, link: &mut Link) {
        let sequence = self.sequence;
        self.sequence += 1;
        self.controller.on_sent(
            self.now(now_us),
            SentPacket {
                sequence,
                ssrc: 1,
                rtp_sequence: sequence as u16,
                bytes,
                class,
            },
        );
        if let Some(passage) = link.send(now_us, bytes) {
            self.waits.push((now_us, passage.waited_us));
            let arrival = passage.done_us + self.config.delay_us;
            self.delivered.push((arrival, bytes));
            self.arriving.push_back(Heard {
                at_us: arrival,
                sequence,
            });
        }
    }

    fn give_feedback(&mut self, now_us: i64) {
        if now_us < self.next_feedback_us {
            return;
        }
        self.next_feedback_us = now_us + self.rng.random_range(50_000..100_000);
        let mut arrived = Vec::new();
        while let Some(heard) = self.arriving.pop_front_if(|heard| heard.at_us <= now_us) {
            arrived.push(heard);
        }
        if let Some(last) = arrived.last() {
            let from = std::mem::replace(&mut self.reported_to, last.sequence + 1);
            let feedback = feedback_about(self.config.feedback, now_us, from, &arrived);
            let back_us = now_us + self.config.delay_us;
            if !self.rng.random_bool(self.config.feedback_loss) {
                self.feedback.push_back((back_us, feedback));
            }
        }
    }

    /// Over the wire's form, as in the node. Returns whether there was any.
    fn take_feedback(&mut self, now_us: i64) -> bool {
        let now = self.now(now_us);
        let mut any = false;
        while let Some((_, feedback)) = self.feedback.pop_front_if(|(at, _)| *at <= now_us) {
            any = true;
            let mut bytes = Vec::new();
            write_compound(&[feedback], &mut bytes);
            for packet in parse_compound(&bytes).unwrap() {
                match packet {
                    Rtcp::TransportFeedback(it) => self.controller.on_transport_feedback(now, &it),
                    Rtcp::CongestionFeedback(it) => {
                        self.controller.on_congestion_feedback(now, &it);
                    }
                    _ => unreachable!("no other feedback is given"),
                }
            }
        }
        any
    }

    // ---- figures --------------------------------------------------------------------------------

    pub fn target_at(&self, seconds: f64) -> f64 {
        let at = (seconds * 1e6) as i64;
        let sample = self.samples.iter().rev().find(|sample| sample.at_us <= at);
        sample.map_or(0.0, |sample| sample.estimate.target_bps as f64)
    }

    /// Seconds from `from` until the target first holds `condition`.
    pub fn first(&self, from: f64, condition: impl Fn(f64) -> bool) -> f64 {
        self.samples
            .iter()
            .map(|sample| (sample.at_us as f64 / 1e6, sample.estimate.target_bps as f64))
            .find(|(at, bps)| *at >= from && condition(*bps))
            .map_or(f64::INFINITY, |(at, _)| at - from)
    }

    fn targets(&self, from: f64, to: f64) -> Vec<f64> {
        self.samples
            .iter()
            .filter(|sample| (from..to).contains(&(sample.at_us as f64 / 1e6)))
            .map(|sample| sample.estimate.target_bps as f64)
            .collect()
    }

    pub fn mean_target(&self, from: f64, to: f64) -> f64 {
        let targets = self.targets(from, to);
        targets.iter().sum::<f64>() / targets.len().max(1) as f64
    }

    pub fn lowest_target(&self, from: f64, to: f64) -> f64 {
        self.targets(from, to)
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }

    pub fn highest_target(&self, from: f64, to: f64) -> f64 {
        self.targets(from, to).into_iter().fold(0.0, f64::max)
    }

    /// Bits per second that arrived over these seconds.
    pub fn goodput(&self, from: f64, to: f64) -> f64 {
        let within = self
            .delivered
            .iter()
            .filter(|(at, _)| (from..to).contains(&(*at as f64 / 1e6)));
        within.map(|(_, bytes)| *bytes as f64 * 8.0).sum::<f64>() / (to - from)
    }

    /// Of the time packets waited in the queue, in milliseconds, over these seconds: each packet
    /// once.
    pub fn wait_ms(&self, from: f64, to: f64, quantile: f64) -> f64 {
        let mut waits: Vec<i64> = self
            .waits
            .iter()
            .filter(|(at, _)| (from..to).contains(&(*at as f64 / 1e6)))
            .map(|(_, waited)| *waited)
            .collect();
        waits.sort_unstable();
        let at = (waits.len() as f64 * quantile) as usize;
        waits
            .get(at.min(waits.len().saturating_sub(1)))
            .map_or(0.0, |waited| *waited as f64 / 1e3)
    }
}
