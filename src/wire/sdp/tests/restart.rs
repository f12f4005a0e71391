use super::checker::{Sections, values};
use super::*;

const NEW_UFRAG: &str = "a=ice-ufrag:nEw2";

fn restarted(name: &str) -> String {
    let with_new = |line: &str| match line.starts_with("a=ice-ufrag:") {
        true => format!("{NEW_UFRAG}\r\n"),
        false => format!("{line}\r\n"),
    };
    fixture_named(name).lines().map(with_new).collect()
}

fn restart(offer: &str, plan: &SessionPlan) -> Result<Restarted, SdpError> {
    let ice = IceCredentials {
        ufrag: "newserver".into(),
        password: "newpasswordnewpasswordnew".into(),
    };
    renegotiate_restart(
        &parse_offer(offer)?,
        plan,
        RestartParams {
            session_id: 4_242,
            session_version: 2,
            ice: &ice,
            candidates: &server_candidates(),
            fingerprint: &server_fingerprint(),
            cname: "cname-1",
        },
    )
}

#[test]
fn a_restart_changes_the_credentials_and_nothing_else() {
    for (name, offer) in FIXTURES {
        for preference in [DtlsRole::Client, DtlsRole::Server] {
            let first = negotiate_as(offer, preference).expect(name);
            let again = restart(&restarted(name), &first.session).expect(name);
            assert_eq!(again.remote_ice.ufrag, "nEw2");
            let expected = first
                .answer
                .replace("o=- 4242 1 ", "o=- 4242 2 ")
                .replace("srvufrag", "newserver")
                .replace("serverpasswordserverpassword", "newpasswordnewpasswordnew");
            assert_eq!(again.answer, expected, "{name}");
        }
    }
}

#[test]
fn a_restart_that_changes_more_is_refused() {
    let name = "chromium-av-default";
    let plan = answer_to(fixture_named(name)).unwrap().session;
    assert_eq!(
        restart(fixture_named(name), &plan).err(),
        Some(SdpError::NotARestart)
    );
    let offer = restarted(name);
    let other_certificate = offer.replace("02:B8", "03:B8");
    let fewer_slots = offer.replace("a=sendrecv", "a=sendonly");
    let other_source = offer.replace("a=sendrecv", "a=recvonly");
    let other_setup = offer.replace("a=setup:actpass", "a=setup:passive");
    for (offer, what) in [
        (other_certificate, "certificate fingerprint"),
        (fewer_slots, "receiving lines"),
        (other_source, "publishing lines"),
        (other_setup, "DTLS role"),
    ] {
        assert_eq!(
            restart(&offer, &plan).err(),
            Some(SdpError::RestartChanged(what))
        );
    }
    // One slot more than there is.
    let more = format!("{}{}", offer, video_line("9", "recvonly"));
    let more = more.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1 2 9");
    assert_eq!(
        restart(&more, &plan).err(),
        Some(SdpError::RestartChanged("receiving lines"))
    );
}

#[test]
fn ssrcs_announced_only_on_restart_are_no_change() {
    let name = "chromium-simulcast-vp8-3rid";
    let plan = answer_to(fixture_named(name)).unwrap().session;
    let offer = restarted(name) + "a=ssrc:5 cname:x\r\n";
    assert!(restart(&offer, &plan).is_ok());
}

#[test]
fn a_restart_needs_the_rest_of_the_offer_too() {
    let name = "firefox-av-default";
    let plan = answer_to(fixture_named(name)).unwrap().session;
    let offer = restarted(name).replace("a=group:BUNDLE", "a=group:LS");
    assert_eq!(
        restart(&offer, &plan).err(),
        Some(SdpError::NotBundled("0".into()))
    );
    let answer = restart(&restarted(name), &plan).unwrap().answer;
    let sections = Sections::of(&answer);
    assert_eq!(values(&sections.media[0], "a=ice-ufrag:"), ["newserver"]);
}
