//! Encryption, decryption and digests (sections 5.8, 5.10 and 5.12), also joined (5.17).

use coffer_protocol::mechanism::Function::{Decrypt, Encrypt};
use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::exports;
use crate::dual::{self, Partner};
use crate::ffi::mechanism;
use crate::ffi::pointers::Buffer;
use crate::{digest, encryption};

exports! { ENCRYPTION: ready;
    C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| encryption::init(module, session, Encrypt, mechanism::call(mechanism)?, key);
    C_Encrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, encrypted: *mut CK_BYTE, encrypted_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(encrypted, encrypted_length)?;
            buffer.answer(encryption::whole(module, session, Encrypt, data.slice(data_length)?, buffer.room())?)
        };
    C_EncryptUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG, encrypted: *mut CK_BYTE, encrypted_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(encrypted, encrypted_length)?;
            buffer.answer(encryption::update(module, session, Encrypt, part.slice(part_length)?, buffer.room())?)
        };
    C_EncryptFinal(session: CK_SESSION_HANDLE, encrypted: *mut CK_BYTE, encrypted_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(encrypted, encrypted_length)?;
            buffer.answer(encryption::finish(module, session, Encrypt, buffer.room())?)
        };

    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| encryption::init(module, session, Decrypt, mechanism::call(mechanism)?, key);
    C_Decrypt(session: CK_SESSION_HANDLE, encrypted: *mut CK_BYTE, encrypted_length: CK_ULONG, data: *mut CK_BYTE, data_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(data, data_length)?;
            buffer.answer(encryption::whole(module, session, Decrypt, encrypted.slice(encrypted_length)?, buffer.room())?)
        };
    C_DecryptUpdate(session: CK_SESSION_HANDLE, encrypted: *mut CK_BYTE, encrypted_length: CK_ULONG, part: *mut CK_BYTE, part_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(part, part_length)?;
            buffer.answer(encryption::update(module, session, Decrypt, encrypted.slice(encrypted_length)?, buffer.room())?)
        };
    C_DecryptFinal(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(part, part_length)?;
            buffer.answer(encryption::finish(module, session, Decrypt, buffer.room())?)
        };

    C_DigestEncryptUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG, encrypted: *mut CK_BYTE, encrypted_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(encrypted, encrypted_length)?;
            buffer.answer(dual::update(module, session, Encrypt, Partner::Digest, part.slice(part_length)?, buffer.room())?)
        };
    C_DecryptDigestUpdate(session: CK_SESSION_HANDLE, encrypted: *mut CK_BYTE, encrypted_length: CK_ULONG, part: *mut CK_BYTE, part_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(part, part_length)?;
            buffer.answer(dual::update(module, session, Decrypt, Partner::Digest, encrypted.slice(encrypted_length)?, buffer.room())?)
        };
    C_SignEncryptUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG, encrypted: *mut CK_BYTE, encrypted_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(encrypted, encrypted_length)?;
            buffer.answer(dual::update(module, session, Encrypt, Partner::Signature, part.slice(part_length)?, buffer.room())?)
        };
    C_DecryptVerifyUpdate(session: CK_SESSION_HANDLE, encrypted: *mut CK_BYTE, encrypted_length: CK_ULONG, part: *mut CK_BYTE, part_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(part, part_length)?;
            buffer.answer(dual::update(module, session, Decrypt, Partner::Signature, encrypted.slice(encrypted_length)?, buffer.room())?)
        };
}

exports! { DIGESTS: ready;
    C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) =
        |module| digest::init(module, session, mechanism::call(mechanism)?);
    C_Digest(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, digest: *mut CK_BYTE, digest_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(digest, digest_length)?;
            buffer.answer(digest::whole(module, session, data.slice(data_length)?, buffer.room())?)
        };
    C_DigestUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG) =
        |module| digest::update(module, session, part.slice(part_length)?);
    C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) = |module| digest::key(module, session, key);
    C_DigestFinal(session: CK_SESSION_HANDLE, digest: *mut CK_BYTE, digest_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(digest, digest_length)?;
            buffer.answer(digest::finish(module, session, buffer.room())?)
        };
}
