//! What the daemon of the tests knows by heart: a reply to every request, without any cryptography.
#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute;
use coffer_protocol::frame::{decode_meta, encode_meta};
use coffer_protocol::mechanism::ckm;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::cipher::{
    CancelOperation, DecryptData, EncryptData, FinishOperation, Function, Output, StartOperation,
    UpdateOperation, VerifyData,
};
use coffer_protocol::operation::object::{
    AttributeEntry, Attributes, DescribeObject, FindObjects, FoundObjects, GetAttributes,
};
use coffer_protocol::operation::token::{
    CloseSession, GetSessionInfo, ListTokens, Nothing, OpenSession, OpenedSession, SessionInfo,
    Token, Tokens,
};

use crate::fake::{AES, RIGHT, State};

/// Metadata and payload.
pub(crate) type Reply = (Vec<u8>, Vec<u8>);

fn plain<O: Operation>(reply: &O::Reply) -> Reply {
    (encode_meta(reply).unwrap(), Vec::new())
}

fn output(payload: Vec<u8>) -> Reply {
    (encode_meta(&Output {}).unwrap(), payload)
}

impl State {
    /// The reply to the request of that name.
    pub(crate) fn answer(
        &mut self,
        name: &str,
        meta: &[u8],
        payload: &[u8],
    ) -> Result<Reply, ErrorCode> {
        if let Some(code) = self.refusals.get(name) {
            return Err(*code);
        }
        Ok(match name {
            "ListTokens" => plain::<ListTokens>(&Tokens { tokens: vec![self.token()] }),
            "OpenSession" => {
                self.sessions += 1;
                plain::<OpenSession>(&OpenedSession { session: self.sessions })
            }
            "GetSessionInfo" => {
                plain::<GetSessionInfo>(&SessionInfo { slot: 0, state: 2, read_write: true })
            }
            "DescribeObject" | "CreateObject" | "GenerateKey" => {
                let object = decode_meta::<DescribeObject>(meta).map_or(AES, |asked| asked.object);
                let known = self.objects.get(&object).ok_or(ErrorCode::ObjectInvalid)?;
                plain::<DescribeObject>(known)
            }
            "FindObjects" => self.find(&decode_meta(meta)?),
            "GetAttributes" => Self::attributes(&decode_meta(meta)?),
            "SignData" => output(RIGHT.to_vec()),
            "VerifyData" => {
                let request: VerifyData = decode_meta(meta)?;
                if request.signature == RIGHT {
                    plain::<CloseSession>(&Nothing {})
                } else {
                    return Err(ErrorCode::SignatureInvalid);
                }
            }
            "EncryptData" => {
                let request: EncryptData = decode_meta(meta)?;
                output(encrypted(request.mechanism.mechanism, payload))
            }
            "DecryptData" => {
                let request: DecryptData = decode_meta(meta)?;
                output(decrypted(request.mechanism.mechanism, payload))
            }
            "StartOperation" => {
                let request: StartOperation = decode_meta(meta)?;
                let mechanism = request.mechanism.mechanism;
                self.streams.insert(request.function, (mechanism, Vec::new()));
                output(self.feed(request.function, payload))
            }
            "UpdateOperation" => {
                let request: UpdateOperation = decode_meta(meta)?;
                output(self.feed(request.function, payload))
            }
            "FinishOperation" => {
                let request: FinishOperation = decode_meta(meta)?;
                let number = request.function;
                let (mechanism, held) =
                    self.streams.remove(&number).ok_or(ErrorCode::OperationNotStarted)?;
                output(match number {
                    ENCRYPT if mechanism == ckm::CKM_AES_GCM => vec![0; 16],
                    ENCRYPT => encrypted(mechanism, &held),
                    DECRYPT => decrypted(mechanism, &held),
                    _ => RIGHT.to_vec(),
                })
            }
            "CancelOperation" => {
                let request: CancelOperation = decode_meta(meta)?;
                self.streams.remove(&request.function).ok_or(ErrorCode::OperationNotStarted)?;
                plain::<CloseSession>(&Nothing {})
            }
            _ => plain::<CloseSession>(&Nothing {}),
        })
    }

    fn token(&self) -> Token {
        Token {
            slot: 0,
            name: "main".to_owned(),
            label: "first token".to_owned(),
            serial: "0123456789abcdef".to_owned(),
            initialised: true,
            user_pin: true,
            user_pin_state: 2,
            so_pin_state: 3,
            sessions: self.sessions,
            rw_sessions: self.sessions,
        }
    }

    /// All objects at first, and then the handles that a test added.
    fn find(&self, request: &FindObjects) -> Reply {
        let mut descriptions: Vec<_> = self.objects.values().cloned().collect();
        descriptions.sort_by_key(|description| description.object);
        let mut handles: Vec<u32> = descriptions.iter().map(|known| known.object).collect();
        let more = request.after == 0 && !self.more_handles.is_empty();
        if request.after != 0 {
            assert_eq!(request.after, *handles.last().unwrap());
            handles.clone_from(&self.more_handles);
            descriptions.clear();
        }
        let payload = handles.iter().flat_map(|handle| handle.to_le_bytes()).collect();
        (encode_meta(&FoundObjects { more, descriptions }).unwrap(), payload)
    }

    /// `CKA_LABEL` is "label", `CKA_CLASS` 4, `CKA_VALUE` secret; there is nothing else.
    fn attributes(request: &GetAttributes) -> Reply {
        let (mut entries, mut values) = (Vec::new(), Vec::new());
        for kind in &request.kinds {
            let (error, value) = match *kind {
                attribute::LABEL => (0, b"label".to_vec()),
                attribute::CLASS => (0, 4_u64.to_le_bytes().to_vec()),
                attribute::VALUE => (ErrorCode::AttributeSensitive as u16, Vec::new()),
                _ => (ErrorCode::AttributeType as u16, Vec::new()),
            };
            entries.push(AttributeEntry { error, length: u32::try_from(value.len()).unwrap() });
            values.extend(value);
        }
        (encode_meta(&Attributes { entries }).unwrap(), values)
    }

    /// What a part yields: whole blocks, all but the last one, everything or nothing.
    fn feed(&mut self, number: u8, part: &[u8]) -> Vec<u8> {
        let (mechanism, held) = self.streams.get_mut(&number).unwrap();
        held.extend(part);
        let out = match (number, *mechanism) {
            (ENCRYPT | DECRYPT, ckm::CKM_AES_CTR) | (ENCRYPT, ckm::CKM_AES_GCM) => held.len(),
            (ENCRYPT, _) | (DECRYPT, ckm::CKM_AES_CBC) => held.len() / 16 * 16,
            (DECRYPT, ckm::CKM_AES_CBC_PAD) => held.len().saturating_sub(1) / 16 * 16,
            _ => 0,
        };
        held.drain(..out).collect()
    }
}

const ENCRYPT: u8 = Function::Encrypt as u8;
const DECRYPT: u8 = Function::Decrypt as u8;

/// The identity, with the padding or tag of the mechanism.
fn encrypted(mechanism: u64, data: &[u8]) -> Vec<u8> {
    let mut result = data.to_vec();
    match mechanism {
        ckm::CKM_AES_CBC_PAD => {
            let padding = 16 - data.len() % 16;
            result.extend(vec![u8::try_from(padding).unwrap(); padding]);
        }
        ckm::CKM_AES_GCM => result.extend([0; 16]),
        _ => {}
    }
    result
}

fn decrypted(mechanism: u64, data: &[u8]) -> Vec<u8> {
    let taken_off = match mechanism {
        ckm::CKM_AES_CBC_PAD => usize::from(*data.last().unwrap_or(&0)),
        ckm::CKM_AES_GCM => 16,
        ckm::CKM_RSA_PKCS => data.len() - 5,
        _ => 0,
    };
    data[..data.len() - taken_off].to_vec()
}
