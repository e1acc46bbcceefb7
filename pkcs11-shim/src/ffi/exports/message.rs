//! Messages under one key (PKCS#11 3.0 sections 5.9, 5.11, 5.14 and 5.16).

use std::ffi::c_void;

use coffer_protocol::mechanism::Function::{Decrypt, Encrypt, Sign, Verify};
use cryptoki_sys::{
    CK_BYTE, CK_FLAGS, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG,
    CKF_END_OF_MESSAGE,
};

use super::exports;
use crate::error::Error;
use crate::ffi::mechanism;
use crate::ffi::message::{self as parameters, Nonce, given};
use crate::ffi::pointers::Buffer;
use crate::message::{self, Position};
use crate::message_signature;

exports! { MESSAGES: ready;
    C_MessageEncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| message::init(module, session, Encrypt, parameters::init(mechanism)?, key);
    C_EncryptMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG) =
        |module| {
            let shape = message::shape(module, session, Encrypt)?;
            let buffer = Buffer::new(ciphertext, ciphertext_length)?;
            let (associated, plaintext) = (data.slice(data_length)?, plaintext.slice(plaintext_length)?);
            let (said, places) = parameters::read(shape, parameter, parameter_length, Nonce::MayBeMade)?;
            let (output, sealed) = message::encrypt(module, session, &said, associated, plaintext, buffer.room())?;
            places.write(&sealed)?;
            buffer.answer(output)
        };
    C_EncryptMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG) =
        |module| {
            let shape = message::shape(module, session, Encrypt)?;
            // The function's list has no CKR_ARGUMENTS_BAD.
            let associated = data.slice(data_length).map_err(|_| Error::MechanismParamInvalid)?;
            let (said, places) = parameters::read(shape, parameter, parameter_length, Nonce::MayBeMade)?;
            places.write_nonce(&message::begin(module, session, Encrypt, &said, associated)?)
        };
    C_EncryptMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG, flags: CK_FLAGS) =
        |module| {
            let shape = message::shape(module, session, Encrypt)?;
            let expected = message::tag_length(module, session, Encrypt)?;
            let buffer = Buffer::new(ciphertext, ciphertext_length)?;
            let plaintext = plaintext.slice(plaintext_length)?;
            let places = parameters::places(shape, parameter, parameter_length, expected)?;
            let position = if flags & CKF_END_OF_MESSAGE == 0 { Position::Middle } else { Position::End(&[]) };
            let (output, sealed) = message::next(module, session, Encrypt, plaintext, position, buffer.room())?;
            places.write(&sealed)?;
            buffer.answer(output)
        };
    C_MessageEncryptFinal(session: CK_SESSION_HANDLE) = |module| message::finish(module, session, Encrypt);

    C_MessageDecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| message::init(module, session, Decrypt, parameters::init(mechanism)?, key);
    C_DecryptMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: *mut CK_ULONG) =
        |module| {
            let shape = message::shape(module, session, Decrypt)?;
            let buffer = Buffer::new(plaintext, plaintext_length)?;
            let (associated, ciphertext) = (data.slice(data_length)?, ciphertext.slice(ciphertext_length)?);
            let (said, places) = parameters::read(shape, parameter, parameter_length, Nonce::IsGiven)?;
            let tag = places.tag()?;
            buffer.answer(message::decrypt(module, session, &said, associated, (ciphertext, tag), buffer.room())?)
        };
    C_DecryptMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG) =
        |module| {
            let shape = message::shape(module, session, Decrypt)?;
            let associated = data.slice(data_length)?;
            let (said, _) = parameters::read(shape, parameter, parameter_length, Nonce::IsGiven)?;
            message::begin(module, session, Decrypt, &said, associated).map(drop)
        };
    C_DecryptMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: *mut CK_ULONG, flags: CK_FLAGS) =
        |module| {
            let shape = message::shape(module, session, Decrypt)?;
            let expected = message::tag_length(module, session, Decrypt)?;
            let buffer = Buffer::new(plaintext, plaintext_length)?;
            let ciphertext = ciphertext.slice(ciphertext_length)?;
            let places = parameters::places(shape, parameter, parameter_length, expected)?;
            let position = if flags & CKF_END_OF_MESSAGE == 0 { Position::Middle } else { Position::End(places.tag()?) };
            let (output, _) = message::next(module, session, Decrypt, ciphertext, position, buffer.room())?;
            buffer.answer(output)
        };
    C_MessageDecryptFinal(session: CK_SESSION_HANDLE) = |module| message::finish(module, session, Decrypt);

    C_MessageSignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| message_signature::init(module, session, Sign, mechanism::call(mechanism)?, key);
    C_SignMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(signature, signature_length)?;
            let (given, data) = (given(parameter_length), data.slice(data_length)?);
            buffer.answer(message_signature::sign(module, session, given, data, buffer.room())?)
        };
    C_SignMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG) =
        |module| message_signature::begin(module, session, Sign, given(parameter_length));
    C_SignMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) =
        |module| {
            let (given, data) = (given(parameter_length), data.slice(data_length)?);
            // The place of the length says whether the message ends (section 5.14).
            if signature_length.is_null() {
                return message_signature::next(module, session, Sign, given, data);
            }
            let buffer = Buffer::new(signature, signature_length)?;
            buffer.answer(message_signature::sign_last(module, session, given, data, buffer.room())?)
        };
    C_MessageSignFinal(session: CK_SESSION_HANDLE) = |module| message_signature::finish(module, session, Sign);

    C_MessageVerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| message_signature::init(module, session, Verify, mechanism::call(mechanism)?, key);
    C_VerifyMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| {
            let (given, data) = (given(parameter_length), data.slice(data_length)?);
            message_signature::verify(module, session, given, data, signature.slice(signature_length)?)
        };
    C_VerifyMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG) =
        |module| message_signature::begin(module, session, Verify, given(parameter_length));
    C_VerifyMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| {
            let (given, data) = (given(parameter_length), data.slice(data_length)?);
            // The signature says whether the message ends (section 5.16).
            if signature.is_null() {
                return message_signature::next(module, session, Verify, given, data);
            }
            message_signature::verify_last(module, session, given, data, signature.slice(signature_length)?)
        };
    C_MessageVerifyFinal(session: CK_SESSION_HANDLE) = |module| message_signature::finish(module, session, Verify);
}
