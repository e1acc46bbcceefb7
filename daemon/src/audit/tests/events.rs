use super::*;
use crate::seal::{self, Provider};
use crate::vault::{self, Depth};
use serde_json::Value;

const FIELDS: [&str; 29] = [
    "eventVersion",
    "eventType",
    "eventName",
    "eventTime",
    "eventSource",
    "eventRegion",
    "eventID",
    "requestID",
    "apiVersion",
    "httpMethod",
    "actionType",
    "sourceIPAddress",
    "userAgent",
    "userIdentity",
    "resourceType",
    "resourceName",
    "resources",
    "resourceSet",
    "resourceRegion",
    "requestParameters",
    "responseElements",
    "errorCode",
    "errorMessage",
    "apiErrorCode",
    "apiErrorMessage",
    "sensitiveAction",
    "tags",
    "host",
    "intent",
];

#[test]
fn every_field_is_always_present_and_the_link_to_an_intent_only_in_outcomes() {
    let place = Place::new();
    let audit = place.open();
    let intent = audit.intent(event(0), Priority::Normal).unwrap();
    audit.outcome(intent, event(1)).unwrap();
    let page = audit.list(&Filter::default()).unwrap();
    let fields = |line: &Line| -> Vec<String> {
        let event: serde_json::Map<String, Value> = serde_json::from_str(&line.event).unwrap();
        event.keys().cloned().collect()
    };
    let sorted = |fields: &[&str]| {
        let mut fields: Vec<_> = fields.iter().map(|f| (*f).to_owned()).collect();
        fields.sort();
        fields
    };
    assert_eq!(fields(&page.lines[0]), sorted(&FIELDS));
    assert_eq!(fields(&page.lines[1]), sorted(&FIELDS[..28]));
    assert_eq!((page.lines[0].kind, page.lines[1].kind), (Kind::Outcome, Kind::Intent));
    assert_eq!(page.lines[1].boot, [0xB0; 16]);
}

#[test]
fn an_event_says_what_was_put_into_it() {
    let place = Place::new();
    let audit = place.open();
    let identity = UserIdentity {
        kind: "CAMUser".to_owned(),
        secret_id: "AKID".to_owned(),
        ..UserIdentity::default()
    };
    let event = Event::new("ScheduleKeyDeletion", Action::Write)
        .host(Host { uid: 1, gid: 2, pid: 3, unit: "a.service".to_owned() })
        .through("kms", "2019-01-18")
        .event_type(EventType::ConsoleCall)
        .region("default")
        .request("request-1")
        .user_agent("coffer/1")
        .identity(identity)
        .resource("cmk", "key-1")
        .resource("cmk", "key-2")
        .parameter("PendingWindowInDays", 7)
        .response("DeletionDate", 1)
        .failed("ResourceUnavailable.CmkDisabled", "the key is disabled")
        .sensitive()
        .tag("team", "a");
    audit.append(event, Priority::Normal).unwrap();
    let page = audit.list(&Filter::default()).unwrap();
    let event: Value = serde_json::from_str(&page.lines[0].event).unwrap();
    for (pointer, expected) in [
        ("/eventType", "ConsoleCall"),
        ("/eventSource", "kms"),
        ("/resourceRegion", "default"),
        ("/userIdentity/type", "CAMUser"),
        ("/userIdentity/secretId", "AKID"),
        ("/resourceName", "key-1"),
        ("/resources/1/resourceName", "key-2"),
        ("/resourceSet/1", "key-2"),
        ("/apiErrorCode", "ResourceUnavailable.CmkDisabled"),
        ("/errorCode", ""),
        ("/tags/team", "a"),
        ("/host/unit", "a.service"),
    ] {
        assert_eq!(event.pointer(pointer).and_then(Value::as_str), Some(expected), "{pointer}");
    }
    assert_eq!(event["requestParameters"]["PendingWindowInDays"], 7);
    assert_eq!(event["eventTime"], 1_767_225_600);
    assert_eq!(event["sensitiveAction"], true);
}

#[test]
fn tags_are_equal_for_equal_values_of_one_log_only() {
    vault::init_for_tests();
    let (place, other) = (Place::new(), Place::new());
    let key = Provider::KeyFile { path: place.path().join("key") };
    let root = seal::create(place.path(), &[key]).unwrap();
    let (audit, elsewhere) = (place.open(), other.open());
    let (tagger, foreign) = (audit.tagger(&root).unwrap(), elsewhere.tagger(&root).unwrap());
    let tag = Value::from(tagger.tag_public(b"secret").unwrap());
    assert_eq!(tag, Value::from(tagger.tag_public(b"secret").unwrap()));
    let inside = vault::run(Depth::Small, |inside| tagger.tag(inside, b"secret")).unwrap();
    assert_eq!(tag, Value::from(inside.0));
    assert_ne!(tag, Value::from(tagger.tag_public(b"secreT").unwrap()));
    assert_ne!(tag, Value::from(foreign.tag_public(b"secret").unwrap()));
    assert_eq!(tag["length"], 6);
    assert_eq!(tag["hmac"].as_str().unwrap().len(), 64);
    drop(audit);
    let again = place.open().tagger(&root).unwrap();
    assert_eq!(tag, Value::from(again.tag_public(b"secret").unwrap()), "the log keeps its name");
}
