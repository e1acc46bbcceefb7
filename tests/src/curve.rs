//! The elliptic curves, as PKCS#11 and `openssl` name them.

/// What keys on a curve do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA and ECDH.
    Prime,
    /// EdDSA.
    Edwards,
    /// X25519 and X448.
    Montgomery,
}

/// A curve.
#[derive(Debug)]
pub struct Curve {
    /// Its name for `openssl`.
    pub name: &'static str,
    /// The DER in `CKA_EC_PARAMS`, in hexadecimal (RFC 5480, SEC 2, RFC 5639, RFC 8410).
    pub params: &'static str,
    /// What its keys do.
    pub kind: Kind,
    /// The length of a scalar or seed, of a coordinate, and of half a signature in bytes.
    pub length: usize,
}

/// Every curve that the daemon has; P-192 only where weak keys may be made.
#[rustfmt::skip]
pub static CURVES: &[Curve] = &[
    Curve { name: "P-256",           params: "06082a8648ce3d030107",   kind: Kind::Prime,      length: 32 },
    Curve { name: "P-384",           params: "06052b81040022",         kind: Kind::Prime,      length: 48 },
    Curve { name: "P-521",           params: "06052b81040023",         kind: Kind::Prime,      length: 66 },
    Curve { name: "P-224",           params: "06052b81040021",         kind: Kind::Prime,      length: 28 },
    Curve { name: "P-192",           params: "06082a8648ce3d030101",   kind: Kind::Prime,      length: 24 },
    Curve { name: "secp256k1",       params: "06052b8104000a",         kind: Kind::Prime,      length: 32 },
    Curve { name: "brainpoolP256r1", params: "06092b2403030208010107", kind: Kind::Prime,      length: 32 },
    Curve { name: "brainpoolP384r1", params: "06092b240303020801010b", kind: Kind::Prime,      length: 48 },
    Curve { name: "ED25519",         params: "06032b6570",             kind: Kind::Edwards,    length: 32 },
    Curve { name: "ED448",           params: "06032b6571",             kind: Kind::Edwards,    length: 57 },
    Curve { name: "X25519",          params: "06032b656e",             kind: Kind::Montgomery, length: 32 },
    Curve { name: "X448",            params: "06032b656f",             kind: Kind::Montgomery, length: 56 },
];

impl Curve {
    /// The curves of one kind.
    pub fn of(kind: Kind) -> impl Iterator<Item = &'static Self> {
        CURVES.iter().filter(move |curve| curve.kind == kind)
    }

    /// The curves on which secrets are agreed.
    pub fn agreeing() -> impl Iterator<Item = &'static Self> {
        CURVES.iter().filter(|curve| curve.kind != Kind::Edwards)
    }

    /// The DER in `CKA_EC_PARAMS`.
    ///
    /// # Panics
    ///
    /// Never, for the table.
    pub fn parameters(&self) -> Vec<u8> {
        hex::decode(self.params).expect("hex digits")
    }

    /// The length of a public point in bytes: 04‖X‖Y, or one coordinate.
    pub fn point_length(&self) -> usize {
        if self.kind == Kind::Prime { 1 + 2 * self.length } else { self.length }
    }

    /// Arguments of `openssl genpkey` that make a key.
    pub fn openssl(&self) -> Vec<String> {
        let of_kind = match self.kind {
            Kind::Prime => &["EC", "-pkeyopt", "ec_paramgen_curve:"][..],
            Kind::Edwards | Kind::Montgomery => &[""],
        };
        let mut arguments: Vec<String> =
            ["genpkey", "-algorithm"].iter().chain(of_kind).map(ToString::to_string).collect();
        if let Some(last) = arguments.last_mut() {
            last.push_str(self.name);
        }
        arguments
    }
}
