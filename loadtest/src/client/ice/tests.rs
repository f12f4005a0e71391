use super::*;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn credentials(name: &str) -> Credentials {
    Credentials {
        ufrag: name.into(),
        password: format!("{name}-password-0123456789"),
    }
}

fn agent(now: Instant, candidates: &[SocketAddr]) -> IceAgent {
    IceAgent::new(
        now,
        Crypto::new().unwrap(),
        credentials("local"),
        credentials("remote"),
        candidates,
    )
}

fn sent(out: &mut Outbox) -> Vec<(SocketAddr, Message)> {
    let messages = out
        .iter()
        .map(|(to, bytes)| {
            let mut message = Message::new();
            message.unmarshal_binary(bytes).unwrap();
            (to, message)
        })
        .collect();
    out.clear();
    messages
}

/// What an ICE-lite node would answer.
fn success(request: &Message, password: &str) -> Vec<u8> {
    let crypto = Crypto::new().unwrap();
    let mut response = Message::new();
    let setters: [Box<dyn Setter + '_>; 5] = [
        Box::new(request.transaction_id),
        Box::new(BINDING_SUCCESS),
        Box::new(XorMappedAddress {
            ip: [127, 0, 0, 1].into(),
            port: 9,
        }),
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
            password.to_owned(),
            crypto.operations(),
        )),
        Box::new(FINGERPRINT),
    ];
    response.build(&setters).unwrap();
    response.raw
}

const PASSWORD: &str = "remote-password-0123456789";

#[test]
fn requests_are_complete_and_authentic() {
    let now = Instant::now();
    let mut agent = agent(now, &[address(1)]);
    let mut out = Outbox::default();
    assert_eq!(agent.handle_timeout(now, &mut out), None);
    let mut requests = sent(&mut out);
    assert_eq!(requests.len(), 1);
    let (to, request) = &mut requests[0];
    assert_eq!(*to, address(1));
    assert_eq!(request.typ, BINDING_REQUEST);
    assert_eq!(request.get(ATTR_USERNAME).unwrap(), b"remote:local");
    assert_eq!(request.get(ATTR_ICE_CONTROLLING).unwrap().len(), 8);
    assert_eq!(request.get(ATTR_PRIORITY).unwrap().len(), 4);
    assert!(!request.contains(ATTR_USE_CANDIDATE));
    FINGERPRINT.check(request).unwrap();
    let crypto = Crypto::new().unwrap();
    MessageIntegrity::check(request, PASSWORD.as_bytes(), crypto.operations()).unwrap();
}

#[test]
fn the_first_candidate_that_answers_is_nominated_and_selected() {
    let now = Instant::now();
    let mut agent = agent(now, &[address(1), address(2)]);
    let mut out = Outbox::default();
    agent.handle_timeout(now, &mut out);
    let requests = sent(&mut out);
    assert_eq!(requests.len(), 2);
    let answer = success(&requests[1].1, PASSWORD);
    assert_eq!(
        agent.handle_datagram(now, address(2), &answer, &mut out),
        None
    );
    let nomination = sent(&mut out);
    assert_eq!(nomination.len(), 1);
    assert_eq!(nomination[0].0, address(2));
    assert!(nomination[0].1.contains(ATTR_USE_CANDIDATE));
    let answer = success(&nomination[0].1, PASSWORD);
    let event = agent.handle_datagram(now, address(2), &answer, &mut out);
    assert_eq!(event, Some(IceEvent::Selected(address(2))));
    assert_eq!(agent.selected(), Some(address(2)));
    assert_eq!(agent.refused_answers, 0);
}

#[test]
fn answers_with_a_wrong_key_or_from_elsewhere_or_unasked_change_nothing() {
    let now = Instant::now();
    let mut agent = agent(now, &[address(1)]);
    let mut out = Outbox::default();
    agent.handle_timeout(now, &mut out);
    let request = sent(&mut out).remove(0).1;
    agent.handle_datagram(
        now,
        address(1),
        &success(&request, "wrong password"),
        &mut out,
    );
    assert_eq!((agent.refused_answers, out.len()), (1, 0));
    // The transaction is used up by now.
    agent.handle_datagram(now, address(1), &success(&request, PASSWORD), &mut out);
    assert_eq!(out.len(), 0);
    agent.handle_timeout(now + CHECK_INTERVAL, &mut out);
    let request = sent(&mut out).remove(0).1;
    agent.handle_datagram(now, address(3), &success(&request, PASSWORD), &mut out);
    assert_eq!((agent.refused_answers, out.len()), (2, 0));
    assert_eq!(agent.selected(), None);
}

#[test]
fn consent_is_asked_for_and_its_loss_reported() {
    let mut now = Instant::now();
    let mut agent = agent(now, &[address(1)]);
    let mut out = Outbox::default();
    agent.handle_timeout(now, &mut out);
    for _ in 0..2 {
        let request = sent(&mut out).remove(0).1;
        agent.handle_datagram(now, address(1), &success(&request, PASSWORD), &mut out);
    }
    assert!(agent.selected().is_some());
    let start = now;
    let mut lost = false;
    while now < start + Duration::from_secs(60) && !lost {
        now = agent.poll_timeout().max(now + Duration::from_millis(1));
        lost = agent.handle_timeout(now, &mut out) == Some(IceEvent::ConsentLost);
        let requests = sent(&mut out);
        // For the first 20 s the node answers.
        if now < start + Duration::from_secs(20) {
            assert_eq!(requests.len(), 1);
            let answer = success(&requests[0].1, PASSWORD);
            agent.handle_datagram(now, address(1), &answer, &mut out);
        }
    }
    assert!(lost);
    assert!(now >= start + Duration::from_secs(44), "{:?}", now - start);
}
