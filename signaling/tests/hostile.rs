//! Whatever a client sends, its session answers or ends, and the others go on.

// What fails in a helper fails the test.
#![allow(clippy::unwrap_used)]

mod support;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::Harness;

const TYPES: &[&str] = &[
    "join",
    "resume",
    "wants",
    "publishing",
    "restart",
    "ping",
    "leave",
    "joined",
    "",
];

const FIELDS: &[&str] = &[
    "room",
    "token",
    "offer",
    "client",
    "resume",
    "place",
    "publishing",
    "ticket",
    "pinned",
    "max_video",
    "tiles",
    "source",
    "height",
    "participant",
    "secret",
    "id",
    "type",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(TYPES).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(FIELDS).prop_map(str::to_owned),
            any::<String>()
        ];
        let object = btree_map(key, inner.clone(), 0..5)
            .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()));
        prop_oneof![vec(inner, 0..5).prop_map(Value::Array), object]
    })
}

/// Arbitrary JSON, mostly in the shape of a request.
fn any_message() -> impl Strategy<Value = Value> {
    let fields = btree_map(prop::sample::select(FIELDS), any_json(), 0..6);
    let request = (
        any::<u32>(),
        prop::sample::select(TYPES),
        fields,
        any_json(),
    )
        .prop_map(|(id, kind, fields, ticket)| {
            let mut message = json!({"id": id, "type": kind, "offer": "o", "pinned": []});
            message["ticket"] = json!({"participant": ticket.to_string(), "secret": "s"});
            for (name, value) in fields {
                if name != "id" && name != "type" {
                    message[name] = value;
                }
            }
            message
        });
    prop_oneof![4 => request, 1 => any_json()]
}

async fn throw(messages: Vec<Value>, joined: bool) {
    let h = Harness::new();
    let (mut bystander, _) = h.joined("7b", "bystander").await;
    let mut hostile = if joined {
        h.joined("7b", "hostile").await.0
    } else {
        h.connect().await
    };
    let sent = messages.len();
    for message in messages {
        hostile.send_text(message.to_string()).await;
    }
    // Each is answered, up to the one that ends the session.
    let mut answers = 0;
    while answers < sent {
        let Some(message) = hostile.next().await else {
            break;
        };
        match message["type"].as_str().unwrap() {
            "ended" => {
                assert_eq!(message["code"], "bad_message");
                break;
            }
            "roster" => {}
            _ => answers += 1,
        }
    }
    bystander.ping().await;
    drop((bystander, hostile));
    h.assert_empty().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn arbitrary_json_is_answered_or_ends_the_session(
        messages in vec(any_message(), 1..16),
        joined in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(throw(messages, joined));
    }
}
