//! The store's keys, and the sealing of records with them.

use super::{Damage, Entry, Error, Record, RecordId, Table};
use crate::seal::{Label, RootKey, aead};
use crate::vault::{self, Depth, Inside, Secret};
use sha2::{Digest, Sha256};

/// Identity of one store; part of the associated data of all it holds.
pub(super) type StoreId = [u8; 16];

/// Keys derived from the root key for one store.
pub(super) struct Keys {
    pub(super) store: StoreId,
    record: Secret<32>,
    pub(super) head: Secret<32>,
    pub(super) epoch: Secret<32>,
}

const FORMAT: u8 = 1;
/// Format, version, state, generation.
const HEADER: usize = 1 + 4 + 1 + 8;
const LABEL: &str = "coffer/1/record";

impl Keys {
    pub(super) fn derive(store: StoreId, root: &RootKey) -> Result<Self, Error> {
        let ((record, head), epoch) = vault::run(Depth::Small, |inside| {
            let record = root.derive(inside, Label::Store)?;
            let head = root.derive(inside, Label::StoreHead)?;
            Ok::<_, vault::Error>(((record, head), root.derive(inside, Label::Epoch)?))
        })??;
        Ok(Self { store, record, head, epoch })
    }

    /// The stored form of a record: header in clear, body sealed, both authenticated.
    pub(super) fn seal(
        &self,
        table: Table,
        record: &Record,
        generation: u64,
    ) -> Result<Vec<u8>, Error> {
        let header = Header { version: record.version, state: record.state, generation };
        let associated = self.associated(table, record.id, header);
        let mut raw = Vec::with_capacity(HEADER + aead::OVERHEAD + record.body.len());
        raw.extend_from_slice(&header.bytes());
        raw.resize(HEADER + aead::FRONT, 0);
        raw.extend_from_slice(&record.body);
        raw.resize(HEADER + aead::OVERHEAD + record.body.len(), 0);
        vault::run(Depth::Small, |inside| {
            aead::seal(self.record.get(inside), LABEL, &associated, &mut raw[HEADER..])
        })?
        .map_err(|e| Error::sealing(e, Damage::Record(table)))?;
        Ok(raw)
    }

    /// Opens the stored form, outside of the vault.
    pub(super) fn open(&self, table: Table, id: RecordId, raw: Vec<u8>) -> Result<Entry, Error> {
        let place = self.place(table, id, &raw)?;
        let mut body = raw;
        let range = vault::run(Depth::Small, |inside| {
            let opened = self.open_at(inside, &place.1, &mut body);
            opened.map(|r| (r.start, r.end))
        })?;
        let (start, end) = range.map_err(|e| Error::sealing(e, Damage::Record(table)))?;
        body.truncate(end);
        body.drain(..start);
        let Header { version, state, generation } = place.0;
        Ok(Entry { id, version, state, generation, body })
    }

    /// Opens the stored form of an internal record where the caller is inside already.
    pub(super) fn open_inside<'raw>(
        &self,
        inside: &Inside<'_>,
        table: Table,
        id: RecordId,
        raw: &'raw mut [u8],
    ) -> Result<&'raw mut [u8], aead::Error> {
        let (_, associated) = self.place(table, id, raw).map_err(|_| aead::Error::DoesNotOpen)?;
        let range = self.open_at(inside, &associated, raw)?;
        Ok(&mut raw[range])
    }

    /// What the record adds to its table's sum: HMAC of table, name, generation and content.
    pub(super) fn digest(&self, table: Table, id: RecordId, raw: &[u8]) -> Result<[u8; 32], Error> {
        let generation = Header::parse(table, raw)?.generation;
        let content = Sha256::digest(raw);
        let name = [table.number(), u8::try_from(id.as_bytes().len()).unwrap_or(u8::MAX)];
        let generation = generation.to_be_bytes();
        let mut digest = [0; 32];
        vault::run(Depth::Small, |inside| {
            let parts = [&name[..], id.as_bytes(), &generation, &content];
            digest = aead::mac(self.head.get(inside), &parts);
        })?;
        Ok(digest)
    }

    fn open_at(
        &self,
        inside: &Inside<'_>,
        associated: &[u8],
        raw: &mut [u8],
    ) -> Result<std::ops::Range<usize>, aead::Error> {
        let range = aead::open(self.record.get(inside), LABEL, associated, &mut raw[HEADER..])?;
        Ok(range.start + HEADER..range.end + HEADER)
    }

    fn place(&self, table: Table, id: RecordId, raw: &[u8]) -> Result<(Header, Vec<u8>), Error> {
        let header = Header::parse(table, raw)?;
        Ok((header, self.associated(table, id, header)))
    }

    fn associated(&self, table: Table, id: RecordId, header: Header) -> Vec<u8> {
        let mut associated = Vec::with_capacity(80);
        associated.extend_from_slice(&self.store);
        associated.push(table.number());
        associated.push(u8::try_from(id.as_bytes().len()).unwrap_or(u8::MAX));
        associated.extend_from_slice(id.as_bytes());
        associated.extend_from_slice(&header.bytes());
        associated
    }
}

/// What stands in clear before the sealed body.
#[derive(Clone, Copy)]
pub(super) struct Header {
    version: u32,
    state: u8,
    pub(super) generation: u64,
}

impl Header {
    fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [FORMAT; HEADER];
        bytes[1..5].copy_from_slice(&self.version.to_be_bytes());
        bytes[5] = self.state;
        bytes[6..].copy_from_slice(&self.generation.to_be_bytes());
        bytes
    }

    pub(super) fn parse(table: Table, raw: &[u8]) -> Result<Self, Error> {
        match raw {
            [FORMAT, v0, v1, v2, v3, state, rest @ ..] => {
                let generation = rest.first_chunk().ok_or(Error::Damaged(Damage::Record(table)))?;
                let version = u32::from_be_bytes([*v0, *v1, *v2, *v3]);
                Ok(Self { version, state: *state, generation: u64::from_be_bytes(*generation) })
            }
            _ => Err(Error::Damaged(Damage::Record(table))),
        }
    }
}
