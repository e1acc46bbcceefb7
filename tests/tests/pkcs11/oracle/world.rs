//! The module with a daemon: sessions, objects, and calls in them.

use std::cell::Cell;

use coffer_tests::c::address;
use coffer_tests::token::P256;
use cryptoki_sys::{self as sys, CK_RV, CKR_OK};

use super::allowed;
use super::functions::{self, Arg, Function, Object};
use super::memory::Memory;

/// Who is logged in while a function is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Public,
    User,
    SecurityOfficer,
}

/// A place of an argument that is malformed, with the name of the form and the word.
pub(crate) type Wrong = (usize, &'static str, usize);

/// The module, initialised, with objects that a base session made.
pub(crate) struct World {
    pub(crate) functions: Vec<Function>,
    slot: usize,
    base: usize,
    login: Login,
    objects: Vec<(Object, usize)>,
    /// The handle of a session that was closed.
    closed: usize,
    /// The handle of an object that was destroyed.
    destroyed: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        let functions = functions::all();
        let mut world = Self {
            functions,
            slot: 0,
            base: 0,
            login: Login::User,
            objects: Vec::new(),
            closed: 0,
            destroyed: 0,
        };
        world.begin();
        world
    }

    /// C_Initialize, and everything that the calls need.
    pub(crate) fn begin(&mut self) {
        assert_eq!(self.raw("C_Initialize", &[0]), CKR_OK);
        let (slots, count) = (place::<64>(), place::<1>());
        count[0].set(64);
        let arguments = [1, slots.as_ptr() as usize, count.as_ptr() as usize];
        assert_eq!(self.raw("C_GetSlotList", &arguments), CKR_OK);
        self.slot = word(&slots[0]);
        self.base = self.open();
        self.log_in(Login::User);
        self.closed = self.open();
        assert_eq!(self.raw("C_CloseSession", &[self.closed]), CKR_OK);
        self.objects = Object::ALL.into_iter().map(|object| (object, 0)).collect();
        self.make_objects();
        self.destroyed = self.data();
        assert_eq!(self.raw("C_DestroyObject", &[self.base, self.destroyed]), CKR_OK);
    }

    /// Goes on as `login`, whoever was in.
    pub(crate) fn log_in(&mut self, login: Login) {
        self.raw("C_Logout", &[self.base]);
        let (user, pin) = match login {
            Login::Public => (None, ""),
            Login::User => (Some(sys::CKU_USER), coffer_tests::daemon::PIN),
            Login::SecurityOfficer => (Some(sys::CKU_SO), coffer_tests::daemon::SO_PIN),
        };
        if let Some(user) = user {
            let arguments = [self.base, user as usize, pin.as_ptr() as usize, pin.len()];
            assert_eq!(self.raw("C_Login", &arguments), CKR_OK, "{login:?}");
        }
        self.login = login;
    }

    /// Makes whole again what a call may have ended.
    pub(crate) fn repair(&mut self) {
        let info = place::<4>();
        let there = self.raw("C_GetSessionInfo", &[self.base, info.as_ptr() as usize]);
        if there != CKR_OK {
            self.base = self.open();
        }
        let login = self.login;
        self.log_in(login);
        if login == Login::User {
            self.find_objects();
        }
    }

    /// A read/write session.
    pub(crate) fn open(&self) -> usize {
        let session = place::<1>();
        let flags = (sys::CKF_SERIAL_SESSION | sys::CKF_RW_SESSION) as usize;
        let arguments = [self.slot, flags, 0, 0, session.as_ptr() as usize];
        assert_eq!(self.raw("C_OpenSession", &arguments), CKR_OK);
        word(&session[0])
    }

    pub(crate) fn function(&self, name: &str) -> &Function {
        self.functions.iter().find(|function| function.name == name).unwrap()
    }

    /// Calls with words.
    pub(crate) fn raw(&self, name: &str, arguments: &[usize]) -> CK_RV {
        address::call(self.function(name).address, arguments)
    }

    /// Every malformed form of one argument: of handles here, of the rest in [`Memory`].
    pub(crate) fn malformed(
        &self,
        function: &Function,
        at: usize,
        memory: &mut Memory,
    ) -> Vec<Wrong> {
        let argument = function.arguments[at];
        let numbers = [("zero", 0), ("all bits", usize::MAX), ("unknown", 0x7777)];
        let forms: Vec<(&'static str, usize)> = match argument {
            Arg::Session => numbers.into_iter().chain([("closed", self.closed)]).collect(),
            Arg::Slot => numbers[1..].to_vec(),
            Arg::Object(right) => {
                let others = self.objects.iter().filter(|(object, _)| *object != right);
                let others = others.map(|(object, handle)| (other(*object), *handle));
                numbers.into_iter().chain([("destroyed", self.destroyed)]).chain(others).collect()
            }
            Arg::Made => numbers.into_iter().chain([("destroyed", self.destroyed)]).collect(),
            _ => memory.malformed(argument),
        };
        let skipped = |name: &str| {
            // It would wait for ever.
            function.name == "C_WaitForSlotEvent" && at == 0 && name != "odd bits"
        };
        let forms = forms.into_iter().filter(|(name, _)| !skipped(name));
        forms.map(|(name, word)| (at, name, word)).collect()
    }

    /// Calls a function in a session, with some arguments malformed.
    pub(crate) fn call(
        &self,
        function: &Function,
        session: usize,
        wrong: &[Wrong],
        memory: &mut Memory,
    ) -> CK_RV {
        let mut words = Vec::new();
        for (at, argument) in function.arguments.iter().enumerate() {
            let found = wrong.iter().find(|(place, ..)| *place == at);
            words.push(match (found, argument) {
                (Some((_, _, word)), _) => *word,
                (None, Arg::Session) => session,
                (None, Arg::Slot) => self.slot,
                (None, Arg::Object(object)) => self.object(*object),
                (None, Arg::Made) => self.data(),
                (None, argument) => {
                    memory.right(*argument, function.arguments.get(at + 1).copied())
                }
            });
        }
        address::call(function.address, &words)
    }

    /// Does what goes before a function, and says whether all of it went well.
    pub(crate) fn prepare(&self, function: &Function, session: usize) -> bool {
        function.after.iter().all(|name| {
            let mut memory = Memory::default();
            self.call(self.function(name), session, &[], &mut memory) == CKR_OK
        })
    }

    fn object(&self, object: Object) -> usize {
        self.objects.iter().find(|(kind, _)| *kind == object).map_or(0, |(_, handle)| *handle)
    }

    fn set(&mut self, object: Object, handle: usize) {
        for (kind, place) in &mut self.objects {
            if *kind == object {
                *place = handle;
            }
        }
    }

    /// A data object that everybody may destroy; nobody needs it.
    fn data(&self) -> usize {
        let (no, class) = ([0_u8], [sys::CKO_DATA]);
        let template =
            [[sys::CKA_CLASS, class.as_ptr() as u64, 8], [sys::CKA_TOKEN, no.as_ptr() as u64, 1]];
        let handle = place::<1>();
        let arguments = [self.base, template.as_ptr() as usize, 2, handle.as_ptr() as usize];
        let made = self.raw("C_CreateObject", &arguments);
        assert_eq!(made, CKR_OK, "{}", allowed::name(made));
        word(&handle[0])
    }

    /// Token objects, one of each kind, named after it.
    fn make_objects(&mut self) {
        let yes = [1_u8];
        let bits = [2048_u64];
        let length = [32_u64];
        let p256 = P256;
        let flag = |kind: u64| [kind, yes.as_ptr() as u64, 1];
        let label = |name: &'static str| [sys::CKA_LABEL, name.as_ptr() as u64, name.len() as u64];
        let value_length = [sys::CKA_VALUE_LEN, length.as_ptr() as u64, 8];
        let token = flag(sys::CKA_TOKEN);
        for (object, mechanism, more) in [
            (Object::Aes, sys::CKM_AES_KEY_GEN, flag(sys::CKA_EXTRACTABLE)),
            (Object::Secret, sys::CKM_GENERIC_SECRET_KEY_GEN, flag(sys::CKA_DERIVE)),
        ] {
            let template =
                [token, label(other(object)), value_length, more, flag(sys::CKA_EXTRACTABLE)];
            let (mechanism, handle) = ([mechanism, 0, 0], place::<1>());
            let arguments = [
                self.base,
                mechanism.as_ptr() as usize,
                template.as_ptr() as usize,
                template.len(),
                handle.as_ptr() as usize,
            ];
            assert_eq!(self.raw("C_GenerateKey", &arguments), CKR_OK);
            self.set(object, word(&handle[0]));
        }
        for (public, private, mechanism, special, more) in [
            (
                Object::RsaPublic,
                Object::RsaPrivate,
                sys::CKM_RSA_PKCS_KEY_PAIR_GEN,
                [sys::CKA_MODULUS_BITS, bits.as_ptr() as u64, 8],
                [flag(sys::CKA_VERIFY_RECOVER), flag(sys::CKA_SIGN_RECOVER)],
            ),
            (
                Object::EcPublic,
                Object::EcPrivate,
                sys::CKM_EC_KEY_PAIR_GEN,
                [sys::CKA_EC_PARAMS, p256.as_ptr() as u64, 10],
                [flag(sys::CKA_ENCAPSULATE), flag(sys::CKA_DECAPSULATE)],
            ),
        ] {
            let outer = [token, label(other(public)), special, more[0]];
            let inner = [token, label(other(private)), more[1]];
            let (mechanism, handles) = ([mechanism, 0, 0], place::<2>());
            let arguments = [
                self.base,
                mechanism.as_ptr() as usize,
                outer.as_ptr() as usize,
                outer.len(),
                inner.as_ptr() as usize,
                inner.len(),
                handles.as_ptr() as usize,
                handles.as_ptr() as usize + 8,
            ];
            assert_eq!(self.raw("C_GenerateKeyPair", &arguments), CKR_OK);
            self.set(public, word(&handles[0]));
            self.set(private, word(&handles[1]));
        }
        let class = [sys::CKO_DATA];
        let template =
            [token, label(other(Object::Data)), [sys::CKA_CLASS, class.as_ptr() as u64, 8]];
        let handle = place::<1>();
        let arguments = [self.base, template.as_ptr() as usize, 3, handle.as_ptr() as usize];
        assert_eq!(self.raw("C_CreateObject", &arguments), CKR_OK);
        self.set(Object::Data, word(&handle[0]));
    }

    /// Handles of private objects die with the login.
    fn find_objects(&mut self) {
        for object in Object::ALL {
            let name = other(object);
            let template = [sys::CKA_LABEL, name.as_ptr() as u64, name.len() as u64];
            let (handle, count) = (place::<1>(), place::<1>());
            let begun = self.raw("C_FindObjectsInit", &[self.base, template.as_ptr() as usize, 1]);
            assert_eq!(begun, CKR_OK);
            let (found, told) = (handle.as_ptr() as usize, count.as_ptr() as usize);
            assert_eq!(self.raw("C_FindObjects", &[self.base, found, 1, told]), CKR_OK);
            assert_eq!(self.raw("C_FindObjectsFinal", &[self.base]), CKR_OK);
            assert_eq!(count[0].get(), 1, "{name}");
            self.set(object, word(&handle[0]));
        }
    }
}

/// The name of an object, which is its label too.
fn other(object: Object) -> &'static str {
    match object {
        Object::Aes => "an AES key",
        Object::Secret => "a secret",
        Object::RsaPublic => "RSA, public",
        Object::RsaPrivate => "RSA, private",
        Object::EcPublic => "EC, public",
        Object::EcPrivate => "EC, private",
        Object::Data => "data",
    }
}

/// A place for results: cells, because the compiler sees nobody write to it.
fn place<const WORDS: usize>() -> [Cell<u64>; WORDS] {
    [const { Cell::new(0) }; WORDS]
}

fn word(place: &Cell<u64>) -> usize {
    usize::try_from(place.get()).unwrap()
}
