//! What may be done with a mechanism.

/// One use of a mechanism; the discriminant is the `CKF_` bit of `CK_MECHANISM_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Function {
    /// `C_Encrypt` and its parts.
    Encrypt = 0x0000_0100,
    /// `C_Decrypt` and its parts.
    Decrypt = 0x0000_0200,
    /// `C_Digest` and its parts.
    Digest = 0x0000_0400,
    /// `C_Sign` and its parts.
    Sign = 0x0000_0800,
    /// `C_SignRecover`.
    SignRecover = 0x0000_1000,
    /// `C_Verify` and its parts.
    Verify = 0x0000_2000,
    /// `C_VerifyRecover`.
    VerifyRecover = 0x0000_4000,
    /// `C_GenerateKey`.
    Generate = 0x0000_8000,
    /// `C_GenerateKeyPair`.
    GenerateKeyPair = 0x0001_0000,
    /// `C_WrapKey`.
    Wrap = 0x0002_0000,
    /// `C_UnwrapKey`.
    Unwrap = 0x0004_0000,
    /// `C_DeriveKey`.
    Derive = 0x0008_0000,
    /// `C_EncapsulateKey`.
    Encapsulate = 0x1000_0000,
    /// `C_DecapsulateKey`.
    Decapsulate = 0x2000_0000,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 14] = [
        Self::Encrypt,
        Self::Decrypt,
        Self::Digest,
        Self::Sign,
        Self::SignRecover,
        Self::Verify,
        Self::VerifyRecover,
        Self::Generate,
        Self::GenerateKeyPair,
        Self::Wrap,
        Self::Unwrap,
        Self::Derive,
        Self::Encapsulate,
        Self::Decapsulate,
    ];
}

/// A set of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Functions(u32);

impl Functions {
    /// The set of these functions.
    #[must_use]
    pub const fn of(functions: &[Function]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < functions.len() {
            bits |= functions[index] as u32;
            index += 1;
        }
        Self(bits)
    }

    /// Whether `function` is in the set.
    #[must_use]
    pub const fn contains(self, function: Function) -> bool {
        self.0 & function as u32 != 0
    }

    /// The set as `CKF_` bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}
