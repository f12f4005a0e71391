use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Publish,
    Pop,
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![0..40usize, 0..=MAX_MESSAGE_BYTES].prop_map(Step::Push),
        1 => Just(Step::Publish),
        4 => Just(Step::Pop),
        1 => Just(Step::Release),
    ]
}

fn message(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number * 31 + at * 7) as u8).collect()
}

proptest! {
    /// Against plain lists: what is pushed is seen once published, once and in order; it is full
    /// exactly when as many wait as there are slots, counting those read but not released.
    #[test]
    fn behaves_like_a_bounded_list(
        messages in 1..20usize,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let (mut writer, mut reader) = queue(messages);
        let slots = messages.next_power_of_two();
        let (mut unpublished, mut waiting) = (VecDeque::new(), VecDeque::new());
        let (mut unreleased, mut number) = (0, 0);
        for step in steps {
            match step {
                Step::Push(len) => {
                    let message = message(number, len);
                    let used = unpublished.len() + waiting.len() + unreleased;
                    prop_assert_eq!(writer.push(&message), used < slots);
                    if used < slots {
                        unpublished.push_back(message);
                    }
                    number += 1;
                }
                Step::Publish => {
                    writer.publish();
                    waiting.append(&mut unpublished);
                }
                Step::Pop => {
                    let mut seen = None;
                    let any = reader.pop(|message| seen = Some(message.to_vec()));
                    let expected = waiting.pop_front();
                    unreleased += usize::from(any);
                    prop_assert_eq!((any, seen), (expected.is_some(), expected));
                }
                Step::Release => {
                    reader.release();
                    unreleased = 0;
                }
            }
        }
    }
}

#[test]
fn a_message_longer_than_a_slot_is_refused() {
    let (mut writer, mut reader) = queue(2);
    assert!(!writer.push(&[1; MAX_MESSAGE_BYTES + 1]));
    assert!(writer.push(&[2; MAX_MESSAGE_BYTES]));
    writer.publish();
    assert!(reader.pop(|message| assert_eq!(message, [2; MAX_MESSAGE_BYTES])));
    assert!(!reader.pop(|_| ()));
}

/// Two threads, a small ring, messages of all lengths: each byte arrives, in order.
#[test]
fn nothing_is_lost_or_torn_between_threads() {
    const MESSAGES: usize = 100_000;
    let len = |number: usize| number * 37 % 400;
    let (mut writer, mut reader) = queue(16);
    let writing = std::thread::spawn(move || {
        for number in 0..MESSAGES {
            let message = message(number, len(number));
            while !writer.push(&message) {
                writer.publish();
                std::thread::yield_now();
            }
            if number % 5 == 0 {
                writer.publish();
            }
        }
        writer.publish();
    });
    let mut next = 0;
    while next < MESSAGES {
        let mut any = false;
        while reader.pop(|seen| assert!(seen == message(next, len(next)), "message {next}")) {
            next += 1;
            any = true;
        }
        reader.release();
        if !any {
            std::thread::yield_now();
        }
    }
    writing.join().unwrap();
    assert!(!reader.pop(|_| ()));
}
