//! The options of `quality`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use firstbell_linksim::Profile;

/// Shorter runs than this share of a scenario's own length show too little of it.
const SHORTEST: f64 = 0.5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScenarioName {
    /// 3 Mb/s, then 0.5, then 3 again
    VariableCapacity,
    /// Two receivers behind one line of 1.6 Mb/s
    SharedLink,
    /// A receiver and a download behind one line of 2 Mb/s
    CompetingFlow,
    /// Five receivers with ways of 10 to 150 ms behind one line of 4 Mb/s
    RttUnfairness,
    /// 5 % of the packets lost, 100 ms round trip
    #[value(name = "loss-5")]
    Loss5,
    /// 10 % of the packets lost
    #[value(name = "loss-10")]
    Loss10,
    /// 30 % of the packets lost, in bursts
    #[value(name = "loss-30-bursty")]
    Loss30Bursty,
    /// 3 Mb/s, then 60 kb/s, then 3 Mb/s
    #[value(name = "narrow-60k")]
    Narrow60k,
    /// Ten receivers, one of them on 300 kb/s with 10 % loss: what do the other nine feel of it?
    OneOfTen,
}

impl ScenarioName {
    pub fn name(self) -> &'static str {
        match self {
            Self::VariableCapacity => "variable-capacity",
            Self::SharedLink => "shared-link",
            Self::CompetingFlow => "competing-flow",
            Self::RttUnfairness => "rtt-unfairness",
            Self::Loss5 => "loss-5",
            Self::Loss10 => "loss-10",
            Self::Loss30Bursty => "loss-30-bursty",
            Self::Narrow60k => "narrow-60k",
            Self::OneOfTen => "one-of-ten",
        }
    }

    /// The line of the same name.
    ///
    /// # Errors
    /// There is none.
    pub fn profile(self) -> anyhow::Result<&'static Profile> {
        match Profile::find(self.name()) {
            Some(profile) => Ok(profile),
            None => bail!("no line is called {}", self.name()),
        }
    }
}

/// A teacher with voice and camera on a good line, receivers behind emulated ones, one node between.
/// Says per second what each receiver got, and whether the scenario's thresholds were met.
#[derive(Args, Clone, Debug)]
pub struct QualityArgs {
    #[arg(long, value_enum)]
    pub scenario: ScenarioName,
    /// How long is measured; without it as long as the scenario needs
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: Option<u64>,
    /// Of all that is left to chance on the lines and at the sources
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Copies of earlier frames in each voice packet, where RED is agreed; browsers send one
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=4))]
    pub red_depth: u8,
    /// Node to start; without it `firstbell` beside this program, built if it is missing
    #[arg(long, value_name = "FILE")]
    pub node_binary: Option<PathBuf>,
    /// Draw it all over time, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// The report as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

impl QualityArgs {
    /// How long is measured.
    ///
    /// # Errors
    /// Too short for the scenario.
    pub fn length(&self) -> anyhow::Result<u64> {
        let own = self.scenario.profile()?.seconds;
        let seconds = self.seconds.unwrap_or(own);
        let least = (own as f64 * SHORTEST) as u64;
        if seconds < least {
            bail!("{} needs {least} s at least", self.scenario.name());
        }
        Ok(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_its_line_and_the_agreed_name() {
        for scenario in ScenarioName::value_variants() {
            assert_eq!(scenario.profile().unwrap().name, scenario.name());
            let value = scenario.to_possible_value().unwrap();
            assert_eq!(value.get_name(), scenario.name());
        }
        assert_eq!(ScenarioName::value_variants().len(), 9);
    }
}
