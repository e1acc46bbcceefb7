//! Messages (PKCS#11 sections 5.10, 5.12, 5.14 and 5.16).

use std::ffi::c_void;
use std::ptr::null_mut;

use cryptoki_sys::{
    CK_CCM_MESSAGE_PARAMS, CK_GCM_MESSAGE_PARAMS, CK_GENERATOR_FUNCTION,
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, CK_ULONG, CKF_END_OF_MESSAGE,
};

use super::{Answer, Session, call, fill, input, length};

/// The parameter of a message with places of its own.
#[derive(Clone, Debug)]
pub struct Message {
    /// The nonce, given or made.
    pub nonce: Vec<u8>,
    /// The tag, given or made.
    pub tag: Vec<u8>,
    /// The structure.
    pub shape: Shape,
}

/// The structure of a message's parameter.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `CK_GCM_MESSAGE_PARAMS`.
    Gcm {
        /// How nonces are made.
        generator: CK_GENERATOR_FUNCTION,
        /// The number of bits of the nonce that are given.
        fixed: CK_ULONG,
    },
    /// `CK_CCM_MESSAGE_PARAMS`, with nonces that are given.
    Ccm {
        /// The number of bytes to encrypt.
        length: CK_ULONG,
    },
    /// `CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS`.
    ChaCha,
}

impl Message {
    /// A message with a tag of 16 bytes.
    #[must_use]
    pub fn new(shape: Shape, nonce: &[u8]) -> Self {
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

/// Whether more of a message is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// More comes.
    Middle,
    /// Nothing more comes.
    End,
}

/// The functions of one direction.
macro_rules! messages {
    ($( $whole:ident $begin:ident $next:ident: $c_whole:ident $c_begin:ident $c_next:ident; )*) => { $(
        #[doc = concat!("`", stringify!($c_whole), "`.")]
        pub fn $whole(self, message: &mut Message, aad: &[u8], data: &[u8]) -> Answer<Vec<u8>> {
            message.with(|parameter, size| fill(|place, told| {
                let (known, count) = (input(aad), length(aad));
                call!($c_whole(self.0, parameter, size, known, count, input(data), length(data), place, told))
            }))
        }

        #[doc = concat!("`", stringify!($c_begin), "`.")]
        pub fn $begin(self, message: &mut Message, aad: &[u8]) -> Answer<()> {
            message.with(|parameter, size| call!($c_begin(self.0, parameter, size, input(aad), length(aad))))
        }

        #[doc = concat!("`", stringify!($c_next), "`.")]
        pub fn $next(self, message: &mut Message, part: &[u8], position: Position) -> Answer<Vec<u8>> {
            let flags = if position == Position::End { CKF_END_OF_MESSAGE } else { 0 };
            message.with(|parameter, size| fill(|place, told| {
                call!($c_next(self.0, parameter, size, input(part), length(part), place, told, flags))
            }))
        }
    )* };
}

/// Functions that end a process.
macro_rules! ends {
    ($( $name:ident $function:ident; )*) => { $(
        #[doc = concat!("`", stringify!($function), "`.")]
        pub fn $name(self) -> Answer<()> {
            call!($function(self.0))
        }
    )* };
}

impl Session {
    messages! {
        encrypt_message encrypt_message_begin encrypt_message_next:
            C_EncryptMessage C_EncryptMessageBegin C_EncryptMessageNext;
        decrypt_message decrypt_message_begin decrypt_message_next:
            C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext;
    }
    ends! {
        message_encrypt_final C_MessageEncryptFinal;
        message_decrypt_final C_MessageDecryptFinal;
        message_sign_final C_MessageSignFinal;
        message_verify_final C_MessageVerifyFinal;
    }

    /// `C_SignMessage`.
    pub fn sign_message(self, data: &[u8]) -> Answer<Vec<u8>> {
        fill(|place, told| {
            call!(C_SignMessage(self.0, null_mut(), 0, input(data), length(data), place, told))
        })
    }

    /// `C_SignMessageBegin`.
    pub fn sign_message_begin(self) -> Answer<()> {
        call!(C_SignMessageBegin(self.0, null_mut(), 0))
    }

    /// `C_SignMessageNext` of a part that is not the last.
    pub fn sign_message_part(self, part: &[u8]) -> Answer<()> {
        let (none, nowhere) = (null_mut(), null_mut());
        call!(C_SignMessageNext(self.0, none, 0, input(part), length(part), null_mut(), nowhere))
    }

    /// `C_SignMessageNext` of the last part.
    pub fn sign_message_last(self, part: &[u8]) -> Answer<Vec<u8>> {
        fill(|place, told| {
            call!(C_SignMessageNext(self.0, null_mut(), 0, input(part), length(part), place, told))
        })
    }

    /// `C_VerifyMessage`.
    pub fn verify_message(self, data: &[u8], signature: &[u8]) -> Answer<()> {
        let (given, told) = (input(signature), length(signature));
        call!(C_VerifyMessage(self.0, null_mut(), 0, input(data), length(data), given, told))
    }

    /// `C_VerifyMessageBegin`.
    pub fn verify_message_begin(self) -> Answer<()> {
        call!(C_VerifyMessageBegin(self.0, null_mut(), 0))
    }

    /// `C_VerifyMessageNext`; the last part has the signature.
    pub fn verify_message_next(self, part: &[u8], signature: Option<&[u8]>) -> Answer<()> {
        let given = signature.map_or(null_mut(), input);
        let told = signature.map_or(0, length);
        call!(C_VerifyMessageNext(self.0, null_mut(), 0, input(part), length(part), given, told))
    }
}
