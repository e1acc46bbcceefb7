//! Encrypting, decrypting, signing and verifying for PKCS#11: whole, and in parts.

mod iv;
mod parts;
mod recover;
mod usable;
mod whole;

pub use iv::Ivs;
pub(super) use iv::Message;
pub(super) use usable::{Usable, obeys, refusal, state, usable_for};
pub(super) use whole::with_versions;

use coffer_protocol::attribute;
use coffer_protocol::mechanism;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::cipher::Function;

/// What a function asks of a mechanism, of a key's attributes and of its state.
#[derive(Clone, Copy)]
pub(super) struct Demand {
    mechanism: mechanism::Function,
    attribute: u64,
    rule: KeyRule,
}

/// What deriving asks.
pub(super) const DERIVE: Demand = Demand {
    mechanism: mechanism::Function::Derive,
    attribute: attribute::DERIVE,
    rule: KeyRule::Derive,
};

/// What wrapping asks of the wrapping key.
pub(super) const WRAP: Demand = Demand {
    mechanism: mechanism::Function::Wrap,
    attribute: attribute::WRAP,
    rule: KeyRule::Encrypt,
};

/// What unwrapping asks.
pub(super) const UNWRAP: Demand = Demand {
    mechanism: mechanism::Function::Unwrap,
    attribute: attribute::UNWRAP,
    rule: KeyRule::Decrypt,
};

/// What encapsulating asks of the public key.
pub(super) const ENCAPSULATE: Demand = Demand {
    mechanism: mechanism::Function::Encapsulate,
    attribute: attribute::ENCAPSULATE,
    rule: KeyRule::Encrypt,
};

/// What decapsulating asks of the private key.
pub(super) const DECAPSULATE: Demand = Demand {
    mechanism: mechanism::Function::Decapsulate,
    attribute: attribute::DECAPSULATE,
    rule: KeyRule::Decrypt,
};

/// What a signature asks that gives back what it signs.
const SIGN_RECOVER: Demand = Demand {
    mechanism: mechanism::Function::SignRecover,
    attribute: attribute::SIGN_RECOVER,
    rule: KeyRule::Sign,
};

/// What asks who wants back what was signed.
const VERIFY_RECOVER: Demand = Demand {
    mechanism: mechanism::Function::VerifyRecover,
    attribute: attribute::VERIFY_RECOVER,
    rule: KeyRule::Verify,
};

/// The row of a function.
const fn demand(function: Function) -> Demand {
    use mechanism::Function as M;
    let (mechanism, attribute, rule) = match function {
        Function::Encrypt => (M::Encrypt, attribute::ENCRYPT, KeyRule::Encrypt),
        Function::Decrypt => (M::Decrypt, attribute::DECRYPT, KeyRule::Decrypt),
        Function::Sign => (M::Sign, attribute::SIGN, KeyRule::Sign),
        Function::Verify => (M::Verify, attribute::VERIFY, KeyRule::Verify),
    };
    Demand { mechanism, attribute, rule }
}
