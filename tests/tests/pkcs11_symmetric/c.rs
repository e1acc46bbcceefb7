//! The C functions as safe Rust, linked into the test: it says what the `cryptoki` crate has no words for.
#![expect(unsafe_code, reason = "the functions are C's")]

use std::ptr::{from_ref, null_mut};

use coffer_pkcs11::ffi::exports as c;
use coffer_tests::daemon::PIN;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_MECHANISM, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_ULONG, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKR_BUFFER_TOO_SMALL, CKR_OK,
    CKU_USER,
};

pub(crate) type Answer<T> = Result<T, CK_RV>;
pub(crate) type Template<'a> = &'a [(CK_ATTRIBUTE_TYPE, &'a [u8])];

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

fn size(length: CK_ULONG) -> usize {
    usize::try_from(length).expect("nothing here is that long")
}

pub(crate) fn list(template: Template<'_>) -> Vec<CK_ATTRIBUTE> {
    let attribute = |(kind, value): &(CK_ATTRIBUTE_TYPE, &[u8])| CK_ATTRIBUTE {
        type_: *kind,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: length(value),
    };
    template.iter().map(attribute).collect()
}

/// Asks for the length, tries a buffer that is too short, and takes the result.
fn fill(call: impl Fn(*mut u8, *mut CK_ULONG) -> Answer<()>) -> Answer<Vec<u8>> {
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

/// A read-write session in which the user is logged in.
pub(crate) struct Session(CK_SESSION_HANDLE);

macro_rules! whole {
    ($( $name:ident $init:ident $function:ident; )*) => { $(
        pub(crate) fn $name(
            &self,
            mechanism: &Mechanism<'_>,
            key: CK_OBJECT_HANDLE,
            data: &[u8],
        ) -> Answer<Vec<u8>> {
            let mut mechanism = mechanism.0;
            call!($init(self.0, &raw mut mechanism, key))?;
            let input = data.as_ptr().cast_mut();
            fill(|output, told| call!($function(self.0, input, length(data), output, told)))
        }
    )* };
}

macro_rules! parts {
    ($( $name:ident $init:ident $update:ident $last:ident; )*) => { $(
        pub(crate) fn $name(
            &self,
            mechanism: &Mechanism<'_>,
            key: CK_OBJECT_HANDLE,
            data: &[u8],
            part: usize,
        ) -> Answer<Vec<u8>> {
            let mut mechanism = mechanism.0;
            call!($init(self.0, &raw mut mechanism, key))?;
            let mut all = Vec::new();
            for part in data.chunks(part) {
                let input = part.as_ptr().cast_mut();
                let mut room = vec![0; part.len() + 32];
                let mut told = length(&room);
                call!($update(self.0, input, length(part), room.as_mut_ptr(), &raw mut told))?;
                all.extend_from_slice(&room[..size(told)]);
            }
            all.extend(fill(|output, told| call!($last(self.0, output, told)))?);
            Ok(all)
        }
    )* };
}

impl Session {
    /// The module's first session, with the token in the first slot.
    pub(crate) fn open() -> Answer<Self> {
        call!(C_Initialize(null_mut()))?;
        let (mut slot, mut count) = (0, 1);
        call!(C_GetSlotList(1, &raw mut slot, &raw mut count))?;
        let (flags, mut session) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
        call!(C_OpenSession(slot, flags, null_mut(), None, &raw mut session))?;
        let pin = PIN.as_bytes();
        call!(C_Login(session, CKU_USER, pin.as_ptr().cast_mut(), length(pin)))?;
        Ok(Self(session))
    }

    pub(crate) fn create(&self, template: Template<'_>) -> Answer<CK_OBJECT_HANDLE> {
        let (mut template, mut object) = (list(template), 0);
        let count = template.len() as CK_ULONG;
        call!(C_CreateObject(self.0, template.as_mut_ptr(), count, &raw mut object))?;
        Ok(object)
    }

    pub(crate) fn derive(
        &self,
        mechanism: &Mechanism<'_>,
        base: CK_OBJECT_HANDLE,
        template: Template<'_>,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_DeriveKey(self.0, &raw mut raw, base, first, count, &raw mut key))?;
        Ok(key)
    }

    /// A derivation that gives its keys back through the parameter.
    pub(crate) fn derive_into(
        &self,
        mechanism: &Mechanism<'_>,
        base: CK_OBJECT_HANDLE,
        template: Template<'_>,
    ) -> Answer<()> {
        let (mut raw, mut template) = (mechanism.0, list(template));
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_DeriveKey(self.0, &raw mut raw, base, first, count, null_mut()))
    }

    pub(crate) fn generate(
        &self,
        mechanism: &Mechanism<'_>,
        template: Template<'_>,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_GenerateKey(self.0, &raw mut raw, first, count, &raw mut key))?;
        Ok(key)
    }

    pub(crate) fn wrap(
        &self,
        mechanism: &Mechanism<'_>,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Answer<Vec<u8>> {
        fill(|output, told| {
            let mut raw = mechanism.0;
            call!(C_WrapKey(self.0, &raw mut raw, wrapping, key, output, told))
        })
    }

    pub(crate) fn unwrap(
        &self,
        mechanism: &Mechanism<'_>,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: Template<'_>,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut raw, mut template, mut key) = (mechanism.0, list(template), 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        let (input, given) = (wrapped.as_ptr().cast_mut(), length(wrapped));
        call!(C_UnwrapKey(
            self.0,
            &raw mut raw,
            unwrapping,
            input,
            given,
            first,
            count,
            &raw mut key
        ))?;
        Ok(key)
    }

    /// `C_GenerateKey` with attributes as they stand.
    pub(crate) fn generate_with(
        &self,
        mechanism: &Mechanism<'_>,
        template: &mut [CK_ATTRIBUTE],
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut raw, mut key) = (mechanism.0, 0);
        let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(C_GenerateKey(self.0, &raw mut raw, first, count, &raw mut key))?;
        Ok(key)
    }

    /// `C_GetAttributeValue` of one attribute as it stands.
    pub(crate) fn ask(&self, key: CK_OBJECT_HANDLE, asked: &mut CK_ATTRIBUTE) -> Answer<()> {
        call!(C_GetAttributeValue(self.0, key, asked, 1))
    }

    /// The value of an attribute.
    pub(crate) fn read(&self, key: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Answer<Vec<u8>> {
        let mut room = vec![0; 4096];
        let value = room.as_mut_ptr().cast();
        let mut asked = CK_ATTRIBUTE { type_: kind, pValue: value, ulValueLen: length(&room) };
        call!(C_GetAttributeValue(self.0, key, &raw mut asked, 1))?;
        room.truncate(size(asked.ulValueLen));
        Ok(room)
    }

    whole! {
        encrypt C_EncryptInit C_Encrypt;
        decrypt C_DecryptInit C_Decrypt;
        sign C_SignInit C_Sign;
    }
    parts! {
        encrypt_parts C_EncryptInit C_EncryptUpdate C_EncryptFinal;
        decrypt_parts C_DecryptInit C_DecryptUpdate C_DecryptFinal;
    }

    pub(crate) fn verify(
        &self,
        mechanism: &Mechanism<'_>,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        code: &[u8],
    ) -> Answer<()> {
        let mut raw = mechanism.0;
        call!(C_VerifyInit(self.0, &raw mut raw, key))?;
        let (input, given) = (data.as_ptr().cast_mut(), code.as_ptr().cast_mut());
        call!(C_Verify(self.0, input, length(data), given, length(code)))
    }

    pub(crate) fn digest(&self, kind: CK_MECHANISM_TYPE, data: &[u8]) -> Answer<Vec<u8>> {
        let mut raw = plain(kind).0;
        call!(C_DigestInit(self.0, &raw mut raw))?;
        let input = data.as_ptr().cast_mut();
        fill(|output, told| call!(C_Digest(self.0, input, length(data), output, told)))
    }
}
