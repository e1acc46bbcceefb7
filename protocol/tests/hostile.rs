//! Bytes from anywhere: reading them never panics, and what is read has no second form.
#![expect(clippy::unwrap_used, reason = "what is unexpected fails the test")]

use coffer_protocol::attribute::Attribute;
use coffer_protocol::error::Failure;
use coffer_protocol::event::{AlarmRaised, ObjectChanged, TokenChanged};
use coffer_protocol::frame::{self, Flags, HEADER_LENGTH, Header, Kind, MAX_META, MAX_PAYLOAD};
use coffer_protocol::handshake::{GoAway, Hello, Welcome};
use coffer_protocol::operation::{self, Operation};
use coffer_protocol::{ErrorCode, for_each_operation, mechanism};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads bytes as a message and writes it again.
type Reader = fn(&[u8]) -> Result<Vec<u8>, ErrorCode>;

fn reread<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    frame::encode_meta(&frame::decode_meta::<T>(bytes)?)
}

/// Whether nobody reads the bytes as anything but themselves.
fn holds(bytes: &[u8]) -> Result<(), &'static str> {
    for (name, read) in READERS {
        match read(bytes) {
            Err(ErrorCode::Malformed) => {}
            Ok(again) if again == bytes => {}
            Ok(_) | Err(_) => return Err(name),
        }
    }
    Ok(())
}

macro_rules! readers {
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        const READERS: &[(&str, Reader)] = &[
            $(
                (stringify!($request), reread::<operation::$module::$request>),
                (stringify!($reply), reread::<<operation::$module::$request as Operation>::Reply>),
            )*
            ("Hello", reread::<Hello>),
            ("Welcome", reread::<Welcome>),
            ("Failure", reread::<Failure>),
            ("GoAway", reread::<GoAway>),
            ("ObjectChanged", reread::<ObjectChanged>),
            ("TokenChanged", reread::<TokenChanged>),
            ("AlarmRaised", reread::<AlarmRaised>),
            ("template", reread::<Vec<Attribute>>),
            ("Iv", reread::<mechanism::IvParameter>),
            ("Gcm", reread::<mechanism::GcmParameter>),
            ("Ctr", reread::<mechanism::CtrParameter>),
            ("Pss", reread::<mechanism::PssParameter>),
            ("Oaep", reread::<mechanism::OaepParameter>),
            ("Hkdf", reread::<mechanism::HkdfParameter>),
            ("Ccm", reread::<mechanism::CcmParameter>),
            ("ChaChaPoly", reread::<mechanism::ChaChaPolyParameter>),
            ("MacLength", reread::<mechanism::MacLengthParameter>),
            ("Truncation", reread::<mechanism::TruncationParameter>),
        ];
    };
}

for_each_operation!(readers);

/// The metadata of every golden vector: sound bytes to spoil.
fn sound() -> Vec<Vec<u8>> {
    let text = include_str!("golden/wire.txt");
    let blocks = text.split("\n\n").filter(|block| block.starts_with('['));
    blocks
        .map(|block| {
            let frame = hex::decode(block.lines().skip(2).collect::<String>()).unwrap();
            match frame.split_first_chunk().map(|(head, body)| (Header::decode(head), body)) {
                Some((Ok(header), body)) => body[..header.meta_length as usize].to_vec(),
                Some((Err(_), _)) | None => frame,
            }
        })
        .collect()
}

fn kinds() -> impl Strategy<Value = Kind> {
    (0_u8..5).prop_map(|kind| Kind::try_from(kind).unwrap())
}

fn flags() -> impl Strategy<Value = Flags> {
    let all = [Flags::NONE, Flags::DRY_RUN, Flags::FAILED, Flags::DRY_RUN.with(Flags::FAILED)];
    (0..all.len()).prop_map(move |at| all[at])
}

proptest! {
    #[test]
    fn a_header_is_read_as_it_was_written(
        (kind, operation, flags) in (kinds(), any::<u16>(), flags()),
        (descriptors, request_id) in (any::<u8>(), any::<u64>()),
        (meta_length, payload_length) in (0..=MAX_META, 0..=MAX_PAYLOAD),
    ) {
        let header = Header {
            kind, operation, flags, descriptors, meta_length, payload_length, request_id,
        };
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn a_header_has_one_form(bytes in any::<[u8; HEADER_LENGTH]>(), sound in any::<bool>()) {
        let mut bytes = bytes;
        if sound {
            bytes[..3].copy_from_slice(&[0xff, 0xc0, 1]);
            (bytes[3], bytes[6]) = (bytes[3] % 6, bytes[6] % 5);
            (bytes[11], bytes[15]) = (0, 0);
        }
        if let Ok(header) = Header::decode(&bytes) {
            prop_assert_eq!(header.encode(), bytes);
            prop_assert!(header.meta_length <= MAX_META && header.payload_length <= MAX_PAYLOAD);
        }
    }

    #[test]
    fn any_bytes_are_a_message_in_its_one_form_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert_eq!(holds(&bytes), Ok(()));
    }

    #[test]
    fn spoiled_messages_are_read_in_their_one_form_or_refused(
        which in any::<prop::sample::Index>(),
        spoils in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 1..4),
    ) {
        let sound = sound();
        let mut bytes = which.get(&sound).clone();
        for (at, byte, how) in spoils {
            let at = at.index(bytes.len() + 1);
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        prop_assert_eq!(holds(&bytes), Ok(()));
    }
}

#[test]
fn a_length_beyond_the_bytes_is_refused_without_room_for_it() {
    let enormous = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for front in 0..4 {
        assert_eq!(holds(&[&[1; 4][..front], &enormous].concat()), Ok(()));
    }
}

#[test]
fn every_sound_message_is_read_by_somebody() {
    for bytes in sound() {
        assert!(READERS.iter().any(|(_, read)| read(&bytes).is_ok()));
    }
}
