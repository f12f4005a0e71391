//! What a node admits, from what is written and from the machine.

use firstbell_signaling::AdmissionConfig;
use firstbell_signaling::admission::capacity::Load;

use super::meant::{positive, seconds};
use super::written;

/// What one media thread carries of the packets of ordinary classes: three quarters of what it did at
/// saturation (docs/performance.md, "A forwarded packet", class mix).
const PACKETS_PER_SECOND_PER_SHARD: u64 = 350_000;

/// Joins that one core takes while the classes on it notice nothing: a fifth of its time, at a
/// millisecond each.
const JOINS_PER_SECOND_PER_SHARD: u32 = 200;

/// After a rest the joins of this share of a second come in at once, and at least a class.
const BURST_DIVISOR: u32 = 4;
const LEAST_BURST: u32 = 32;

pub(super) fn admission(
    written: &written::Admission,
    shards: usize,
    mistakes: &mut Vec<String>,
) -> AdmissionConfig {
    let per_shard = u32::try_from(shards).unwrap_or(u32::MAX);
    let joins_per_second = match written.joins_per_second {
        0 => JOINS_PER_SECOND_PER_SHARD.saturating_mul(per_shard),
        written => written,
    };
    let packets_per_second = match written.packets_per_second {
        0 => PACKETS_PER_SECOND_PER_SHARD.saturating_mul(per_shard.into()),
        written => written,
    };
    if written.unannounced_class_size == 0 {
        mistakes.push("admission.unannounced_class_size: must be at least 1".into());
    }
    AdmissionConfig {
        joins_per_second,
        burst: (joins_per_second / BURST_DIVISOR).max(LEAST_BURST),
        capacity: Load {
            packets_per_second,
            bits_per_second: unless_zero(written.bandwidth_megabits_per_second, 1_000_000),
            memory_bytes: unless_zero(written.memory_megabytes, 1_000_000),
        },
        unannounced_class_size: written.unannounced_class_size,
        max_wait: seconds(
            "admission.max_wait_seconds",
            written.max_wait_seconds,
            mistakes,
        ),
        max_waiting: positive("admission.max_waiting", written.max_waiting, mistakes),
        ..AdmissionConfig::default()
    }
}

/// So many units; 0: not looked at.
fn unless_zero(count: u64, unit: u64) -> u64 {
    match count {
        0 => u64::MAX,
        count => count.saturating_mul(unit),
    }
}
