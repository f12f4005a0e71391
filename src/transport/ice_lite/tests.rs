use super::*;
use crate::wire::stun::BindingRequest;

/// STUN attribute types (RFC 8489 §14.3, RFC 8445 §16.1).
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

const SERVER: &str = "serverufrag";
const SERVER_PASSWORD: &str = "serverpasswordserverpassword";

fn credentials(ufrag: &str, password: &str) -> IceCredentials {
    IceCredentials {
        ufrag: ufrag.to_owned(),
        password: password.to_owned(),
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

struct Fixture {
    ice: IceLite,
    now: Instant,
    out: SendArena,
    events: Vec<IceEvent>,
    checks: u32,
}

impl Fixture {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            ice: IceLite::new(
                now,
                credentials(SERVER, SERVER_PASSWORD),
                &credentials("client", "clientpasswordclientpassword"),
            ),
            now,
            out: SendArena::new(4096, 64),
            events: Vec::new(),
            checks: 0,
        }
    }

    fn request<'a>(&mut self, use_candidate: bool) -> BindingRequest<'a> {
        self.checks += 1;
        let mut transaction_id = [0; 12];
        transaction_id[..4].copy_from_slice(&self.checks.to_be_bytes());
        BindingRequest {
            transaction_id,
            remote_ufrag: SERVER,
            local_ufrag: "client",
            priority: 1,
            role: IceRole::Controlling(1),
            use_candidate,
            password: SERVER_PASSWORD.as_bytes(),
        }
    }

    fn send(&mut self, from: SocketAddr, request: &BindingRequest<'_>) -> Result<(), DropReason> {
        let mut buffer = [0; 512];
        let len = stun::write_binding_request(&mut buffer, request).unwrap();
        self.handle(from, &buffer[..len])
    }

    fn handle(&mut self, from: SocketAddr, datagram: &[u8]) -> Result<(), DropReason> {
        self.out.clear();
        let events = &mut self.events;
        self.ice
            .handle_check(self.now, from, datagram, &mut self.out, &mut |event| {
                events.push(event);
            })
    }

    fn check(&mut self, from: SocketAddr, use_candidate: bool) {
        let request = self.request(use_candidate);
        self.send(from, &request).unwrap();
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        let events = &mut self.events;
        self.ice
            .handle_timeout(self.now, &mut |event| events.push(event));
    }

    fn take_events(&mut self) -> Vec<IceEvent> {
        std::mem::take(&mut self.events)
    }
}

#[test]
fn answers_a_check_and_selects_only_by_nomination() {
    let mut fixture = Fixture::new();
    let request = fixture.request(false);
    fixture.send(address(1), &request).unwrap();
    let answers: Vec<_> = fixture.out.datagrams().collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, address(1));
    let answer = stun::parse(answers[0].1).unwrap();
    assert_eq!(answer.class(), StunClass::Success);
    assert_eq!(answer.transaction_id(), request.transaction_id);
    assert_eq!(answer.xor_mapped_address(), Some(address(1)));
    assert!(answer.has_fingerprint());
    assert!(answer.verify_integrity(SERVER_PASSWORD.as_bytes()));
    assert_eq!(fixture.ice.selected(), None);
    assert!(fixture.ice.is_validated(address(1)));

    fixture.check(address(2), true);
    assert_eq!(fixture.ice.selected(), Some(address(2)));
    fixture.check(address(1), false);
    assert_eq!(fixture.ice.selected(), Some(address(2)), "not nominated");
    fixture.check(address(1), true);
    assert_eq!(fixture.ice.selected(), Some(address(1)));
    assert_eq!(
        fixture.take_events(),
        [
            IceEvent::Validated(address(1)),
            IceEvent::Validated(address(2)),
            IceEvent::Nominated(address(2)),
            IceEvent::Nominated(address(1)),
        ]
    );
}

#[test]
fn what_is_not_authentic_gets_no_answer_and_changes_nothing() {
    let mut fixture = Fixture::new();
    fixture.check(address(1), true);
    fixture.take_events();
    let genuine = fixture.request(true);
    let attacks = [
        BindingRequest {
            password: b"wrongpasswordwrongpassword",
            ..genuine
        },
        BindingRequest {
            remote_ufrag: "somebodyelse",
            ..genuine
        },
        BindingRequest {
            local_ufrag: "stranger",
            ..genuine
        },
    ];
    for attack in &attacks {
        assert_eq!(
            fixture.send(address(66), attack),
            Err(DropReason::BadIntegrity)
        );
        assert!(fixture.out.is_empty());
    }
    // A nominated check without MESSAGE-INTEGRITY, and a genuine one with a byte changed.
    let mut buffer = [0; 512];
    let mut bare = stun::StunWriter::new(
        &mut buffer,
        StunClass::Request,
        stun::BINDING,
        &genuine.transaction_id,
    );
    bare.attribute(USERNAME, &[format!("{SERVER}:client").as_bytes()]);
    bare.attribute(USE_CANDIDATE, &[]);
    let len = bare.finish(None).unwrap();
    assert_eq!(
        fixture.handle(address(66), &buffer[..len]),
        Err(DropReason::BadIntegrity)
    );
    let len = stun::write_binding_request(&mut buffer, &genuine).unwrap();
    for at in 0..len {
        let mut changed = buffer[..len].to_vec();
        changed[at] ^= 1;
        assert!(fixture.handle(address(66), &changed).is_err(), "byte {at}");
        assert!(fixture.out.is_empty());
    }
    // Success responses and indications: nothing was asked.
    let len = stun::write_binding_success(
        &mut buffer,
        &genuine.transaction_id,
        address(66),
        SERVER_PASSWORD.as_bytes(),
    )
    .unwrap();
    assert_eq!(
        fixture.handle(address(66), &buffer[..len]),
        Err(DropReason::UnexpectedStun)
    );
    assert_eq!(fixture.take_events(), []);
    assert!(!fixture.ice.is_validated(address(66)));
    assert_eq!(fixture.ice.selected(), Some(address(1)));
}

#[test]
fn an_answer_is_never_longer_than_its_check() {
    let mut fixture = Fixture::new();
    let v6: SocketAddr = "[2001:db8::1]:9".parse().unwrap();
    let mut buffer = [0; 512];
    let mut minimal =
        stun::StunWriter::new(&mut buffer, StunClass::Request, stun::BINDING, &[7; 12]);
    minimal.attribute(USERNAME, &[format!("{SERVER}:client").as_bytes()]);
    let len = minimal.finish(Some(SERVER_PASSWORD.as_bytes())).unwrap();
    let before = fixture.out.queued().len();
    match fixture.handle(v6, &buffer[..len]) {
        Ok(()) => assert!(
            fixture
                .out
                .datagrams()
                .all(|(_, answer)| answer.len() <= len)
        ),
        Err(reason) => {
            assert_eq!(reason, DropReason::ShortCheck);
            assert_eq!(fixture.out.queued().len(), before);
        }
    }
    fixture.check(v6, true);
    let (_, answer) = fixture.out.datagrams().next().unwrap();
    assert!(answer.len() <= stun::MAX_BINDING_SUCCESS_LEN);
}

#[test]
fn a_participant_that_wants_to_be_controlled_gets_a_role_conflict() {
    let mut fixture = Fixture::new();
    let request = BindingRequest {
        role: IceRole::Controlled(u64::MAX),
        ..fixture.request(true)
    };
    fixture.send(address(1), &request).unwrap();
    let (_, answer) = fixture.out.datagrams().next().unwrap();
    let answer = stun::parse(answer).unwrap();
    assert_eq!(answer.class(), StunClass::Error);
    assert_eq!(answer.error_code(), Some(487));
    assert!(answer.verify_integrity(SERVER_PASSWORD.as_bytes()));
    assert_eq!(fixture.take_events(), []);
    assert!(!fixture.ice.is_validated(address(1)));
}

#[test]
fn consent_ends_without_checks_on_the_selected_address() {
    let mut fixture = Fixture::new();
    fixture.check(address(1), true);
    fixture.advance(Duration::from_secs(20));
    fixture.check(address(1), false);
    fixture.check(address(2), false);
    fixture.advance(Duration::from_secs(20));
    assert_eq!(fixture.ice.selected(), Some(address(1)), "refreshed");
    fixture.check(address(2), false);
    fixture.take_events();
    assert_eq!(
        fixture.ice.poll_timeout(),
        Some(fixture.now + Duration::from_secs(10))
    );
    fixture.advance(Duration::from_secs(10));
    assert_eq!(
        fixture.take_events(),
        [IceEvent::Forgotten(address(1)), IceEvent::ConsentExpired]
    );
    assert_eq!(fixture.ice.selected(), None);
    fixture.check(address(2), true);
    assert_eq!(fixture.take_events(), [IceEvent::Nominated(address(2))]);
}

#[test]
fn gives_up_when_nobody_comes() {
    let mut fixture = Fixture::new();
    assert_eq!(
        fixture.ice.poll_timeout(),
        Some(fixture.now + CONSENT_TIMEOUT)
    );
    fixture.advance(CONSENT_TIMEOUT - Duration::from_millis(1));
    assert_eq!(fixture.take_events(), []);
    fixture.advance(Duration::from_millis(1));
    assert_eq!(fixture.take_events(), [IceEvent::NeverConnected]);
    assert_eq!(fixture.ice.poll_timeout(), None);
}

#[test]
fn validated_addresses_are_bounded_and_the_selected_one_stays() {
    let mut fixture = Fixture::new();
    fixture.check(address(1), true);
    for port in 2..200 {
        fixture.advance(Duration::from_millis(10));
        fixture.check(address(port), false);
    }
    let forgotten = fixture
        .events
        .iter()
        .filter(|event| matches!(event, IceEvent::Forgotten(_)))
        .count();
    assert_eq!(forgotten, 199 - MAX_VALIDATED);
    assert_eq!(fixture.ice.validated.len(), MAX_VALIDATED);
    assert_eq!(fixture.ice.selected(), Some(address(1)));
    assert!(fixture.ice.is_validated(address(1)));
    assert!(fixture.ice.is_validated(address(199)));
    assert!(!fixture.ice.is_validated(address(150)));
}

#[test]
fn a_restart_keeps_the_path_until_the_first_new_check() {
    const NEW_PASSWORD: &str = "anotherpasswordanotherpassword";
    let mut fixture = Fixture::new();
    fixture.check(address(1), true);
    let now = fixture.now;
    fixture.ice.restart(
        now,
        credentials("restarted", NEW_PASSWORD),
        &credentials("client2", "whatever"),
    );
    assert_eq!(fixture.ice.selected(), Some(address(1)));
    fixture.check(address(1), false);
    let renewed = BindingRequest {
        remote_ufrag: "restarted",
        local_ufrag: "client2",
        password: NEW_PASSWORD.as_bytes(),
        ..fixture.request(true)
    };
    fixture.send(address(2), &renewed).unwrap();
    assert_eq!(fixture.ice.selected(), Some(address(2)));
    let stale = fixture.request(true);
    assert_eq!(
        fixture.send(address(1), &stale),
        Err(DropReason::BadIntegrity),
        "the old credentials end with the first check that uses the new"
    );
}
