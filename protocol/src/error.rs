//! The table of error codes: one number each, with its KMS code, its `CKR_` value, its exit status and its text.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($( $number:literal $name:ident $kms:literal $ckr:literal $exit:literal $text:literal; )*) => {
        /// A failure as a client sees it: stable on the wire, free of internal detail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum ErrorCode { $( #[doc = $text] $name = $number ),* }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[ $( Self::$name ),* ];

            /// The code with this number; one from a newer daemon reads as [`ErrorCode::Internal`].
            pub const fn from_number(number: u16) -> Self {
                match number { $( $number => Self::$name, )* _ => Self::Internal }
            }

            /// Its name in the table.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name) ),* }
            }

            /// Its code in the KMS API.
            pub const fn kms(self) -> &'static str {
                match self { $( Self::$name => $kms ),* }
            }

            /// Its `CKR_` value (PKCS#11 section 5.1).
            pub const fn ckr(self) -> u64 {
                match self { $( Self::$name => $ckr ),* }
            }

            /// The exit status of the command.
            pub const fn exit_status(self) -> u8 {
                match self { $( Self::$name => $exit ),* }
            }

            /// What it means, and what to do next where that is known.
            pub const fn message(self) -> &'static str {
                match self { $( Self::$name => $text ),* }
            }
        }
    };
}

error_codes! {
//  number name                  KMS code                                   CKR    exit text
    0x0001 Malformed             "InvalidParameter"                         0x30   1 "The request could not be decoded.";
    0x0002 UnknownOperation      "InvalidParameter"                         0x54   1 "This daemon does not know the operation.";
    0x0003 MissingParameter      "MissingParameter"                         0x07   1 "A required field is missing.";
    0x0004 InvalidParameter      "InvalidParameter"                         0x07   1 "A field is unknown or has the wrong type.";
    0x0005 InvalidValue          "InvalidParameterValue"                    0x07   1 "A field has a value that is not allowed.";
    0x0006 WrongSocket           "UnauthorizedOperation"                    0x05   4 "This operation is answered on the admin socket only.";
    0x0007 TooLarge              "InvalidParameter"                         0x21   1 "The request is larger than this daemon accepts.";
    0x0008 Internal              "InternalError"                            0x05   1 "The daemon failed internally; its log says more.";
    0x0009 OutOfMemory           "InternalError"                            0x31   1 "No room is left in secret memory; try again when others have closed sessions.";
    0x000a StoreFailed           "InternalError"                            0x30   1 "The store could not be written; nothing was changed.";
    0x000b Conflict              "FailedOperation"                          0x06   1 "The object was changed by somebody else meanwhile; try again.";
    0x000c HandshakeExpected     "InvalidParameter"                         0x30   1 "The connection must begin with Hello.";
    0x000d VersionMismatch       "UnsupportedOperation"                     0x30   1 "The daemon and this client have no protocol version in common.";
    0x000e Busy                  "RequestLimitExceeded"                     0x06   1 "Too many of these are running; try again shortly.";
    0x000f ShareExceeded         "LimitExceeded"                            0x31   1 "Your user holds as much of the daemon's memory as one may; close sessions, destroy session objects, or fetch results.";

    0x0101 AuthFailure           "AuthFailure"                              0xA0   4 "The credential was refused.";
    0x0102 Unauthorized          "UnauthorizedOperation"                    0x101  4 "The caller may not do this.";
    0x0103 Unavailable           "UnsupportedOperation.ServiceTemporaryUnavailable" 0xE0 1 "The daemon is sealed or cannot serve now; see `coffer status`.";
    0x0104 AuditBlocked          "UnsupportedOperation.ServiceTemporaryUnavailable" 0x30 1 "The audit log cannot be written, so the operation was refused.";
    0x0105 RateLimited           "RequestLimitExceeded"                     0x200  1 "Too many requests; slow down.";

    0x0201 CmkNotFound           "ResourceUnavailable.CmkNotFound"          0x60   1 "There is no such key.";
    0x0202 CmkDisabled           "ResourceUnavailable.CmkDisabled"          0x68   1 "The key is disabled; enable it with `coffer key enable`.";
    0x0203 CmkArchived           "ResourceUnavailable.CmkArchived"          0x68   1 "The key is archived: it decrypts, but does not encrypt.";
    0x0204 KeyPendingDelete      "ResourceUnavailable.KeyPendingDelete"     0x68   1 "The key is scheduled for deletion.";
    0x0205 CmkStateNotSupport    "ResourceUnavailable.CmkStateNotSupport"   0x68   1 "The state of the key does not allow this.";
    0x0206 CmkShouldBeDisabled   "ResourceUnavailable.CmkShouldBeDisabled"  0x68   1 "Disable the key first.";
    0x0207 CmkNotPendingDelete   "ResourceUnavailable.CmkNotPendingDelete"  0x68   1 "The key is not scheduled for deletion.";
    0x0210 InvalidKeyId          "InvalidParameterValue.InvalidKeyId"       0x60   1 "A key is named by its id (a UUID) or by alias/<name>.";
    0x0211 InvalidAlias          "InvalidParameterValue.InvalidAlias"       0x13   1 "An alias has 1 to 60 letters, digits, _ or -, begins with a letter or digit, and not with kms-.";
    0x0212 AliasAlreadyExists    "InvalidParameterValue.AliasAlreadyExists" 0x13   1 "The alias is taken in this partition.";
    0x0213 InvalidPlaintext      "InvalidParameterValue.InvalidPlaintext"   0x21   1 "The plaintext must have 1 to 4,096 bytes.";
    0x0214 InvalidCiphertext     "InvalidParameterValue.InvalidCiphertext"  0x40   1 "The ciphertext was not made here, was changed, or has another encryption context.";
    0x0215 InvalidKeyUsage       "InvalidParameterValue.InvalidKeyUsage"    0x63   1 "The key is not made for this operation.";
    0x0216 InvalidType           "InvalidParameterValue.InvalidType"        0x13   1 "Type is 1 (generated here) or 2 (imported).";
    0x0217 DuplicatedKeyId       "InvalidParameterValue.DuplicatedKeyId"    0x13   1 "A key is named twice.";
    0x0218 TagKeysDuplicated     "InvalidParameterValue.TagKeysDuplicated"  0x13   1 "A tag key is given twice.";
    0x0219 InvalidHsmClusterId   "InvalidParameterValue.InvalidHsmClusterId" 0x13  1 "There is no such cluster; leave HsmClusterId out.";
    0x0220 CmkLimitExceeded      "LimitExceeded.CmkLimitExceeded"           0x31   1 "The partition holds as many keys as its quota allows.";
    0x0221 NotUserCreatedCmk     "UnsupportedOperation.NotUserCreatedCmk"   0x1B   1 "The key belongs to a service, not to you.";
    0x0222 CmkUsedByCloudProduct "FailedOperation.CmkUsedByCloudProduct"    0x1B   1 "The key is bound to a resource that uses it.";
    0x0223 EncryptionError       "FailedOperation.EncryptionError"          0x06   1 "The encryption failed.";
    0x0224 UnsupportedOperation  "UnsupportedOperation"                     0x54   1 "This is not supported for the key.";
    0x0225 PartitionNotFound     "ResourceNotFound"                         0x03   1 "There is no such partition; see `coffer partition list`.";
    0x0226 PartitionExists       "InvalidParameterValue"                    0x13   1 "There is a partition of that name already.";

    0x0227 InvalidPendingWindow  "InvalidParameter.InvalidPendingWindowInDays" 0x13 1 "A deletion waits at least 7 days, and as long as deletion.max_days allows.";
    0x0228 NotExternalCmk        "UnsupportedOperation.NotExternalCmk"      0xD1   1 "The key's material is not imported.";
    0x0229 ExternalCmkCanNotRotate "UnsupportedOperation.ExternalCmkCanNotRotate" 0x54 1 "Imported material does not rotate.";
    0x022a RotateNotSupported    "UnsupportedOperation.RotateNotSupported"  0x54   1 "Only symmetric keys made here rotate, and on demand only while their rotation is enabled.";
    0x022b RotateRateLimited     "RequestLimitExceeded.RotateRateLimited"   0x06   1 "The key was rotated on demand less than 24 hours ago.";
    0x022c MaterialNotMatch      "InvalidParameterValue.MaterialNotMatch"   0x110  1 "This is not the material that was imported first; a key keeps its material for ever.";
    0x022d DecryptMaterialError  "InvalidParameter.DecryptMaterialError"    0x110  1 "The material could not be unwrapped, or is not a key of the right kind and length.";
    0x022e TokenExpired          "ResourceUnavailable.TokenExpired"         0x06   1 "The import token has expired or was used up; get new parameters.";
    0x022f ImportTokenLimit      "LimitExceeded"                            0x06   1 "The key has 8 import tokens open already; use one, or wait until one expires.";
    0x0230 DecryptError          "FailedOperation.DecryptError"             0x40   1 "The ciphertext does not decrypt with this key.";
    0x0231 BindingNotFound       "ResourceUnavailable.CloudResourceBindingNotFound" 0x06 1 "The key is not bound to that resource.";
    0x0232 TagsNotExisted        "InvalidParameterValue.TagsNotExisted"     0x13   1 "The key has no such tag.";
    0x0233 ClientTokenReused     "InvalidParameterValue"                    0x13   1 "The client token was used for another request.";
    0x0234 PartitionCount        "LimitExceeded"                            0x31   1 "There are 1,000 partitions, as many as there may be.";

    0x0240 BackupPassphrase      "AuthFailure"                              0xA0   4 "The passphrase does not open the backup, or the first bytes of its file were changed.";
    0x0241 BackupDamaged         "InvalidParameterValue"                    0x20   1 "The backup cannot be used; nothing was changed. Take another copy of the file.";
    0x0242 StoreNotEmpty         "FailedOperation"                          0x1B   1 "Only an empty store is restored into; make a new one with `coffer init` or `coffer dev --dir`.";
    0x0243 NoTransfer            "FailedOperation"                          0x91   1 "No backup, restore or check of this connection is under way: it took too long, or gave way to another; start again.";
    0x0244 StoreUnreadable       "InternalError"                            0x30   1 "The store holds a record that does not open.";

    0x0301 ArgumentsBad          "InvalidParameter"                         0x07   1 "An argument is wrong.";
    0x0302 SlotInvalid           "ResourceNotFound"                         0x03   1 "There is no such slot.";
    0x0303 TokenNotPresent       "UnsupportedOperation.ServiceTemporaryUnavailable" 0xE0 1 "The token is not present.";
    0x0304 TokenNotRecognized    "UnsupportedOperation"                     0xE1   1 "The token is not initialised.";
    0x0305 SessionInvalid        "InvalidParameter"                         0xB3   1 "There is no such session.";
    0x0306 SessionCount          "LimitExceeded"                            0xB1   1 "There are as many sessions as an application may have, or as its user may have in all; close some, or raise limits.sessions.";
    0x0307 SessionReadOnly       "UnsupportedOperation"                     0xB5   1 "The session is read-only.";
    0x0308 SessionExists         "FailedOperation"                          0xB6   1 "Sessions are open on the token.";
    0x0309 SessionReadOnlyExists "FailedOperation"                          0xB7   1 "A read-only session is open.";
    0x030a SessionReadWriteSoExists "FailedOperation"                       0xB8   1 "The security officer is logged in.";
    0x030b SessionParallel       "UnsupportedOperation"                     0xB4   1 "Sessions are serial.";
    0x0310 PinIncorrect          "AuthFailure"                              0xA0   4 "The PIN is wrong.";
    0x0311 PinInvalid            "InvalidParameterValue"                    0xA1   1 "The PIN has characters that are not allowed.";
    0x0312 PinLength             "InvalidParameterValue"                    0xA2   1 "A PIN has 4 to 255 bytes.";
    0x0313 PinLocked             "AuthFailure"                              0xA4   4 "The PIN is locked.";
    0x0314 UserAlreadyLoggedIn   "FailedOperation"                          0x100  1 "The user is logged in already.";
    0x0315 UserNotLoggedIn       "UnauthorizedOperation"                    0x101  4 "Nobody is logged in.";
    0x0316 UserPinNotInitialized "FailedOperation"                          0x102  1 "The user PIN is not set; the security officer sets it.";
    0x0317 UserTypeInvalid       "InvalidParameterValue"                    0x103  1 "There is no such user type.";
    0x0318 UserAnotherLoggedIn   "FailedOperation"                          0x104  1 "Another user is logged in.";
    0x0320 AttributeReadOnly     "InvalidParameter"                         0x10   1 "The attribute cannot be set.";
    0x0321 AttributeSensitive    "UnauthorizedOperation"                    0x11   1 "The attribute cannot be revealed.";
    0x0322 AttributeType         "InvalidParameter"                         0x12   1 "The attribute is unknown or does not fit the object.";
    0x0323 AttributeValue        "InvalidParameterValue"                    0x13   1 "The attribute has a value that is not allowed.";
    0x0324 TemplateIncomplete    "MissingParameter"                         0xD0   1 "The template lacks a required attribute.";
    0x0325 TemplateInconsistent  "InvalidParameter"                         0xD1   1 "The template contradicts itself.";
    0x0326 ActionProhibited      "UnsupportedOperation"                     0x1B   1 "The object does not allow this.";
    0x0327 ObjectInvalid         "ResourceNotFound"                         0x82   1 "There is no such object.";
    0x0328 CurveNotSupported     "InvalidParameterValue"                    0x140  1 "The curve is not supported.";
    0x0329 DomainParamsInvalid   "InvalidParameterValue"                    0x130  1 "The domain parameters are not supported.";
    0x032a PublicObjectCount     "LimitExceeded"                            0x31   1 "The token has as many public objects as are made without a login; log in, or raise limits.public_objects.";
    0x0330 KeyInvalid            "ResourceNotFound"                         0x60   1 "There is no such key.";
    0x0331 KeySize               "InvalidParameterValue"                    0x62   1 "The key size is not supported.";
    0x0332 KeyTypeInconsistent   "InvalidParameterValue.InvalidKeyUsage"    0x63   1 "The key is of the wrong type for the mechanism.";
    0x0333 KeyNotPermitted       "UnauthorizedOperation"                    0x68   4 "The key may not be used for this.";
    0x0334 MechanismInvalid      "InvalidParameterValue"                    0x70   1 "The mechanism is unknown or not allowed here.";
    0x0335 MechanismParameter    "InvalidParameterValue"                    0x71   1 "The parameter of the mechanism is wrong.";
    0x0336 KeyUnextractable      "UnauthorizedOperation"                    0x6A   4 "The key may not leave the token.";
    0x0337 KeyNotWrappable       "UnauthorizedOperation"                    0x69   4 "The key may not be wrapped so.";
    0x0338 WrappingKeyInvalid    "ResourceNotFound"                         0x113  1 "There is no such wrapping key.";
    0x0339 WrappingKeySize       "InvalidParameterValue"                    0x114  1 "The size of the wrapping key is not supported.";
    0x033a WrappingKeyType       "InvalidParameterValue.InvalidKeyUsage"    0x115  1 "The wrapping key is of the wrong type for the mechanism.";
    0x033b UnwrappingKeyInvalid  "ResourceNotFound"                         0xF0   1 "There is no such unwrapping key.";
    0x033c UnwrappingKeySize     "InvalidParameterValue"                    0xF1   1 "The size of the unwrapping key is not supported.";
    0x033d UnwrappingKeyType     "InvalidParameterValue.InvalidKeyUsage"    0xF2   1 "The unwrapping key is of the wrong type for the mechanism.";
    0x033e WrappedKeyInvalid     "InvalidParameterValue.InvalidCiphertext"  0x110  1 "The wrapped key is wrong, or not of the kind that the template says.";
    0x033f WrappedKeyLength      "InvalidParameterValue.InvalidCiphertext"  0x112  1 "The wrapped key has a length that the mechanism does not give.";
    0x0340 DataInvalid           "InvalidParameterValue"                    0x20   1 "The data is wrong.";
    0x0341 DataLength            "InvalidParameterValue"                    0x21   1 "The data has the wrong length.";
    0x0342 EncryptedDataInvalid  "InvalidParameterValue.InvalidCiphertext"  0x40   1 "The encrypted data is wrong.";
    0x0343 EncryptedDataLength   "InvalidParameterValue.InvalidCiphertext"  0x41   1 "The encrypted data has the wrong length.";
    0x0344 SignatureInvalid      "InvalidParameterValue"                    0xC0   1 "The signature is wrong.";
    0x0345 SignatureLength       "InvalidParameterValue"                    0xC1   1 "The signature has the wrong length.";
    0x0346 OperationActive       "FailedOperation"                          0x90   1 "An operation is active in the session.";
    0x0347 OperationNotStarted   "FailedOperation"                          0x91   1 "No such operation is active in the session.";
    0x0348 SeedNotSupported      "UnsupportedOperation"                     0x120  1 "The generator takes no seed.";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ErrorCode {}

/// The metadata of a failed reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Number of the [`ErrorCode`].
    pub code: u16,
    /// Which field or object it was; never a secret, often empty.
    pub detail: String,
    /// Which of the templates of one request it was, from 1; 0 where that is not what it is about.
    pub part: u32,
}

impl Failure {
    /// A failure with nothing more to say than its code.
    pub fn new(code: ErrorCode) -> Self {
        Self::about(code, String::new())
    }

    /// A failure that names what it is about.
    pub fn about(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code: code as u16, detail: detail.into(), part: 0 }
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::from_number(self.code)
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.detail.as_str() {
            "" => f.write_str(self.code().message()),
            detail => write!(f, "{} ({detail})", self.code().message()),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_number_and_no_number_is_used_twice() {
        for (index, &code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(ErrorCode::from_number(code as u16), code);
            assert!(!ErrorCode::ALL[..index].iter().any(|other| *other as u16 == code as u16));
        }
        assert_eq!(ErrorCode::from_number(0x7777), ErrorCode::Internal);
    }

    #[test]
    fn no_failure_reads_as_success() {
        for code in ErrorCode::ALL {
            assert!(code.ckr() != 0 && code.exit_status() != 0 && !code.message().is_empty());
        }
    }
}
