use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);
const INTERVAL: Duration = Duration::from_millis(40);
const TEMPORAL: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

/// Frames of three packets each, numbered as RFC 7741 has it.
struct Camera {
    frame: u32,
    number: i64,
    tl0_pic_idx: u8,
    layers: bool,
}

impl Camera {
    fn new(layers: bool) -> Self {
        Self {
            frame: 0,
            number: 65_530,
            tl0_pic_idx: 250,
            layers,
        }
    }

    fn frame(&mut self, keyframe: Option<u16>) -> Vec<VideoPacket> {
        let (temporal_id, layer_sync) = match (keyframe, self.layers) {
            (None, true) => TEMPORAL[self.frame as usize % 4],
            _ => (0, false),
        };
        if temporal_id == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        let packets = (0..3)
            .map(|part| VideoPacket {
                number: self.number + part,
                timestamp: (u32::MAX - 90_000).wrapping_add(self.frame * 3_600),
                marker: part == 2,
                starts_frame: part == 0,
                picture_id: ((self.frame + 32_760) % 32_768) as u16,
                tl0_pic_idx: self.tl0_pic_idx,
                temporal_id,
                layer_sync,
                keyframe: keyframe.filter(|_| part == 0),
            })
            .collect();
        self.number += 3;
        self.frame += 1;
        packets
    }
}

/// Sends `count` frames of which `edit` says when each packet comes (`None`: never).
fn play(
    layers: bool,
    count: u32,
    edit: impl Fn(u32, i64, Duration) -> Option<Duration>,
) -> VideoPlayout {
    let mut camera = Camera::new(layers);
    let mut arrivals = Vec::new();
    for frame in 0..count {
        let packets = camera.frame((frame == 0).then_some(720));
        for (part, packet) in (0..).zip(packets) {
            if let Some(at) = edit(frame, part, INTERVAL * frame + MS * 10) {
                arrivals.push((at, packet));
            }
        }
    }
    arrivals.sort_by_key(|(at, packet)| (*at, packet.number));
    let mut playout = VideoPlayout::default();
    for (at, packet) in arrivals {
        while let Some(due) = playout.next_due().filter(|due| *due <= at) {
            playout.advance(due);
        }
        playout.insert(at, packet);
    }
    playout
}

#[test]
fn a_good_line_shows_every_frame_evenly() {
    for layers in [false, true] {
        let mut playout = play(layers, 250, |_, _, at| Some(at));
        let figures = playout.figures();
        assert_eq!((figures.frames, figures.freezes), (250, 0));
        assert_eq!(figures.keyframes, 1);
        assert_eq!(playout.height(), Some(720));
        assert!(!playout.poll_keyframe_request(10_000 * MS));
    }
}

#[test]
fn what_is_sent_again_in_time_is_no_freeze_and_what_is_late_is_one() {
    let late_by = |late: Duration| {
        play(false, 250, move |frame, part, at| match (frame, part) {
            (100, 1) => Some(at + late),
            _ => Some(at),
        })
        .figures()
    };
    assert_eq!(late_by(120 * MS).freezes, 0);
    let figures = late_by(600 * MS);
    assert_eq!((figures.frames, figures.freezes), (250, 1));
    assert!(
        (500 * MS..700 * MS).contains(&figures.frozen),
        "{figures:?}"
    );
}

#[test]
fn without_a_frame_that_others_refer_to_only_a_keyframe_helps() {
    let mut playout = play(false, 60, |frame, _, at| (frame != 50).then_some(at));
    assert_eq!(playout.figures().frames, 50);
    let now = 60 * INTERVAL;
    assert!(!playout.poll_keyframe_request(now), "it may still come");
    playout.give_up();
    assert!(playout.poll_keyframe_request(now));
    assert!(!playout.poll_keyframe_request(now + MS), "asked twice");
    let mut camera = Camera::new(false);
    camera.frame = 60;
    for packet in camera.frame(Some(360)) {
        playout.insert(now + 100 * MS, packet);
    }
    assert_eq!(playout.figures().frames, 51);
    assert_eq!(playout.height(), Some(360));
    assert!(!playout.poll_keyframe_request(now + 400 * MS));
    assert_eq!(playout.heights().len(), 2);
    assert_eq!(playout.keyframe_number(), Some(65_530));
}

#[test]
fn a_stall_is_noticed_without_being_told() {
    let mut playout = play(false, 125, |frame, _, at| (frame != 25).then_some(at));
    assert!(playout.poll_keyframe_request(125 * INTERVAL));
    assert!(!playout.poll_keyframe_request(140 * INTERVAL), "quiet");
}

#[test]
fn frames_of_upper_layers_are_not_missed() {
    // All of the uppermost layer, dropped on the way; numbers have gaps as nobody renumbers here.
    let playout = play(true, 240, |frame, _, at| {
        (frame == 0 || TEMPORAL[frame as usize % 4].0 < 2).then_some(at)
    });
    let figures = playout.figures();
    // The last may still wait for those before it.
    assert!((119..=120).contains(&figures.frames), "{figures:?}");
    assert_eq!(figures.freezes, 0);
}

#[test]
fn a_frame_that_refers_to_a_lost_one_is_not_shown_but_those_after_it_are() {
    // Lost: a frame of layer 1; the one of layer 2 behind it refers to it.
    let playout = play(true, 240, |frame, _, at| (frame != 102).then_some(at));
    assert_eq!(playout.figures().frames, 238);
    assert_eq!(playout.figures().freezes, 0);
}

#[test]
fn a_pause_on_purpose_is_no_freeze() {
    let mut playout = play(false, 50, |_, _, at| Some(at));
    playout.pause(true);
    playout.give_up();
    assert!(!playout.poll_keyframe_request(50 * INTERVAL));
    playout.pause(false);
    let mut camera = Camera::new(false);
    camera.frame = 500;
    for packet in camera.frame(Some(180)) {
        playout.insert(500 * INTERVAL, packet);
    }
    playout.finish(501 * INTERVAL);
    assert_eq!(playout.figures().freezes, 0);
    playout.reset(510 * INTERVAL);
    assert_eq!(playout.heights(), [(510 * INTERVAL, 180)]);
    assert_eq!(playout.figures(), VideoFigures::default());
}

proptest! {
    /// Any order, any loss: no frame is shown twice, none without its reference, none too many
    /// are kept.
    #[test]
    fn nothing_is_shown_that_cannot_be_decoded(
        layers: bool,
        lost in prop::collection::btree_set((0_u32..150, 0_i64..3), 0..40),
        late in prop::collection::vec(0_u64..400, 450),
    ) {
        let playout = play(layers, 150, |frame, part, at| {
            let late = late[(frame * 3) as usize + part as usize];
            (!lost.contains(&(frame, part))).then_some(at + Duration::from_millis(late))
        });
        let broken: BTreeSet<u32> = lost.iter().map(|(frame, _)| *frame).collect();
        let figures = playout.figures();
        prop_assert!(figures.frames <= 150 - broken.len() as u64);
        if !layers && let Some(first) = broken.first() {
            prop_assert!(figures.frames <= u64::from(*first));
        }
        if broken.is_empty() && !layers {
            prop_assert_eq!(figures.frames, 150);
        }
        prop_assert!(playout.frames.len() <= MAX_FRAMES);
    }
}
