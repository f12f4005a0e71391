//! What the network tells us: transport-wide feedback, later estimates and pacing.
