//! Objects of a PKCS#11 application that come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::random::Random;
use crate::token::P256;

/// What the module says when the daemon went away.
const GONE: [RvError; 2] = [RvError::DeviceRemoved, RvError::SessionHandleInvalid];

/// What an object is, and what of it can be changed or compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    /// A data object with its value.
    Data(Vec<u8>),
    /// An AES key with its value.
    Secret(Vec<u8>),
    /// A half of a pair: the private one, or the public one.
    Private,
    Public,
}

/// An object's label, and which of both halves it is.
type Name = (String, bool);

/// What was asked for and not answered.
#[derive(Clone, Debug)]
struct Step {
    /// Objects that are there if it was done, and only then; or not there, and only then.
    after: Vec<(Name, Option<Thing>)>,
}

/// The objects of one application.
#[derive(Debug)]
pub struct Objects {
    name: String,
    there: BTreeMap<Name, Thing>,
    pending: Option<Step>,
    made: usize,
}

fn template(label: &str, thing: &Thing) -> Vec<Attribute> {
    let mut template = vec![Attribute::Token(true), Attribute::Label(label.into())];
    match thing {
        Thing::Data(value) => {
            template.extend([Attribute::Class(ObjectClass::DATA), Attribute::Value(value.clone())]);
        }
        Thing::Secret(value) => template.extend([
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Encrypt(true),
            Attribute::Value(value.clone()),
        ]),
        Thing::Private => template.push(Attribute::Sign(true)),
        Thing::Public => {
            template.extend([Attribute::Verify(true), Attribute::EcParams(P256.to_vec())]);
        }
    }
    template
}

fn class(thing: &Thing) -> ObjectClass {
    match thing {
        Thing::Data(_) => ObjectClass::DATA,
        Thing::Secret(_) => ObjectClass::SECRET_KEY,
        Thing::Private => ObjectClass::PRIVATE_KEY,
        Thing::Public => ObjectClass::PUBLIC_KEY,
    }
}

impl Objects {
    /// An application without objects, whose name begins those of its objects.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), there: BTreeMap::new(), pending: None, made: 0 }
    }

    /// Makes, changes and destroys objects until the daemon goes away; counts what is acknowledged.
    ///
    /// # Panics
    ///
    /// Where the module refuses what is right.
    pub fn run(
        &mut self,
        session: &Session,
        random: &mut Random,
        acknowledged: &AtomicUsize,
        most: usize,
    ) {
        for _ in 0..most {
            let done = match random.below(if self.there.is_empty() { 3 } else { 6 }) {
                0 => self.create(session, |value| Thing::Data(value.to_vec())),
                1 => self.create(session, |value| Thing::Secret(value.to_vec())),
                2 => self.pair(session),
                3 => self.rename(session, random),
                _ => self.destroy(session, random),
            };
            match done {
                Ok(()) => self.acknowledge(),
                Err(Error::Pkcs11(code, _)) if GONE.contains(&code) => return,
                Err(error) => panic!("{error}: {self:?}"),
            }
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn acknowledge(&mut self) {
        for (name, thing) in self.pending.take().into_iter().flat_map(|step| step.after) {
            match thing {
                Some(thing) => drop(self.there.insert(name, thing)),
                None => drop(self.there.remove(&name)),
            }
        }
    }

    fn new_label(&mut self) -> (String, [u8; 32]) {
        self.made += 1;
        let label = format!("{}-{}", self.name, self.made);
        let mut value = [7; 32];
        for (byte, letter) in value.iter_mut().zip(label.bytes()) {
            *byte = letter;
        }
        (label, value)
    }

    fn create(
        &mut self,
        session: &Session,
        thing: impl FnOnce(&[u8; 32]) -> Thing,
    ) -> Result<(), Error> {
        let (label, value) = self.new_label();
        let thing = thing(&value);
        let template = template(&label, &thing);
        self.pending = Some(Step { after: vec![((label, false), Some(thing))] });
        session.create_object(&template).map(drop)
    }

    fn pair(&mut self, session: &Session) -> Result<(), Error> {
        let (label, _) = self.new_label();
        let [public, private] = [Thing::Public, Thing::Private].map(|half| template(&label, &half));
        let halves = [(false, Thing::Private), (true, Thing::Public)];
        let after = halves.map(|(public, half)| ((label.clone(), public), Some(half)));
        self.pending = Some(Step { after: after.into() });
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map(drop)
    }

    fn choose(&self, random: &mut Random) -> (Name, Thing) {
        let at = random.below(self.there.len());
        let (name, thing) = self.there.iter().nth(at).expect("below the length");
        (name.clone(), thing.clone())
    }

    /// The objects of that name and kind.
    fn find(session: &Session, label: &str, thing: &Thing) -> Result<Vec<ObjectHandle>, Error> {
        session.find_objects(&[Attribute::Class(class(thing)), Attribute::Label(label.into())])
    }

    fn rename(&mut self, session: &Session, random: &mut Random) -> Result<(), Error> {
        let (name, thing) = self.choose(random);
        let objects = Self::find(session, &name.0, &thing)?;
        assert_eq!(objects.len(), 1, "{name:?}");
        let (mut label, _) = self.new_label();
        label.push_str("-renamed");
        let new = Attribute::Label(label.clone().into_bytes());
        let after = vec![(name.clone(), None), ((label, name.1), Some(thing))];
        self.pending = Some(Step { after });
        session.update_attributes(objects[0], &[new])
    }

    fn destroy(&mut self, session: &Session, random: &mut Random) -> Result<(), Error> {
        let (name, thing) = self.choose(random);
        let objects = Self::find(session, &name.0, &thing)?;
        assert_eq!(objects.len(), 1, "{name:?}");
        self.pending = Some(Step { after: vec![(name, None)] });
        session.destroy_object(objects[0])
    }

    /// Looks whether every object is there that should be, and no other.
    ///
    /// # Panics
    ///
    /// Where that is not so.
    pub fn settle(&mut self, session: &Session) {
        let is_there = |name: &Name, thing: &Thing| {
            let found = Self::find(session, &name.0, thing).expect("C_FindObjects");
            assert!(found.len() <= 1, "{name:?} twice");
            found.len() == 1
        };
        if let Some(step) = self.pending.take() {
            let done: Vec<bool> = step
                .after
                .iter()
                .map(|(name, thing)| match thing {
                    Some(thing) => is_there(name, thing),
                    None => !is_there(name, &self.there[name]),
                })
                .collect();
            let all = done.iter().all(|done| *done);
            assert!(all || !done.contains(&true), "half of {step:?}: {done:?}");
            if all {
                self.pending = Some(step);
                self.acknowledge();
            }
        }
        for (name, thing) in &self.there {
            assert!(is_there(name, thing), "{name:?} {thing:?} is lost");
            let object = Self::find(session, &name.0, thing).expect("C_FindObjects")[0];
            match thing {
                Thing::Data(value) => {
                    let read = session.get_attributes(object, &[AttributeType::Value]);
                    let expected = [Attribute::Value(value.clone())];
                    assert_eq!(read.expect("C_GetAttributeValue"), expected);
                }
                Thing::Secret(value) => {
                    let sealed = session.encrypt(&Mechanism::AesEcb, object, &[3; 16]);
                    let mut block = [3; 16].into();
                    let own = Aes256::new_from_slice(value).expect("32 bytes");
                    own.encrypt_block(&mut block);
                    assert_eq!(sealed.expect("C_Encrypt"), block.as_slice());
                }
                Thing::Private => {
                    session.sign(&Mechanism::EcdsaSha256, object, b"data").expect("C_Sign");
                }
                Thing::Public => {}
            }
        }
    }

    /// How many of them are secret or private keys, and how many there are.
    pub fn count(&self) -> (usize, usize) {
        let is_key = |thing: &&Thing| matches!(thing, Thing::Secret(_) | Thing::Private);
        (self.there.values().filter(is_key).count(), self.there.len())
    }
}
