//! Every message of the protocol as a frame that is written down: what is on the wire today stays on the wire.
//!
//! `wire.txt` is the authority. A message without a vector fails the test, and so does one that reads its vector
//! differently. After adding an operation, run `cargo test -p coffer-protocol --test golden -- --ignored`: it adds
//! the vectors that are missing and leaves those that are there alone.
#![expect(clippy::unwrap_used, reason = "what is unexpected fails the test")]

mod payload;
mod tracer;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::path::PathBuf;

use coffer_protocol::attribute::{self, Attribute};
use coffer_protocol::error::Failure;
use coffer_protocol::event::{AlarmRaised, Event, ObjectChanged, TokenChanged};
use coffer_protocol::frame::{self, Flags, HEADER_LENGTH, Header, Kind};
use coffer_protocol::handshake::{GoAway, HELLO, Hello, Role, Welcome};
use coffer_protocol::mechanism;
use coffer_protocol::operation::{self, Operation};
use coffer_protocol::{ErrorCode, for_each_operation};
use payload::has_payload;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracer::{Optional, trace};

const PAYLOAD: &[u8] = b"payload";
const REQUEST_ID: u64 = 0x0102_0304_0506_0708;

/// A message as the code of today writes it, and how the code of today reads bytes.
struct Vector {
    title: String,
    header: Option<Header>,
    meta: String,
    bytes: Vec<u8>,
    read: fn(&[u8]) -> Result<String, ErrorCode>,
}

impl Vector {
    /// A frame.
    fn frame<T>(title: String, kind: (Kind, u16, Flags), value: &T, payload: &[u8]) -> Self
    where
        T: Serialize + DeserializeOwned + Debug,
    {
        let (kind, operation, flags) = kind;
        let meta = frame::encode_meta(value).unwrap();
        let header = Header {
            kind,
            operation,
            flags,
            descriptors: 0,
            meta_length: u32::try_from(meta.len()).unwrap(),
            payload_length: u32::try_from(payload.len()).unwrap(),
            request_id: if kind == Kind::Event { 0 } else { REQUEST_ID },
        };
        let bytes = [&header.encode()[..], &meta, payload].concat();
        Self { title, header: Some(header), meta: format!("{value:?}"), bytes, read: read::<T> }
    }

    /// A structure that travels inside of a frame.
    fn part<T: Serialize + DeserializeOwned + Debug>(title: &str, value: &T) -> Self {
        Self {
            title: title.to_owned(),
            header: None,
            meta: format!("{value:?}"),
            bytes: frame::encode_meta(value).unwrap(),
            read: read::<T>,
        }
    }

    fn request<O: Operation + Debug>() -> Self {
        let row = O::ROW;
        let (value, _) = trace::<O>(Optional::Alternating);
        let kind = (Kind::Request, row.number, Flags::NONE);
        let payload = if has_payload(row, Kind::Request) { PAYLOAD } else { b"" };
        Self::frame(format!("request {}", row.name), kind, &value, payload)
    }

    fn reply<O: Operation<Reply: Debug>>() -> Self {
        let row = O::ROW;
        let (value, _) = trace::<O::Reply>(Optional::Alternating);
        let kind = (Kind::Reply, row.number, Flags::NONE);
        let payload = if has_payload(row, Kind::Reply) { PAYLOAD } else { b"" };
        Self::frame(format!("reply {}", row.name), kind, &value, payload)
    }
}

fn read<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) -> Result<String, ErrorCode> {
    frame::decode_meta::<T>(bytes).map(|value| format!("{value:?}"))
}

macro_rules! operations {
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        fn operations() -> Vec<Vector> {
            vec![ $(
                Vector::request::<operation::$module::$request>(),
                Vector::reply::<operation::$module::$request>(),
            )* ]
        }
    };
}

for_each_operation!(operations);

fn connection() -> Vec<Vector> {
    let hello = Hello {
        min_version: 1,
        max_version: 1,
        role: Role::Application as u8,
        client_name: "pkcs11-tool".to_owned(),
        attach: Some([0xA5; 16]),
        partition: Some("dev".to_owned()),
    };
    let welcome = Welcome {
        version: 1,
        instance: [0x11; 16],
        connection: 300,
        attach_token: [0xA5; 16],
        max_meta: frame::MAX_META,
        max_payload: frame::MAX_PAYLOAD,
        max_sessions: 1024,
        daemon_version: "0.1.0".to_owned(),
        weak_keys: 2,
    };
    let first = Hello { role: Role::Service as u8, attach: None, partition: None, ..hello.clone() };
    let failure = Failure::about(ErrorCode::CmkNotFound, "alias/app");
    let away = GoAway { code: ErrorCode::Unavailable as u16, reason: "stopping".to_owned() };
    let object = ObjectChanged { slot: 3, object: [0x22; 16] };
    let token = TokenChanged { slot: 3 };
    let alarm = AlarmRaised { number: 5 };
    let request = |flags| (Kind::Request, HELLO, flags);
    let event = |event| (Kind::Event, event as u16, Flags::NONE);
    vec![
        Vector::frame("request Hello".to_owned(), request(Flags::NONE), &first, b""),
        Vector::frame("request Hello attaching".to_owned(), request(Flags::NONE), &hello, b""),
        Vector::frame("reply Welcome".to_owned(), (Kind::Reply, HELLO, Flags::NONE), &welcome, b""),
        Vector::frame(
            "reply Failure".to_owned(),
            (Kind::Reply, 0x0202, Flags::FAILED),
            &failure,
            b"",
        ),
        Vector::frame("goaway".to_owned(), (Kind::GoAway, 0, Flags::NONE), &away, b""),
        Vector::frame("event ObjectChanged".to_owned(), event(Event::ObjectChanged), &object, b""),
        Vector::frame("event TokenChanged".to_owned(), event(Event::TokenChanged), &token, b""),
        Vector::frame("event AlarmRaised".to_owned(), event(Event::AlarmRaised), &alarm, b""),
    ]
}

fn parts() -> Vec<Vector> {
    let template = vec![
        Attribute::number(attribute::CLASS, 4),
        Attribute::boolean(attribute::TOKEN, true),
        Attribute::bytes(attribute::LABEL, *b"app"),
    ];
    vec![
        Vector::part("template", &template),
        Vector::part("parameter Iv", &trace::<mechanism::IvParameter>(Optional::Present).0),
        Vector::part("parameter Gcm", &trace::<mechanism::GcmParameter>(Optional::Present).0),
        Vector::part("parameter Ctr", &trace::<mechanism::CtrParameter>(Optional::Present).0),
        Vector::part("parameter Pss", &trace::<mechanism::PssParameter>(Optional::Present).0),
        Vector::part("parameter Oaep", &trace::<mechanism::OaepParameter>(Optional::Present).0),
        Vector::part("parameter Hkdf", &trace::<mechanism::HkdfParameter>(Optional::Present).0),
        Vector::part("parameter Ccm", &trace::<mechanism::CcmParameter>(Optional::Present).0),
        Vector::part(
            "parameter ChaChaPoly",
            &trace::<mechanism::ChaChaPolyParameter>(Optional::Present).0,
        ),
        Vector::part(
            "parameter MacLength",
            &trace::<mechanism::MacLengthParameter>(Optional::Present).0,
        ),
        Vector::part(
            "parameter Truncation",
            &trace::<mechanism::TruncationParameter>(Optional::Present).0,
        ),
    ]
}

fn all() -> Vec<Vector> {
    [connection(), operations(), parts()].into_iter().flatten().collect()
}

/// What `wire.txt` says of a message.
struct Written {
    meta: String,
    bytes: Vec<u8>,
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", "wire.txt"].iter().collect()
}

/// Reads blocks of three lines, `[title]`, what the metadata says, and the bytes in hexadecimal, with empty lines
/// between.
fn written() -> BTreeMap<String, Written> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let mut all = BTreeMap::new();
    for block in text.split("\n\n").filter(|block| block.starts_with('[')) {
        let mut lines = block.lines();
        let title = lines.next().unwrap().trim_matches(['[', ']']).to_owned();
        let meta = lines.next().unwrap().to_owned();
        let bytes = hex::decode(lines.collect::<String>()).unwrap();
        assert!(all.insert(title, Written { meta, bytes }).is_none());
    }
    all
}

#[test]
fn every_message_is_read_and_written_as_its_vector_says() {
    let mut written = written();
    for vector in all() {
        let title = &vector.title;
        let found = written.remove(title).unwrap_or_else(|| panic!("wire.txt lacks {title}"));
        let meta = match vector.header {
            None => found.bytes.as_slice(),
            Some(today) => {
                let (header, body) = found.bytes.split_first_chunk::<HEADER_LENGTH>().unwrap();
                let header = Header::decode(header).unwrap();
                let same = |header: Header| (header.kind, header.operation, header.flags);
                assert_eq!(same(header), same(today), "{title}");
                assert_eq!(header.body_length(), body.len(), "{title}");
                let meta_length = usize::try_from(header.meta_length).unwrap();
                let (meta, payload) = body.split_at(meta_length);
                let expected = if today.payload_length == 0 { &b""[..] } else { PAYLOAD };
                assert_eq!(payload, expected, "{title}");
                meta
            }
        };
        assert_eq!((vector.read)(meta), Ok(found.meta), "{title}");
    }
    assert!(written.is_empty(), "no message of today: {:?}", written.keys());
}

#[test]
#[ignore = "adds the vectors that wire.txt lacks"]
fn write() {
    let mut written = written();
    let mut text = String::from(
        "Every message as it is on the wire: its name, what the metadata says, and the bytes.\n\
         Frames have their header; templates and parameters are parts of messages.\n",
    );
    for Vector { title, meta, bytes, .. } in all() {
        let Written { meta, bytes } = written.remove(&title).unwrap_or(Written { meta, bytes });
        write!(text, "\n[{title}]\n{meta}\n").unwrap();
        for line in bytes.chunks(48) {
            writeln!(text, "{}", hex::encode(line)).unwrap();
        }
    }
    std::fs::write(path(), text).unwrap();
}
