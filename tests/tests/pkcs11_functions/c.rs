//! The C functions as safe Rust, linked into the test: it says what the `cryptoki` crate has no words for.
#![expect(unsafe_code, reason = "the functions are C's")]

use std::ffi::c_void;
use std::ptr::{from_ref, null_mut};

use coffer_pkcs11::ffi::exports as c;
use coffer_tests::daemon::PIN;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_CCM_MESSAGE_PARAMS, CK_FLAGS, CK_GCM_MESSAGE_PARAMS,
    CK_GENERATOR_FUNCTION, CK_MECHANISM, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_RV,
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CK_USER_TYPE,
    CKF_END_OF_MESSAGE, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKR_BUFFER_TOO_SMALL, CKR_OK, CKU_USER,
};

pub(crate) type Answer<T> = Result<T, CK_RV>;
pub(crate) type Template<'a> = &'a [(CK_ATTRIBUTE_TYPE, &'a [u8])];
pub(crate) type Handle = CK_OBJECT_HANDLE;

/// Calls a C function; arguments live for the call.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: every pointer here is null or comes from something that outlives the call.
        match unsafe { c::$name($($argument),*) } {
            CKR_OK => Ok(()),
            code => Err(code),
        }
    }};
}

/// A mechanism with its parameter, which lives as long.
#[derive(Clone, Copy)]
pub(crate) struct Mechanism<'a>(CK_MECHANISM, std::marker::PhantomData<&'a ()>);

pub(crate) fn plain(kind: CK_MECHANISM_TYPE) -> Mechanism<'static> {
    let raw = CK_MECHANISM { mechanism: kind, pParameter: null_mut(), ulParameterLen: 0 };
    Mechanism(raw, std::marker::PhantomData)
}

pub(crate) fn with<T>(kind: CK_MECHANISM_TYPE, parameter: &T) -> Mechanism<'_> {
    let raw = CK_MECHANISM {
        mechanism: kind,
        pParameter: from_ref(parameter).cast_mut().cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    };
    Mechanism(raw, std::marker::PhantomData)
}

fn length(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

fn input(bytes: &[u8]) -> *mut u8 {
    bytes.as_ptr().cast_mut()
}

fn size(length: CK_ULONG) -> usize {
    usize::try_from(length).expect("nothing here is that long")
}

fn list(template: Template<'_>) -> Vec<CK_ATTRIBUTE> {
    let attribute = |(kind, value): &(CK_ATTRIBUTE_TYPE, &[u8])| CK_ATTRIBUTE {
        type_: *kind,
        pValue: input(value).cast(),
        ulValueLen: length(value),
    };
    template.iter().map(attribute).collect()
}

/// Asks for the length, tries a buffer that is too short, and takes the result.
fn fill(mut call: impl FnMut(*mut u8, *mut CK_ULONG) -> Answer<()>) -> Answer<Vec<u8>> {
    let mut needed = 0;
    call(null_mut(), &raw mut needed)?;
    if needed > 0 {
        let mut short = vec![0; size(needed)];
        let mut told = 0;
        match call(short.as_mut_ptr(), &raw mut told) {
            Err(CKR_BUFFER_TOO_SMALL) => assert!(0 < told && told <= needed),
            // Nothing is as long as that.
            Ok(()) => return Ok(Vec::new()),
            Err(code) => return Err(code),
        }
    }
    let mut buffer = vec![0; size(needed.max(1))];
    let mut told = needed;
    call(buffer.as_mut_ptr(), &raw mut told)?;
    buffer.truncate(size(told));
    Ok(buffer)
}

pub(crate) fn initialize() -> Answer<()> {
    call!(C_Initialize(null_mut()))
}

pub(crate) fn finalize() -> Answer<()> {
    call!(C_Finalize(null_mut()))
}

pub(crate) fn slots() -> Answer<Vec<CK_SLOT_ID>> {
    let mut count = 0;
    call!(C_GetSlotList(1, null_mut(), &raw mut count))?;
    let mut slots = vec![0; size(count)];
    call!(C_GetSlotList(1, slots.as_mut_ptr(), &raw mut count))?;
    slots.truncate(size(count));
    Ok(slots)
}

pub(crate) fn wait_for_slot_event(flags: CK_FLAGS) -> Answer<CK_SLOT_ID> {
    let mut slot = 0;
    call!(C_WaitForSlotEvent(flags, &raw mut slot, null_mut()))?;
    Ok(slot)
}

pub(crate) fn init_token(slot: CK_SLOT_ID, pin: &str, label: &str) -> Answer<()> {
    let label = format!("{label:32}");
    let pin = pin.as_bytes();
    call!(C_InitToken(slot, input(pin), length(pin), input(label.as_bytes())))
}

pub(crate) fn mechanism_flags(slot: CK_SLOT_ID, kind: CK_MECHANISM_TYPE) -> Answer<CK_FLAGS> {
    let mut info = cryptoki_sys::CK_MECHANISM_INFO::default();
    call!(C_GetMechanismInfo(slot, kind, &raw mut info))?;
    Ok(info.flags)
}

/// A session.
#[derive(Clone, Copy)]
pub(crate) struct Session(CK_SESSION_HANDLE);

macro_rules! inits {
    ($( $name:ident $function:ident; )*) => { $(
        pub(crate) fn $name(self, mechanism: Option<&Mechanism<'_>>, key: Handle) -> Answer<()> {
            let mut raw = mechanism.map(|mechanism| mechanism.0);
            let place = raw.as_mut().map_or(null_mut(), |raw| &raw mut *raw);
            call!($function(self.0, place, key))
        }
    )* };
}

macro_rules! takes {
    ($( $name:ident $function:ident; )*) => { $(
        pub(crate) fn $name(self, data: &[u8]) -> Answer<()> {
            call!($function(self.0, input(data), length(data)))
        }
    )* };
}

macro_rules! gives {
    ($( $name:ident $function:ident; )*) => { $(
        pub(crate) fn $name(self) -> Answer<Vec<u8>> {
            fill(|place, told| call!($function(self.0, place, told)))
        }
    )* };
}

macro_rules! turns {
    ($( $name:ident $function:ident; )*) => { $(
        pub(crate) fn $name(self, data: &[u8]) -> Answer<Vec<u8>> {
            fill(|place, told| call!($function(self.0, input(data), length(data), place, told)))
        }
    )* };
}

macro_rules! ends {
    ($( $name:ident $function:ident; )*) => { $(
        pub(crate) fn $name(self) -> Answer<()> {
            call!($function(self.0))
        }
    )* };
}

impl Session {
    /// The first session with the first slot's token, for the user.
    pub(crate) fn begin() -> Answer<Self> {
        initialize()?;
        let session = Self::open(slots()?[0])?;
        session.login(CKU_USER, PIN)?;
        Ok(session)
    }

    pub(crate) fn open(slot: CK_SLOT_ID) -> Answer<Self> {
        let (flags, mut session) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
        call!(C_OpenSession(slot, flags, null_mut(), None, &raw mut session))?;
        Ok(Self(session))
    }

    pub(crate) fn login(self, user: CK_USER_TYPE, pin: &str) -> Answer<()> {
        let pin = pin.as_bytes();
        call!(C_Login(self.0, user, input(pin), length(pin)))
    }

    pub(crate) fn login_user(self, user: CK_USER_TYPE, pin: &str, name: &str) -> Answer<()> {
        let (pin, name) = (pin.as_bytes(), name.as_bytes());
        call!(C_LoginUser(self.0, user, input(pin), length(pin), input(name), length(name)))
    }

    pub(crate) fn set_pin(self, old: &str, new: &str) -> Answer<()> {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        call!(C_SetPIN(self.0, input(old), length(old), input(new), length(new)))
    }

    pub(crate) fn state(self) -> Answer<CK_ULONG> {
        let mut info = cryptoki_sys::CK_SESSION_INFO::default();
        call!(C_GetSessionInfo(self.0, &raw mut info))?;
        Ok(info.state)
    }

    pub(crate) fn cancel(self, flags: CK_FLAGS) -> Answer<()> {
        call!(C_SessionCancel(self.0, flags))
    }

    pub(crate) fn validation_flags(self, kind: CK_ULONG) -> Answer<CK_FLAGS> {
        let mut flags = CK_FLAGS::MAX;
        call!(C_GetSessionValidationFlags(self.0, kind, &raw mut flags))?;
        Ok(flags)
    }

    pub(crate) fn restore_state(self, saved: &[u8], keys: [Handle; 2]) -> Answer<()> {
        call!(C_SetOperationState(self.0, input(saved), length(saved), keys[0], keys[1]))
    }

    pub(crate) fn find_init(self) -> Answer<()> {
        call!(C_FindObjectsInit(self.0, null_mut(), 0))
    }

    /// The first object that a template finds.
    pub(crate) fn find(self, template: Template<'_>) -> Answer<Handle> {
        let mut template = list(template);
        let (mut object, mut found) = (0, 0);
        let count = template.len() as CK_ULONG;
        call!(C_FindObjectsInit(self.0, template.as_mut_ptr(), count))?;
        call!(C_FindObjects(self.0, &raw mut object, 1, &raw mut found))?;
        call!(C_FindObjectsFinal(self.0))?;
        assert_eq!(found, 1);
        Ok(object)
    }

    pub(crate) fn create(self, template: Template<'_>) -> Answer<Handle> {
        let (mut template, mut object) = (list(template), 0);
        let count = template.len() as CK_ULONG;
        call!(C_CreateObject(self.0, template.as_mut_ptr(), count, &raw mut object))?;
        Ok(object)
    }

    pub(crate) fn destroy(self, object: Handle) -> Answer<()> {
        call!(C_DestroyObject(self.0, object))
    }

    pub(crate) fn object_size(self, object: Handle) -> Answer<CK_ULONG> {
        let mut size = 0;
        call!(C_GetObjectSize(self.0, object, &raw mut size))?;
        Ok(size)
    }

    /// The value of an attribute.
    pub(crate) fn read(self, key: Handle, kind: CK_ATTRIBUTE_TYPE) -> Answer<Vec<u8>> {
        let mut room = vec![0; 4096];
        let value = room.as_mut_ptr().cast();
        let mut asked = CK_ATTRIBUTE { type_: kind, pValue: value, ulValueLen: length(&room) };
        call!(C_GetAttributeValue(self.0, key, &raw mut asked, 1))?;
        room.truncate(size(asked.ulValueLen));
        Ok(room)
    }

    pub(crate) fn generate(
        self,
        mechanism: &Mechanism<'_>,
        template: Template<'_>,
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_GenerateKey(self.0, &raw mut raw, first, count, &raw mut key))?;
        Ok(key)
    }

    /// The handles of the public and of the private key.
    pub(crate) fn generate_pair(
        self,
        mechanism: &Mechanism<'_>,
        public: Template<'_>,
        private: Template<'_>,
    ) -> Answer<(Handle, Handle)> {
        let (mut raw, mut outer, mut inner) = (mechanism.0, list(public), list(private));
        let (mut public, mut private) = (0, 0);
        let counts = (outer.len() as CK_ULONG, inner.len() as CK_ULONG);
        let (outer, inner) = (outer.as_mut_ptr(), inner.as_mut_ptr());
        call!(C_GenerateKeyPair(
            self.0,
            &raw mut raw,
            outer,
            counts.0,
            inner,
            counts.1,
            &raw mut public,
            &raw mut private
        ))?;
        Ok((public, private))
    }

    pub(crate) fn digest_init(self, mechanism: Option<&Mechanism<'_>>) -> Answer<()> {
        let mut raw = mechanism.map(|mechanism| mechanism.0);
        let place = raw.as_mut().map_or(null_mut(), |raw| &raw mut *raw);
        call!(C_DigestInit(self.0, place))
    }

    pub(crate) fn digest_key(self, key: Handle) -> Answer<()> {
        call!(C_DigestKey(self.0, key))
    }

    pub(crate) fn verify(self, data: &[u8], signature: &[u8]) -> Answer<()> {
        let (given, told) = (input(signature), length(signature));
        call!(C_Verify(self.0, input(data), length(data), given, told))
    }

    pub(crate) fn verify_signature_init(
        self,
        mechanism: Option<&Mechanism<'_>>,
        key: Handle,
        signature: &[u8],
    ) -> Answer<()> {
        let mut raw = mechanism.map(|mechanism| mechanism.0);
        let place = raw.as_mut().map_or(null_mut(), |raw| &raw mut *raw);
        let (given, told) = (input(signature), length(signature));
        call!(C_VerifySignatureInit(self.0, place, key, given, told))
    }

    inits! {
        encrypt_init C_EncryptInit;
        decrypt_init C_DecryptInit;
        sign_init C_SignInit;
        verify_init C_VerifyInit;
        sign_recover_init C_SignRecoverInit;
        verify_recover_init C_VerifyRecoverInit;
        message_encrypt_init C_MessageEncryptInit;
        message_decrypt_init C_MessageDecryptInit;
        message_sign_init C_MessageSignInit;
        message_verify_init C_MessageVerifyInit;
    }
    takes! {
        digest_update C_DigestUpdate;
        sign_update C_SignUpdate;
        verify_update C_VerifyUpdate;
        verify_final C_VerifyFinal;
        verify_signature C_VerifySignature;
        verify_signature_update C_VerifySignatureUpdate;
    }
    gives! {
        digest_final C_DigestFinal;
        sign_final C_SignFinal;
        encrypt_final C_EncryptFinal;
        decrypt_final C_DecryptFinal;
        save_state C_GetOperationState;
    }
    turns! {
        digest C_Digest;
        sign C_Sign;
        encrypt C_Encrypt;
        decrypt C_Decrypt;
        sign_recover C_SignRecover;
        verify_recover C_VerifyRecover;
        digest_encrypt_update C_DigestEncryptUpdate;
        decrypt_digest_update C_DecryptDigestUpdate;
        sign_encrypt_update C_SignEncryptUpdate;
        decrypt_verify_update C_DecryptVerifyUpdate;
    }
    ends! {
        logout C_Logout;
        close C_CloseSession;
        verify_signature_final C_VerifySignatureFinal;
        message_encrypt_final C_MessageEncryptFinal;
        message_decrypt_final C_MessageDecryptFinal;
        message_sign_final C_MessageSignFinal;
        message_verify_final C_MessageVerifyFinal;
        function_status C_GetFunctionStatus;
        cancel_function C_CancelFunction;
    }

    /// Encapsulates, after asking for the length: the ciphertext and the key.
    pub(crate) fn encapsulate(
        self,
        mechanism: &Mechanism<'_>,
        public: Handle,
        template: Template<'_>,
    ) -> Answer<(Vec<u8>, Handle)> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        let ciphertext = fill(|place, told| {
            let outcome = call!(C_EncapsulateKey(
                self.0,
                &raw mut raw,
                public,
                first,
                count,
                place,
                told,
                &raw mut key
            ));
            // Nothing is made for who only asks.
            assert!(key == 0 || (outcome.is_ok() && !place.is_null()));
            outcome
        })?;
        Ok((ciphertext, key))
    }

    pub(crate) fn derive(
        self,
        mechanism: &Mechanism<'_>,
        base: Handle,
        template: Template<'_>,
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_DeriveKey(self.0, &raw mut raw, base, first, count, &raw mut key))?;
        Ok(key)
    }

    pub(crate) fn decapsulate(
        self,
        mechanism: &Mechanism<'_>,
        private: Handle,
        ciphertext: &[u8],
        template: Template<'_>,
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        let (given, told) = (input(ciphertext), length(ciphertext));
        call!(C_DecapsulateKey(
            self.0,
            &raw mut raw,
            private,
            first,
            count,
            given,
            told,
            &raw mut key
        ))?;
        Ok(key)
    }

    pub(crate) fn wrap_authenticated(
        self,
        mechanism: &Mechanism<'_>,
        wrapping: Handle,
        key: Handle,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        fill(|place, told| {
            let mut raw = mechanism.0;
            let (given, count) = (input(data), length(data));
            call!(C_WrapKeyAuthenticated(
                self.0,
                &raw mut raw,
                wrapping,
                key,
                given,
                count,
                place,
                told
            ))
        })
    }

    pub(crate) fn unwrap_authenticated(
        self,
        mechanism: &Mechanism<'_>,
        unwrapping: Handle,
        wrapped: &[u8],
        template: Template<'_>,
        data: &[u8],
    ) -> Answer<Handle> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_UnwrapKeyAuthenticated(
            self.0,
            &raw mut raw,
            unwrapping,
            input(wrapped),
            length(wrapped),
            first,
            count,
            input(data),
            length(data),
            &raw mut key
        ))?;
        Ok(key)
    }
}

/// The parameter of a message with places of its own.
pub(crate) struct Message {
    pub(crate) nonce: Vec<u8>,
    pub(crate) tag: Vec<u8>,
    pub(crate) shape: Shape,
}

/// The structure of a message's parameter.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Gcm { generator: CK_GENERATOR_FUNCTION, fixed: CK_ULONG },
    Ccm { length: CK_ULONG },
    ChaCha,
}

impl Message {
    pub(crate) fn new(shape: Shape, nonce: &[u8]) -> Self {
        Self { nonce: nonce.to_vec(), tag: vec![0; 16], shape }
    }

    fn with<R>(&mut self, run: impl FnOnce(*mut c_void, CK_ULONG) -> R) -> R {
        let (nonce, tag) = (self.nonce.as_mut_ptr(), self.tag.as_mut_ptr());
        let (nonce_length, tag_length) = (length(&self.nonce), length(&self.tag));
        match self.shape {
            Shape::Gcm { generator, fixed } => {
                let mut raw = CK_GCM_MESSAGE_PARAMS {
                    pIv: nonce,
                    ulIvLen: nonce_length,
                    ulIvFixedBits: fixed,
                    ivGenerator: generator,
                    pTag: tag,
                    ulTagBits: 8 * tag_length,
                };
                run((&raw mut raw).cast(), size_of_val(&raw) as CK_ULONG)
            }
            Shape::Ccm { length } => {
                let mut raw = CK_CCM_MESSAGE_PARAMS {
                    ulDataLen: length,
                    pNonce: nonce,
                    ulNonceLen: nonce_length,
                    ulNonceFixedBits: 0,
                    nonceGenerator: 0,
                    pMAC: tag,
                    ulMACLen: tag_length,
                };
                run((&raw mut raw).cast(), size_of_val(&raw) as CK_ULONG)
            }
            Shape::ChaCha => {
                let mut raw = CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS {
                    pNonce: nonce,
                    ulNonceLen: nonce_length,
                    pTag: tag,
                };
                run((&raw mut raw).cast(), size_of_val(&raw) as CK_ULONG)
            }
        }
    }
}

macro_rules! messages {
    ($( $whole:ident $begin:ident $next:ident: $c_whole:ident $c_begin:ident $c_next:ident; )*) => { $(
        pub(crate) fn $whole(self, message: &mut Message, aad: &[u8], data: &[u8]) -> Answer<Vec<u8>> {
            message.with(|parameter, size| fill(|place, told| {
                let (known, count) = (input(aad), length(aad));
                call!($c_whole(self.0, parameter, size, known, count, input(data), length(data), place, told))
            }))
        }

        pub(crate) fn $begin(self, message: &mut Message, aad: &[u8]) -> Answer<()> {
            message.with(|parameter, size| call!($c_begin(self.0, parameter, size, input(aad), length(aad))))
        }

        pub(crate) fn $next(self, message: &mut Message, part: &[u8], position: Position) -> Answer<Vec<u8>> {
            let flags = if position == Position::End { CKF_END_OF_MESSAGE } else { 0 };
            message.with(|parameter, size| fill(|place, told| {
                call!($c_next(self.0, parameter, size, input(part), length(part), place, told, flags))
            }))
        }
    )* };
}

/// Whether more of a message is to come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Middle,
    End,
}

impl Session {
    messages! {
        encrypt_message encrypt_message_begin encrypt_message_next:
            C_EncryptMessage C_EncryptMessageBegin C_EncryptMessageNext;
        decrypt_message decrypt_message_begin decrypt_message_next:
            C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext;
    }

    pub(crate) fn sign_message(self, data: &[u8]) -> Answer<Vec<u8>> {
        fill(|place, told| {
            call!(C_SignMessage(self.0, null_mut(), 0, input(data), length(data), place, told))
        })
    }

    pub(crate) fn sign_message_begin(self) -> Answer<()> {
        call!(C_SignMessageBegin(self.0, null_mut(), 0))
    }

    pub(crate) fn sign_message_part(self, part: &[u8]) -> Answer<()> {
        let (none, nowhere) = (null_mut(), null_mut());
        call!(C_SignMessageNext(self.0, none, 0, input(part), length(part), null_mut(), nowhere))
    }

    pub(crate) fn sign_message_last(self, part: &[u8]) -> Answer<Vec<u8>> {
        fill(|place, told| {
            call!(C_SignMessageNext(self.0, null_mut(), 0, input(part), length(part), place, told))
        })
    }

    pub(crate) fn verify_message(self, data: &[u8], signature: &[u8]) -> Answer<()> {
        let (given, told) = (input(signature), length(signature));
        call!(C_VerifyMessage(self.0, null_mut(), 0, input(data), length(data), given, told))
    }

    pub(crate) fn verify_message_begin(self) -> Answer<()> {
        call!(C_VerifyMessageBegin(self.0, null_mut(), 0))
    }

    pub(crate) fn verify_message_next(self, part: &[u8], signature: Option<&[u8]>) -> Answer<()> {
        let given = signature.map_or(null_mut(), input);
        let told = signature.map_or(0, length);
        call!(C_VerifyMessageNext(self.0, null_mut(), 0, input(part), length(part), given, told))
    }
}
