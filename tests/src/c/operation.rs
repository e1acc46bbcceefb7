//! Operations that begin with a mechanism: one function each, and whole ones of two or more.

use std::ptr::null_mut;

use cryptoki_sys::CK_ULONG;

use super::{Answer, Handle, Mechanism, Session, call, fill, input, length, size};

/// What is longest of what comes out with a part and was not in it.
const HELD: usize = 32;

/// `C_*Init`; without a mechanism it ends the operation (PKCS#11 section 5.8).
macro_rules! inits {
    ($( $name:ident $function:ident; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`.")]
        pub fn $name(self, mechanism: Option<&Mechanism<'_>>, key: Handle) -> Answer<()> {
            let mut raw = mechanism.map(|mechanism| mechanism.0);
            let place = raw.as_mut().map_or(null_mut(), |raw| &raw mut *raw);
            call!($function(self.0, place, key))
        }
    )* };
}

/// Functions that take data.
macro_rules! takes {
    ($( $name:ident $function:ident; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`.")]
        pub fn $name(self, data: &[u8]) -> Answer<()> {
            call!($function(self.0, input(data), length(data)))
        }
    )* };
}

/// Functions that give a result.
macro_rules! gives {
    ($( $name:ident $function:ident; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`.")]
        pub fn $name(self) -> Answer<Vec<u8>> {
            fill(|place, told| call!($function(self.0, place, told)))
        }
    )* };
}

/// Functions that make a result of data.
macro_rules! turns {
    ($( $name:ident $function:ident; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`.")]
        pub fn $name(self, data: &[u8]) -> Answer<Vec<u8>> {
            fill(|place, told| call!($function(self.0, input(data), length(data), place, told)))
        }
    )* };
}

/// Functions that make what they can of a part, in a place that is long enough.
macro_rules! updates {
    ($( $name:ident $function:ident; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`, without asking for the length.")]
        pub fn $name(self, part: &[u8]) -> Answer<Vec<u8>> {
            let mut room = vec![0; part.len() + HELD];
            let mut told = length(&room);
            call!($function(self.0, input(part), length(part), room.as_mut_ptr(), &raw mut told))?;
            room.truncate(size(told));
            Ok(room)
        }
    )* };
}

/// Functions that give a result, with a place of the length that they tell of; NULL where that is zero.
macro_rules! asks {
    ($( $name:ident $function:ident [$($part:ident)?]; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`, as callers do whose places of no bytes are NULL.")]
        pub fn $name(self $(, $part: &[u8])?) -> Answer<Vec<u8>> {
            let call = |place, told: *mut CK_ULONG| {
                call!($function(self.0, $( input($part), length($part), )? place, told))
            };
            let mut told = 0;
            call(null_mut(), &raw mut told)?;
            let mut room = vec![0; size(told)];
            let place = if room.is_empty() { null_mut() } else { room.as_mut_ptr() };
            call(place, &raw mut told)?;
            room.truncate(size(told));
            Ok(room)
        }
    )* };
}

impl Session {
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
    updates! {
        encrypt_update C_EncryptUpdate;
        decrypt_update C_DecryptUpdate;
    }

    asks! {
        asked_encrypt C_Encrypt [data];
        asked_decrypt C_Decrypt [data];
        asked_encrypt_update C_EncryptUpdate [part];
        asked_decrypt_update C_DecryptUpdate [part];
        asked_encrypt_final C_EncryptFinal [];
        asked_decrypt_final C_DecryptFinal [];
    }

    /// `C_DigestInit`.
    pub fn digest_init(self, mechanism: Option<&Mechanism<'_>>) -> Answer<()> {
        let mut raw = mechanism.map(|mechanism| mechanism.0);
        let place = raw.as_mut().map_or(null_mut(), |raw| &raw mut *raw);
        call!(C_DigestInit(self.0, place))
    }

    /// `C_DigestKey`.
    pub fn digest_key(self, key: Handle) -> Answer<()> {
        call!(C_DigestKey(self.0, key))
    }

    /// `C_Verify`.
    pub fn verify(self, data: &[u8], signature: &[u8]) -> Answer<()> {
        let (given, told) = (input(signature), length(signature));
        call!(C_Verify(self.0, input(data), length(data), given, told))
    }

    /// `C_VerifySignatureInit`.
    pub fn verify_signature_init(
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

    /// `C_VerifySignatureFinal`.
    pub fn verify_signature_final(self) -> Answer<()> {
        call!(C_VerifySignatureFinal(self.0))
    }
}

/// A whole operation, at once or in parts.
macro_rules! whole {
    ($( $name:ident $in_parts:ident: $init:ident $once:ident $update:ident $last:ident; )*) => { $(
        #[doc = concat!("[`Self::", stringify!($init), "`] and [`Self::", stringify!($once), "`].")]
        pub fn $name(self, mechanism: &Mechanism<'_>, key: Handle, data: &[u8]) -> Answer<Vec<u8>> {
            self.$init(Some(mechanism), key)?;
            self.$once(data)
        }

        #[doc = concat!("[`Self::", stringify!($name), "`], with data in parts so long.")]
        pub fn $in_parts(
            self,
            mechanism: &Mechanism<'_>,
            key: Handle,
            data: &[u8],
            part: usize,
        ) -> Answer<Vec<u8>> {
            self.$init(Some(mechanism), key)?;
            let mut all = Vec::new();
            for part in data.chunks(part) {
                all.extend(self.$update(part)?);
            }
            all.extend(self.$last()?);
            Ok(all)
        }
    )* };
}

impl Session {
    whole! {
        encrypt_with encrypt_parts: encrypt_init encrypt encrypt_update encrypt_final;
        decrypt_with decrypt_parts: decrypt_init decrypt decrypt_update decrypt_final;
    }

    /// [`Self::sign_init`] and [`Self::sign`].
    pub fn sign_with(self, mechanism: &Mechanism<'_>, key: Handle, data: &[u8]) -> Answer<Vec<u8>> {
        self.sign_init(Some(mechanism), key)?;
        self.sign(data)
    }

    /// [`Self::sign_with`], with data in parts so long.
    pub fn sign_parts(
        self,
        mechanism: &Mechanism<'_>,
        key: Handle,
        data: &[u8],
        part: usize,
    ) -> Answer<Vec<u8>> {
        self.sign_init(Some(mechanism), key)?;
        data.chunks(part).try_for_each(|part| self.sign_update(part))?;
        self.sign_final()
    }

    /// [`Self::verify_init`] and [`Self::verify`].
    pub fn verify_with(
        self,
        mechanism: &Mechanism<'_>,
        key: Handle,
        data: &[u8],
        signature: &[u8],
    ) -> Answer<()> {
        self.verify_init(Some(mechanism), key)?;
        self.verify(data, signature)
    }

    /// [`Self::verify_with`], with data in parts so long.
    pub fn verify_parts(
        self,
        mechanism: &Mechanism<'_>,
        key: Handle,
        data: &[u8],
        signature: &[u8],
        part: usize,
    ) -> Answer<()> {
        self.verify_init(Some(mechanism), key)?;
        data.chunks(part).try_for_each(|part| self.verify_update(part))?;
        self.verify_final(signature)
    }

    /// [`Self::digest_init`] and [`Self::digest`].
    pub fn digest_with(self, mechanism: &Mechanism<'_>, data: &[u8]) -> Answer<Vec<u8>> {
        self.digest_init(Some(mechanism))?;
        self.digest(data)
    }

    /// [`Self::digest_with`], with data in parts so long.
    pub fn digest_parts(
        self,
        mechanism: &Mechanism<'_>,
        data: &[u8],
        part: usize,
    ) -> Answer<Vec<u8>> {
        self.digest_init(Some(mechanism))?;
        data.chunks(part).try_for_each(|part| self.digest_update(part))?;
        self.digest_final()
    }
}
