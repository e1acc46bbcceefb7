//! Objects that every token has and nobody made: a profile object for each profile of PKCS#11 3.2 that holds here,
//! and a mechanism object for each mechanism.
//!
//! They are not stored: an id says which of them is meant, and the object is made of it. A search finds them only
//! where its template names their class, so that an application that lists everything sees what was made.

use std::sync::Arc;

use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism;

use super::schema::Kind;
use super::{Attributes, Material, Object, ObjectId, Slot, class};

/// The profiles (PKCS#11 Profiles 3.2): baseline provider, extended provider, authentication token, public
/// certificates token, HKDF TLS token.
const PROFILES: [u64; 5] = [1, 2, 3, 4, 6];

/// What ids of these objects have in common: a UUID of version 8 (RFC 9562).
const MARK: [u8; 4] = [0x80, 0xc0, 0x80, 0xff];

/// The objects of a class that a slot has of itself.
pub fn objects(slot: Slot, class: u64) -> Vec<Arc<Object>> {
    let numbers: Vec<u64> = match class {
        class::PROFILE => PROFILES.to_vec(),
        class::MECHANISM => mechanism::ALL.iter().map(|row| row.ckm).collect(),
        _ => Vec::new(),
    };
    numbers.into_iter().map(|number| Arc::new(object(slot, class, number))).collect()
}

/// The object of an id, if it is one of these.
pub fn find(id: ObjectId) -> Option<Arc<Object>> {
    let (slot, class, number) = parse(id)?;
    let exists = match class {
        class::PROFILE => PROFILES.contains(&number),
        class::MECHANISM => mechanism::find(number).is_some(),
        _ => false,
    };
    exists.then(|| Arc::new(object(slot, class, number)))
}

fn object(slot: Slot, class: u64, number: u64) -> Object {
    let id = id_of(slot, class, number);
    let (kind, of) = match class {
        class::PROFILE => (Kind::Profile, a::PROFILE_ID),
        _ => (Kind::Mechanism, a::MECHANISM_TYPE),
    };
    let mut attributes = Attributes::from_list([
        Attribute::number(a::CLASS, class),
        Attribute::boolean(a::TOKEN, true),
        Attribute::bytes(a::UNIQUE_ID, id.to_string()),
        Attribute::boolean(a::MODIFIABLE, false),
        Attribute::boolean(a::COPYABLE, false),
        Attribute::boolean(a::DESTROYABLE, false),
        Attribute::number(of, number),
    ]);
    kind.complete(&mut attributes);
    Object { id, slot, sequence: 0, generation: 0, attributes, key: None, material: Material::None }
}

/// Four bytes of the slot, the mark and the class, and the number, of which vendors' have 32 bits too.
fn id_of(slot: Slot, class: u64, number: u64) -> ObjectId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&slot.0.to_be_bytes());
    id[4..6].copy_from_slice(&MARK[2..]);
    id[6..8].copy_from_slice(&[MARK[0], class.to_be_bytes()[7]]);
    id[8] = MARK[1];
    id[9..].copy_from_slice(&number.to_be_bytes()[1..]);
    ObjectId(id)
}

fn parse(id: ObjectId) -> Option<(Slot, u64, u64)> {
    let ObjectId(bytes) = id;
    let slot = Slot(u32::from_be_bytes(*bytes.first_chunk()?));
    let mut number = [0; 8];
    number[1..].copy_from_slice(&bytes[9..]);
    let (class, number) = (u64::from(bytes[7]), u64::from_be_bytes(number));
    (id_of(slot, class, number) == id).then_some((slot, class, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_is_found_by_its_id_and_no_id_is_used_twice() {
        let mut seen = std::collections::HashSet::new();
        for slot in [Slot(0), Slot(7), Slot(u32::MAX)] {
            for class in [class::PROFILE, class::MECHANISM] {
                let all = objects(slot, class);
                assert!(all.len() >= 5);
                for object in all {
                    assert!(seen.insert(object.id));
                    let found = find(object.id).unwrap();
                    assert_eq!((found.id, found.slot, found.class()), (object.id, slot, class));
                    assert_eq!(found.attributes, object.attributes);
                    let unique = object.attributes.get(a::UNIQUE_ID).unwrap();
                    assert_eq!(
                        ObjectId::parse(std::str::from_utf8(unique).unwrap()),
                        Some(object.id)
                    );
                    assert!(object.kind().is_some() && !object.is_private());
                }
            }
        }
    }

    #[test]
    fn other_ids_are_none_of_them() {
        assert!(find(id_of(Slot(1), class::PROFILE, 5)).is_none());
        assert!(find(id_of(Slot(1), class::MECHANISM, 0x0fff_ffff)).is_none());
        assert!(find(id_of(Slot(1), class::DATA, 1)).is_none());
        for _ in 0..1000 {
            assert!(find(ObjectId::random()).is_none());
        }
    }
}
