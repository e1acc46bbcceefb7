//! Which messages have a payload.

use coffer_protocol::frame::Kind;
use coffer_protocol::operation::{self, Effect, Face, Row};

/// Whether requests or replies of an operation have a payload.
pub(crate) fn has_payload(row: &Row, kind: Kind) -> bool {
    let request = kind == Kind::Request;
    if let Some((asked, answered)) = operation::fields(row.number) {
        return (if request { asked } else { answered }).iter().any(|field| field.payload);
    }
    assert_eq!(row.face, Face::Pkcs11);
    let secret = if request { row.secret.in_request() } else { row.secret.in_reply() };
    // Data to work on is no secret of the vault, and yet payload.
    let data = row.effect == Effect::Use && (request || row.name != "VerifyData");
    secret || data || (row.name == "FindObjects" && !request)
}
