//! What one shard's socket did, in plain integers.

/// Buckets of [`DatagramBuckets`], as labels.
pub const BUCKET_LABELS: [&str; 6] = ["1", "2", "3-4", "5-8", "9-16", "17+"];

/// How many messages had 1, 2, 3-4, 5-8, 9-16, 17 or more datagrams.
pub type DatagramBuckets = [u64; BUCKET_LABELS.len()];

/// Counts one message of `datagrams` datagrams.
pub(super) fn count_message(buckets: &mut DatagramBuckets, datagrams: usize) {
    buckets[bucket(datagrams)] += 1;
}

fn bucket(datagrams: usize) -> usize {
    // 1 -> 0, 2 -> 1, 3-4 -> 2, 5-8 -> 3: the bits needed for one less.
    let bits = datagrams.max(1).wrapping_sub(1).checked_ilog2();
    let bucket = bits.map_or(0, |bits| bits as usize + 1);
    bucket.min(BUCKET_LABELS.len() - 1)
}

/// All only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendCounters {
    /// System calls.
    pub calls: u64,
    /// Messages the kernel took; each is one datagram or one run of segments.
    pub messages: u64,
    /// Datagrams that shared a message with others.
    pub segments: u64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Datagrams per message taken.
    pub per_message: DatagramBuckets,
    /// Datagrams sent, by how many their message had.
    pub datagrams_by_message: DatagramBuckets,
    /// Times the socket took no more (EAGAIN, ENOBUFS).
    pub blocked: u64,
    /// Small datagrams kept for when it takes more.
    pub kept: u64,
    /// Dropped because it took no more: too large to keep.
    pub buffer_full: u64,
    /// Dropped because it took no more: small, but the backlog was full.
    pub backlog_full: u64,
    /// Dropped because the kernel refused this destination (unreachable, not permitted).
    pub refused: u64,
    /// Runs the kernel refused as segments and that were sent one by one.
    pub unsegmented: u64,
}

impl SendCounters {
    /// The kernel took one message of `datagrams` datagrams.
    pub(super) fn took(&mut self, datagrams: usize) {
        self.messages += 1;
        self.datagrams += datagrams as u64;
        if datagrams > 1 {
            self.segments += datagrams as u64;
        }
        count_message(&mut self.per_message, datagrams);
        self.datagrams_by_message[bucket(datagrams)] += datagrams as u64;
    }
}

/// All only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveCounters {
    /// System calls that brought something.
    pub calls: u64,
    pub messages: u64,
    /// Datagrams that came in a message with others.
    pub segments: u64,
    pub datagrams: u64,
    /// Datagrams per message.
    pub per_message: DatagramBuckets,
    /// Datagrams the kernel dropped because the receive buffer was full (SO_RXQ_OVFL).
    pub receive_queue_dropped: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    pub sent: SendCounters,
    pub received: ReceiveCounters,
    /// Times a queue to another shard took no more.
    pub relay_blocked: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fall_into_the_buckets_their_labels_name() {
        let mut buckets = DatagramBuckets::default();
        for datagrams in 0..=64 {
            count_message(&mut buckets, datagrams);
        }
        assert_eq!(buckets, [2, 1, 2, 4, 8, 48]);
    }

    #[test]
    fn every_datagram_sent_is_in_one_bucket() {
        let mut sent = SendCounters::default();
        for datagrams in [1, 1, 2, 5, 64] {
            sent.took(datagrams);
        }
        assert_eq!(sent.datagrams_by_message, [2, 2, 0, 5, 0, 64]);
        assert_eq!(
            sent.datagrams_by_message.iter().sum::<u64>(),
            sent.datagrams
        );
        assert_eq!((sent.messages, sent.segments), (5, 71));
    }
}
