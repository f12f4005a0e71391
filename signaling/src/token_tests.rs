use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: f64 = 1_800_000_000.0;
const LEEWAY: Duration = Duration::from_secs(30);

fn key(id: Option<&str>, fill: u8) -> TokenKey {
    TokenKey {
        id: id.map(str::to_owned),
        secret: vec![fill; 32],
    }
}

fn keyring() -> Keyring {
    Keyring::new(&[key(Some("a"), 1), key(Some("b"), 2)], LEEWAY).unwrap()
}

fn claims() -> Value {
    json!({"room": "7b", "sub": "u1", "name": "Anna", "role": "pupil", "exp": NOW + 60.0})
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn signed(claims: &Value, kid: Option<&str>, fill: u8) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = kid.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&[fill; 32])).unwrap()
}

fn verify(claims: &Value) -> Result<Grant, TokenError> {
    keyring().verify(&signed(claims, Some("a"), 1), "7b", NOW)
}

#[test]
fn a_good_token_gives_its_grant() {
    let grant = verify(&claims()).unwrap();
    assert_eq!(
        grant,
        Grant {
            room: "7b".into(),
            identity: "u1".into(),
            name: "Anna".into(),
            role: Role::Pupil
        }
    );
}

#[test]
fn every_key_verifies_by_id_and_without() {
    let ring = keyring();
    for token in [
        signed(&claims(), Some("b"), 2),
        signed(&claims(), None, 1),
        signed(&claims(), None, 2),
    ] {
        assert!(ring.verify(&token, "7b", NOW).is_ok());
    }
}

#[test]
fn forged_tokens_are_refused() {
    let ring = keyring();
    let verify = |token: &str| ring.verify(token, "7b", NOW).unwrap_err();
    assert_eq!(
        verify(&signed(&claims(), Some("a"), 9)),
        TokenError::Signature
    );
    assert_eq!(verify(&signed(&claims(), None, 9)), TokenError::Signature);
    // The right secret under the other key's id.
    assert_eq!(
        verify(&signed(&claims(), Some("a"), 2)),
        TokenError::Signature
    );
    assert_eq!(
        verify(&signed(&claims(), Some("c"), 1)),
        TokenError::UnknownKey
    );
    // {"alg":"none"} and no signature.
    let body = signed(&claims(), None, 1);
    let payload = body.split('.').nth(1).unwrap();
    assert!(matches!(
        verify(&format!("eyJhbGciOiJub25lIn0.{payload}.")),
        TokenError::Malformed | TokenError::Algorithm
    ));
    let hs512 = jsonwebtoken::encode(
        &Header::new(Algorithm::HS512),
        &claims(),
        &EncodingKey::from_secret(&[1; 32]),
    );
    assert_eq!(verify(&hs512.unwrap()), TokenError::Algorithm);
}

#[test]
fn expiry_has_leeway() {
    assert_eq!(
        verify(&with("exp", json!(NOW - 31.0))),
        Err(TokenError::Expired)
    );
    assert_eq!(
        verify(&with("exp", json!(NOW - 30.0))),
        Err(TokenError::Expired)
    );
    assert!(verify(&with("exp", json!(NOW - 29.0))).is_ok());
    assert!(verify(&with("exp", json!(1_800_000_000_u64))).is_ok());
    assert_eq!(TokenError::Expired.code(), ErrorCode::TokenExpired);
}

#[test]
fn not_before_has_leeway() {
    assert_eq!(
        verify(&with("nbf", json!(NOW + 31.0))),
        Err(TokenError::NotYetValid)
    );
    assert!(verify(&with("nbf", json!(NOW + 29.0))).is_ok());
    assert_eq!(TokenError::NotYetValid.code(), ErrorCode::BadToken);
}

#[test]
fn other_rooms_and_services_are_refused() {
    assert_eq!(
        verify(&with("room", json!("7c"))),
        Err(TokenError::WrongRoom)
    );
    assert_eq!(TokenError::WrongRoom.code(), ErrorCode::WrongRoom);
    assert_eq!(
        verify(&with("aud", json!("mail"))),
        Err(TokenError::Audience)
    );
    assert!(verify(&with("aud", json!("firstbell"))).is_ok());
}

#[test]
fn claims_are_bounded() {
    let long = "x".repeat(600);
    for (field, value, expected) in [
        ("sub", json!(""), TokenError::Claim("sub")),
        ("sub", json!(long), TokenError::Claim("sub")),
        ("name", json!(long), TokenError::Claim("name")),
        ("name", json!("\u{0}\u{202E}"), TokenError::Claim("name")),
        ("room", json!(long), TokenError::Claim("room")),
        ("role", json!("headmaster"), TokenError::Malformed),
        ("exp", json!("soon"), TokenError::Malformed),
    ] {
        assert_eq!(verify(&with(field, value)), Err(expected), "{field}");
    }
    let huge = signed(&with("extra", json!("x".repeat(5000))), Some("a"), 1);
    assert_eq!(keyring().verify(&huge, "7b", NOW), Err(TokenError::TooLong));
    for field in ["room", "sub", "name", "role", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(field);
        assert_eq!(verify(&claims), Err(TokenError::Malformed), "{field}");
    }
}

#[test]
fn names_are_cleaned() {
    assert_eq!(
        verify(&with("name", json!(" A\u{7}nna\n"))).unwrap().name,
        "A nna"
    );
}

#[test]
fn own_tokens_verify() {
    let ring = Keyring::random(LEEWAY).unwrap();
    let grant = verify(&claims()).unwrap();
    let token = ring.sign(&grant, NOW + 5.0).unwrap();
    assert_eq!(ring.verify(&token, "7b", NOW), Ok(grant));
}

#[test]
fn keyrings_are_checked() {
    let error = |keys: &[TokenKey]| Keyring::new(keys, LEEWAY).err();
    assert_eq!(error(&[]), Some(KeyringError::NoKey));
    let short = TokenKey {
        id: None,
        secret: vec![1; 31],
    };
    assert_eq!(error(&[short]), Some(KeyringError::TooShort { index: 0 }));
    assert!(matches!(
        error(&[key(Some("a"), 1), key(Some("a"), 2)]),
        Some(KeyringError::DuplicateId { .. })
    ));
    let lax = Keyring::new(&[key(None, 1)], Duration::from_secs(3600));
    assert_eq!(lax.err(), Some(KeyringError::Leeway));
}

proptest! {
    #[test]
    fn arbitrary_tokens_are_refused(token in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(keyring().verify(&token, "7b", NOW).is_err());
    }
}
