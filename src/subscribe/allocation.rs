//! Which layer of each shown track one participant gets: a pure function of a snapshot.
//!
//! What the line carries is first set aside for audio. The rest climbs a *ladder* of steps, each one
//! slot's next better layer, in a fixed order:
//!
//! 1. What makes a lesson usable: screens, then the stage, each up to [`USABLE_HEIGHT`]; then the
//!    lowest layer of each speaker, of each thumbnail.
//! 2. What makes it good: screens, the stage, speakers, thumbnails, each class level by level, up to
//!    the height at which the tile is shown.
//!
//! A step is taken if it fits. One that does not ends its slot's climb, never that of the others: a
//! screen with a single heavy layer must not leave a narrow line without any picture.
//!
//! The sum never exceeds the target. Steps above what a slot gets now must fit with a margin
//! ([`RISE_MARGIN`]): an estimate that wavers around a layer's rate would else switch it each time.
//! More target never takes a step away in favour of a later one.

/// Height up to which a screen or the stage is served before anybody else gets a picture: letters on
/// a blackboard can be read.
pub const USABLE_HEIGHT: u16 = 360;

/// Share of a step's rate that must be free beyond it before a slot rises, in percent.
pub const RISE_MARGIN: u64 = 15;

/// Higher comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    Screen,
    /// The teacher, and whoever is pinned.
    Stage,
    Speaker,
    Thumbnail,
}

impl Priority {
    pub const ALL: [Priority; 4] = [
        Priority::Screen,
        Priority::Stage,
        Priority::Speaker,
        Priority::Thumbnail,
    ];

    /// What the first round of the ladder gives.
    fn is_usable(self, layer: &LayerOption, is_lowest: bool) -> bool {
        match self {
            Priority::Screen | Priority::Stage => layer.height.is_some_and(|h| h >= USABLE_HEIGHT),
            Priority::Speaker | Priority::Thumbnail => is_lowest,
        }
    }
}

/// One layer that a track offers now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerOption {
    /// What forwarding it takes, all layers below included where they are sent along.
    pub bps: u64,
    /// Rows of the picture, where known.
    pub height: Option<u16>,
}

/// One video slot that shows a track.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    pub priority: Priority,
    /// Height at which the tile is shown; `None`: as large as it comes, 0: not visible.
    pub shown_height: Option<u16>,
    /// From the worst to the best. Empty: no layer is live.
    pub options: &'a [LayerOption],
    /// What the slot gets now, as place in `options`.
    pub current: Option<usize>,
    /// False for a while after the slot had to fall: a line that just failed is not trusted at once.
    pub may_rise: bool,
}

/// What one slot gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Place in [`Demand::options`].
    Layer(usize),
    Off(OffReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffReason {
    /// The tile is not visible.
    Hidden,
    /// The track has no live layer.
    NotLive,
    /// The line does not carry it.
    Narrow,
}

/// How much of the video asked for is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// All that is wanted, or nothing was.
    Full,
    Reduced,
    /// None of it.
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// One per demand, in their order.
    pub choices: Vec<Choice>,
    /// What the chosen layers take, without audio.
    pub video_bps: u64,
    /// The target at which everything wanted would be given: what is worth probing for.
    pub wanted_bps: u64,
    pub delivery: Delivery,
}

/// Distributes `target_bps` over audio and the slots' `demands`. Demands of one priority come in the
/// order of their importance.
pub fn allocate(target_bps: u64, audio_bps: u64, demands: &[Demand<'_>]) -> Allocation {
    let mut ladder = Ladder {
        budget: target_bps.saturating_sub(audio_bps),
        used: 0,
        climbs: demands.iter().map(Climb::new).collect(),
    };
    for priority in Priority::ALL {
        ladder.climb(priority, |climb| climb.usable());
    }
    for priority in Priority::ALL {
        ladder.climb(priority, |climb| climb.best);
    }
    let choices: Vec<_> = ladder.climbs.iter().map(Climb::choice).collect();
    let wanted: u64 = ladder.climbs.iter().map(Climb::wanted_bps).sum();
    Allocation {
        delivery: delivery(&ladder.climbs),
        video_bps: ladder.used,
        wanted_bps: with_margin(wanted).saturating_add(audio_bps),
        choices,
    }
}

struct Ladder<'a> {
    /// Bits a second for all video.
    budget: u64,
    used: u64,
    climbs: Vec<Climb<'a>>,
}

impl Ladder<'_> {
    /// Takes the slots of one priority level by level up to what `goal` says of each.
    fn climb(&mut self, priority: Priority, goal: impl Fn(&Climb<'_>) -> Option<usize>) {
        let highest = self.climbs.iter().filter_map(&goal).max();
        let Some(highest) = highest else { return };
        for level in 0..=highest {
            for climb in &mut self.climbs {
                let within = goal(climb).is_some_and(|goal| level <= goal);
                if climb.demand.priority == priority && within && climb.next() == Some(level) {
                    climb.step(level, self.budget, &mut self.used);
                }
            }
        }
    }
}

struct Climb<'a> {
    demand: &'a Demand<'a>,
    /// Where the climb ends at best; `None` where nothing can be given.
    best: Option<usize>,
    reached: Option<usize>,
    /// A step did not fit.
    stuck: bool,
}

impl<'a> Climb<'a> {
    fn new(demand: &'a Demand<'a>) -> Self {
        Self {
            demand,
            best: best(demand),
            reached: None,
            stuck: false,
        }
    }

    /// The end of the first round.
    fn usable(&self) -> Option<usize> {
        let best = self.best?;
        let options = self.demand.options.iter().enumerate().take(best + 1);
        let usable = options
            .filter(|&(index, layer)| self.demand.priority.is_usable(layer, index == 0))
            .map(|(index, _)| index)
            .next();
        Some(usable.unwrap_or(best))
    }

    /// The next level to reach, unless the climb is over.
    fn next(&self) -> Option<usize> {
        (!self.stuck).then(|| self.reached.map_or(0, |reached| reached + 1))
    }

    fn step(&mut self, level: usize, budget: u64, used: &mut u64) {
        let options = self.demand.options;
        let Some(layer) = options.get(level) else {
            self.stuck = true;
            return;
        };
        let below = self
            .reached
            .and_then(|reached| options.get(reached))
            .map_or(0, |layer| layer.bps);
        // Measured rates may have a better layer cheaper than a worse one: then it comes for free.
        let more = layer.bps.saturating_sub(below);
        let rises = self.demand.current.is_none_or(|current| level > current);
        let needed = if rises { with_margin(more) } else { more };
        let fits = used.saturating_add(needed) <= budget && (!rises || self.demand.may_rise);
        if !fits {
            self.stuck = true;
            return;
        }
        *used += more;
        self.reached = Some(level);
    }

    fn choice(&self) -> Choice {
        match self.reached {
            Some(level) => Choice::Layer(level),
            None if self.demand.shown_height == Some(0) => Choice::Off(OffReason::Hidden),
            None if self.demand.options.is_empty() => Choice::Off(OffReason::NotLive),
            None => Choice::Off(OffReason::Narrow),
        }
    }

    /// What the climb's end would take.
    fn wanted_bps(&self) -> u64 {
        let options = self.demand.options.iter();
        let reachable = options.take(self.best.map_or(0, |best| best + 1));
        reachable.map(|layer| layer.bps).max().unwrap_or(0)
    }
}

/// The best layer that is worth forwarding: of those as high as the tile, or the lowest above it,
/// the last.
fn best(demand: &Demand<'_>) -> Option<usize> {
    let last = demand.options.len().checked_sub(1)?;
    let Some(shown) = demand.shown_height else {
        return Some(last);
    };
    if shown == 0 {
        return None;
    }
    let enough = demand.options.iter().filter_map(|layer| layer.height);
    let Some(enough) = enough.filter(|&height| height >= shown).min() else {
        return Some(last);
    };
    demand
        .options
        .iter()
        .rposition(|layer| layer.height.is_some_and(|height| height <= enough))
        .or(Some(last))
}

fn delivery(climbs: &[Climb<'_>]) -> Delivery {
    let wanted = || climbs.iter().filter(|climb| climb.best.is_some());
    if wanted().all(|climb| climb.reached == climb.best) {
        Delivery::Full
    } else if wanted().any(|climb| climb.reached.is_some()) {
        Delivery::Reduced
    } else {
        Delivery::Off
    }
}

fn with_margin(bps: u64) -> u64 {
    bps.saturating_add(bps.saturating_mul(RISE_MARGIN) / 100)
}

#[cfg(test)]
#[path = "allocation_tests.rs"]
mod tests;
