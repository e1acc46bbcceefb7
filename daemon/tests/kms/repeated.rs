//! Requests that are repeated with a client token make one key.

use coffer_daemon::service::testing::Peer;
use coffer_protocol::operation::{Socket, kms};
use serde_json::{Value, json};

use crate::support::{DAY, Hsm, OWNER, ask};

const REUSED: &str = "InvalidParameterValue";

fn request(token: &str) -> Value {
    json!({
        "Alias": "app", "ClientToken": token, "Description": "d", "RotateDays": 30,
        "Tags": [{ "TagKey": "k", "TagValue": "v" }],
    })
}

fn total(hsm: &Hsm) -> Value {
    hsm.call::<kms::ListKeyDetail>(json!({ "KeyUsage": "ALL" }))["TotalCount"].clone()
}

#[test]
fn the_same_request_gives_the_same_key_also_after_a_restart_and_a_change() {
    let mut hsm = Hsm::new();
    let key = hsm.create(request("once"));
    assert_eq!(hsm.create(request("once")), key);
    hsm.restart();
    assert_eq!(hsm.create(request("once")), key);
    // What became of the key is told as it is.
    hsm.call::<kms::UpdateAlias>(json!({ "KeyId": key, "Alias": "renamed" }));
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
    let again = hsm.call::<kms::CreateKey>(request("once"));
    let came = json!([again["KeyId"], again["Alias"], again["KeyState"]]);
    assert_eq!(came, json!([key, "renamed", "Disabled"]));
    assert_eq!(total(&hsm), json!(1));
}

#[test]
fn another_request_with_the_same_token_is_refused_whatever_differs() {
    let hsm = Hsm::new();
    let key = hsm.create(request("once"));
    let others = [
        ("Alias", json!("other")),
        ("Description", json!("e")),
        ("Description", json!(null)),
        ("RotateDays", json!(31)),
        ("RotateDays", json!(null)),
        ("KeySpec", json!("SM4")),
        ("KeySpec", json!("AES_256")),
        ("Type", json!(1)),
        ("Tags", json!([{ "TagKey": "k", "TagValue": "w" }])),
        ("Tags", json!([])),
        ("HsmClusterId", json!("")),
    ];
    for (field, value) in others {
        let mut other = request("once");
        other[field] = value;
        assert_eq!(hsm.ask::<kms::CreateKey>(other), Err(REUSED.to_owned()), "{field}");
    }
    assert_eq!(total(&hsm), json!(1));
    assert_eq!(hsm.create(request("once")), key);
    // Tokens tell letters apart; another token is another request, whose alias is taken.
    let taken = Err("InvalidParameterValue.AliasAlreadyExists".to_owned());
    assert_eq!(hsm.ask::<kms::CreateKey>(request("ONCE")), taken);
}

#[test]
fn a_token_is_remembered_for_a_day_and_as_long_as_its_key() {
    let hsm = Hsm::new();
    hsm.create(request("once"));
    hsm.pass(DAY - 1);
    hsm.create(request("once"));
    hsm.pass(1);
    let taken = "InvalidParameterValue.AliasAlreadyExists".to_owned();
    assert_eq!(hsm.ask::<kms::CreateKey>(request("once")), Err(taken));
    let mut other = request("once");
    other["Alias"] = json!("other");
    hsm.create(other);
    assert_eq!(total(&hsm), json!(2));
}

#[test]
fn a_refused_request_and_a_dry_run_leave_no_token_behind() {
    let hsm = Hsm::new();
    let mut wrong = request("once");
    wrong["Alias"] = json!("-");
    assert!(hsm.ask::<kms::CreateKey>(wrong).is_err());
    crate::actions::would_do(&hsm.peer(), "CreateKey", request("once")).unwrap();
    let mut other = request("once");
    other["Description"] = json!("another");
    hsm.create(other);
    assert_eq!(total(&hsm), json!(1));
}

#[test]
fn many_who_repeat_a_request_at_once_get_one_key() {
    let hsm = Hsm::new();
    let made: Vec<Result<Value, String>> = std::thread::scope(|scope| {
        let ask = || ask::<kms::CreateKey>(&hsm.peer(), request("once"));
        let all: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(total(&hsm), json!(1));
    let first = hsm.create(request("once"));
    for made in made {
        assert_eq!(made.unwrap()["KeyId"], json!(first));
    }
}

#[test]
fn a_token_is_its_callers_own() {
    let hsm = Hsm::new();
    let key = hsm.create(request("once"));
    let stranger = Peer::new(hsm.service(), OWNER + 1, Socket::App);
    let asked = ask::<kms::CreateKey>(&stranger, request("once"));
    assert_eq!(asked, Err("UnauthorizedOperation".to_owned()));
    assert_eq!(hsm.create(request("once")), key);
}

#[test]
fn many_who_make_keys_at_once_get_no_more_than_the_quota() {
    let hsm = Hsm::with(|config| config.limits.keys = 5);
    let peers: Vec<Peer> = (0..16).map(|_| hsm.peer()).collect();
    let made: Vec<bool> = std::thread::scope(|scope| {
        let all: Vec<_> = peers
            .into_iter()
            .enumerate()
            .map(|(number, peer)| {
                let request = json!({ "Alias": format!("key-{number}") });
                scope.spawn(move || ask::<kms::CreateKey>(&peer, request).is_ok())
            })
            .collect();
        all.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!((total(&hsm), made.iter().filter(|made| **made).count()), (json!(5), 5));
}
