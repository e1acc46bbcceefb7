//! Certificates: of those of X.509 (RFC 5280 section 4.1), as much as their attributes say; others as they come.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::Hash;
use der::{Reader, SliceReader, Tag};

use super::rules::{Draft, about};
use super::statement::check_hash;
use crate::Error;
use crate::crypto::hash;
use crate::object::schema::Kind;

/// The last `CK_CERTIFICATE_CATEGORY_` and `CK_SECURITY_DOMAIN_` number.
const LAST_CHOICE: u64 = 3;
/// What tells certificates apart that are elsewhere.
const HASHES: [u64; 2] = [a::HASH_OF_SUBJECT_PUBLIC_KEY, a::HASH_OF_ISSUER_PUBLIC_KEY];
/// The same, and whose they are.
const NAMES: [u64; 3] = [a::SUBJECT, a::HASH_OF_SUBJECT_PUBLIC_KEY, a::HASH_OF_ISSUER_PUBLIC_KEY];

/// The parts of a certificate that are attributes, each with its DER header.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'c> {
    serial: &'c [u8],
    issuer: &'c [u8],
    subject: &'c [u8],
    public_key: &'c [u8],
}

/// Reads the outline of a certificate.
fn parts(certificate: &[u8]) -> der::Result<Parts<'_>> {
    /// Refuses to go on with another element than expected.
    fn expect(reader: &SliceReader<'_>, tag: Tag) -> der::Result<()> {
        let found = Tag::peek(reader)?;
        if found == tag { Ok(()) } else { Err(found.unexpected_error(Some(tag)).into()) }
    }
    let mut outer = SliceReader::new(certificate)?;
    let Parts { serial, issuer, subject, public_key } =
        outer.sequence(|certificate: &mut SliceReader<'_>| {
            let signed = certificate.tlv_bytes()?;
            certificate.tlv_bytes()?;
            certificate.tlv_bytes()?;
            let mut outer = SliceReader::new(signed)?;
            outer.sequence(|fields: &mut SliceReader<'_>| {
                if Tag::peek(fields)?.is_context_specific() {
                    fields.tlv_bytes()?;
                }
                expect(fields, Tag::Integer)?;
                let serial = fields.tlv_bytes()?;
                expect(fields, Tag::Sequence)?;
                fields.tlv_bytes()?;
                expect(fields, Tag::Sequence)?;
                let issuer = fields.tlv_bytes()?;
                expect(fields, Tag::Sequence)?;
                fields.tlv_bytes()?;
                expect(fields, Tag::Sequence)?;
                let subject = fields.tlv_bytes()?;
                expect(fields, Tag::Sequence)?;
                let public_key = fields.tlv_bytes()?;
                while !fields.is_finished() {
                    fields.tlv_bytes()?;
                }
                Ok::<_, der::Error>(Parts { serial, issuer, subject, public_key })
            })
        })?;
    Ok(Parts { serial, issuer, subject, public_key })
}

impl Draft {
    /// Fills in what a certificate says of itself; what the template gives stays, but for what must match.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AttributeValue`] for a value that is no certificate, a checksum or public key that is not the
    /// certificate's, and numbers that mean nothing; [`ErrorCode::TemplateIncomplete`] where the certificate is
    /// neither here nor at a URL, or at a URL without its hashes.
    pub(super) fn read_certificate(&mut self) -> Result<(), Error> {
        for kind in [a::CERTIFICATE_CATEGORY, a::JAVA_MIDP_SECURITY_DOMAIN] {
            if self.attributes.number(kind).is_some_and(|number| number > LAST_CHOICE) {
                return Err(about(ErrorCode::AttributeValue, kind));
            }
        }
        check_hash(&self.attributes, &HASHES)?;
        let is_given = |kind| self.attributes.get(kind).is_some_and(|value| !value.is_empty());
        let (is_here, is_elsewhere) = (is_given(a::VALUE), is_given(a::URL));
        let needed: &[u64] = match (self.kind, is_here, is_elsewhere) {
            (Kind::AttributeCertificate, ..) => &[a::OWNER, a::VALUE],
            (_, false, false) => &[a::VALUE],
            (Kind::WtlsCertificate, true, false) => &[a::SUBJECT],
            (Kind::WtlsCertificate, true, true) => &NAMES,
            (_, true, false) => &[],
            (_, true, true) | (Kind::WtlsCertificate, false, true) => &HASHES,
            (_, false, true) => &NAMES,
        };
        if let Some(missing) = needed.iter().find(|kind| !is_given(**kind)) {
            return Err(about(ErrorCode::TemplateIncomplete, *missing));
        }
        match (is_here, self.kind) {
            (true, Kind::Certificate) => self.read_value(),
            // Of other kinds of certificates nothing is read.
            (true, _) => self.settle(None),
            (false, _) => self.read_nothing(),
        }
    }

    /// What is known of a certificate that is only named: what the template says.
    fn read_nothing(&mut self) -> Result<(), Error> {
        // There is nothing to compute it of.
        if self.attributes.get(a::CHECK_VALUE).is_some_and(|checksum| !checksum.is_empty()) {
            return Err(about(ErrorCode::AttributeValue, a::CHECK_VALUE));
        }
        for kind in [a::CHECK_VALUE, a::PUBLIC_KEY_INFO, a::ISSUER, a::SERIAL_NUMBER] {
            if self.kind.row(kind).is_some() {
                self.attributes.set_default(Attribute::bytes(kind, []));
            }
        }
        Ok(())
    }

    /// Fills in what follows from the value, or finds that it is not what the template says.
    fn settle(&mut self, public_key: Option<&[u8]>) -> Result<(), Error> {
        let value = self.attributes.get(a::VALUE).unwrap_or_default();
        let checksum = hash::digest(Hash::Sha1, value)[..3].to_vec();
        for (kind, own) in [(a::CHECK_VALUE, Some(&checksum[..])), (a::PUBLIC_KEY_INFO, public_key)]
        {
            match (self.attributes.get(kind), own) {
                (None, own) => self.attributes.set(Attribute::bytes(kind, own.unwrap_or_default())),
                (Some(given), Some(own)) if !given.is_empty() && given != own => {
                    return Err(about(ErrorCode::AttributeValue, kind));
                }
                (Some(_), _) => {}
            }
        }
        Ok(())
    }

    fn read_value(&mut self) -> Result<(), Error> {
        let value = self.attributes.get(a::VALUE).unwrap_or_default().to_vec();
        let parts = parts(&value).map_err(|_| about(ErrorCode::AttributeValue, a::VALUE))?;
        self.settle(Some(parts.public_key))?;
        self.attributes.set_default(Attribute::bytes(a::SUBJECT, parts.subject));
        self.attributes.set_default(Attribute::bytes(a::ISSUER, parts.issuer));
        self.attributes.set_default(Attribute::bytes(a::SERIAL_NUMBER, parts.serial));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let header = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [&header, content].concat()
    }

    /// An outline with an issuer and a subject of one byte each.
    fn certificate(version: bool) -> Vec<u8> {
        let version = if version { tlv(0xa0, &tlv(2, &[2])) } else { Vec::new() };
        let fields = [
            version,
            tlv(2, &[0x01, 0x23]),
            tlv(0x30, &[]),
            tlv(0x30, &tlv(12, b"I")),
            tlv(0x30, &[]),
            tlv(0x30, &tlv(12, b"S")),
            tlv(0x30, &tlv(3, &[0, 1])),
        ];
        let signed = tlv(0x30, &fields.concat());
        tlv(0x30, &[signed, tlv(0x30, &[]), tlv(3, &[0, 7])].concat())
    }

    #[test]
    fn the_names_and_the_number_are_found_with_and_without_a_version() {
        for version in [true, false] {
            let der = certificate(version);
            let parts = parts(&der).unwrap();
            assert_eq!(parts.serial, [2, 2, 0x01, 0x23]);
            assert_eq!(parts.issuer, tlv(0x30, &tlv(12, b"I")));
            assert_eq!(parts.subject, tlv(0x30, &tlv(12, b"S")));
            assert_eq!(parts.public_key, tlv(0x30, &tlv(3, &[0, 1])));
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let good = certificate(true);
        assert!(parts(&good[..good.len() - 1]).is_err());
        assert!(parts(b"").is_err() && parts(b"hello").is_err());
        assert!(parts(&tlv(0x30, &[])).is_err());
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0_usize..60, byte in any::<u8>()) {
            let mut der = certificate(true);
            let at = at % der.len();
            der[at] = byte;
            let _ = parts(&der);
        }
    }
}
