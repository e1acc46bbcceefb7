//! One request for each row of the operation table, right in every value.

use coffer_daemon::service::testing::Peer;
use coffer_protocol::attribute::{self, Attribute};
use coffer_protocol::frame;
use coffer_protocol::mechanism::{EcdhParameter, IvParameter, MechanismCall, ckm};
use coffer_protocol::message::json::base64;
use coffer_protocol::message::{Bytes, Message};
use coffer_protocol::operation::cipher::{
    CancelOperation, DecryptData, EncryptData, FinishOperation, Function, RecoverSigned, SignData,
    SignRecoverable, StartOperation, UpdateOperation, VerifyData,
};
use coffer_protocol::operation::object::{
    CopyObject, CreateObject, DecapsulateKey, DeriveKey, DescribeObject, DestroyObject,
    EncapsulateKey, FindObjects, GenerateKey, GenerateKeyPair, GetAttributes, GetObjectSize,
    SetAttributes, UnwrapKey, WrapKey,
};
use coffer_protocol::operation::token::{
    AuthenticateUse, CloseAllSessions, CloseSession, GetSessionInfo, InitPin, InitToken,
    ListTokens, Login, Logout, OpenSession, SetPin,
};
use coffer_protocol::operation::{Operation, Row, backup, kms, system};
use serde_json::{Value, json};

use crate::known::{P256, hkdf, rsa};

/// What requests of the KMS name.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) key: String,
    pub(crate) pair: String,
    pub(crate) ciphertext: String,
    /// Of a backup.
    pub(crate) header: Vec<u8>,
    pub(crate) disabled: String,
    pub(crate) pending: String,
    pub(crate) archived: String,
    pub(crate) rotating: String,
    pub(crate) bound: String,
    pub(crate) mac: String,
    pub(crate) rsa: String,
    pub(crate) sm2: String,
    pub(crate) agreement: String,
    pub(crate) public_key: Value,
    pub(crate) external: String,
    pub(crate) imported: String,
    pub(crate) token: Value,
}

/// One request of each row.
pub(crate) fn all(names: &Names) -> Vec<Ask> {
    [administration(&names.header), tokens(), objects(), ciphers(), kms(names)]
        .into_iter()
        .flatten()
        .collect()
}

/// Of the backup of the test.
pub(crate) const PASSPHRASE: &[u8] = b"correct horse battery";

/// A request that is right, if its caller may ask.
pub(crate) struct Ask {
    pub(crate) row: &'static Row,
    pub(crate) meta: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

fn ask<O: Operation>(request: &O, payload: &[u8]) -> Ask {
    Ask { row: O::ROW, meta: frame::encode_meta(request).unwrap(), payload: payload.to_vec() }
}

pub(crate) fn named<O: Operation + Message>(fields: Value) -> Ask {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    let (request, payload) = O::from_json(fields).unwrap();
    ask(&request, &payload)
}

/// Every application of the test has the same handles: a session, then what [`prepare`] made in it.
pub(crate) const SESSION: u32 = 1;
const AES: u32 = 1;
const PUBLIC: u32 = 2;
const PRIVATE: u32 = 3;
const SECRET: u32 = 4;
const RSA_PUBLIC: u32 = 5;
const RSA_PRIVATE: u32 = 6;

fn cbc() -> MechanismCall {
    let parameter = frame::encode_meta(&IvParameter { iv: [7; 16] }).unwrap();
    MechanismCall { mechanism: ckm::CKM_AES_CBC_PAD, parameter }
}

fn ecdh() -> MechanismCall {
    let parameter = EcdhParameter { kdf: 1, shared_data: Vec::new(), public_data: Vec::new() };
    MechanismCall::with(ckm::CKM_ECDH1_DERIVE, &parameter).unwrap()
}

/// The numbers of an RSA key: its public ones, then all of them.
fn rsa_templates() -> [Vec<u8>; 2] {
    let number = |kind, name| Attribute::bytes(kind, rsa(name));
    let public = [
        Attribute::number(attribute::KEY_TYPE, 0),
        number(attribute::MODULUS, "modulus"),
        number(attribute::PUBLIC_EXPONENT, "public_exponent"),
    ];
    let class = |class| Attribute::number(attribute::CLASS, class);
    let secret = number(attribute::PRIVATE_EXPONENT, "private_exponent");
    [
        open_template(&[&[class(2)][..], &public].concat()),
        open_template(&[&[class(3)][..], &public, &[secret]].concat()),
    ]
}

fn template(attributes: &[Attribute]) -> Vec<u8> {
    frame::encode_meta(&attributes.to_vec()).unwrap()
}

/// A session object that everybody sees: the security officer and a public session may use it too.
fn open_template(more: &[Attribute]) -> Vec<u8> {
    let open = [
        Attribute::boolean(attribute::TOKEN, false),
        Attribute::boolean(attribute::PRIVATE, false),
    ];
    template(&[&open[..], more].concat())
}

fn aes_template() -> Vec<u8> {
    let usages =
        [attribute::ENCRYPT, attribute::DECRYPT].map(|usage| Attribute::boolean(usage, true));
    open_template(&[&[Attribute::number(attribute::VALUE_LEN, 32)][..], &usages].concat())
}

fn secret_template() -> Vec<u8> {
    open_template(&[
        Attribute::number(attribute::CLASS, 4),
        Attribute::number(attribute::KEY_TYPE, 0x10),
    ])
}

fn pair_templates() -> (Vec<u8>, Vec<u8>) {
    let yes = |usage| Attribute::boolean(usage, true);
    let public = [
        Attribute::bytes(attribute::EC_PARAMS, P256),
        yes(attribute::VERIFY),
        yes(attribute::ENCAPSULATE),
    ];
    let private = [yes(attribute::SIGN), yes(attribute::DECAPSULATE)];
    (open_template(&public), open_template(&private))
}

fn data_template() -> Vec<u8> {
    open_template(&[
        Attribute::number(attribute::CLASS, 0),
        Attribute::bytes(attribute::VALUE, *b"data"),
    ])
}

fn administration(header: &[u8]) -> Vec<Ask> {
    let init = system::InitPartition { name: "second".to_owned(), so_pin_length: 4 };
    vec![
        named::<system::GetStatus>(json!({})),
        named::<system::ListPartitions>(json!({})),
        named::<system::CreatePartition>(json!({ "Name": "third" })),
        ask(&init, b"87654321"),
        named::<system::ListAuditEvents>(json!({})),
        named::<system::VerifyAudit>(json!({})),
        named::<system::ConfirmTime>(json!({})),
        ask(&backup::StartBackup {}, PASSPHRASE),
        ask(&backup::ReadBackupPart {}, b""),
        ask(&backup::StartRestore { header: Bytes(header.to_vec()) }, PASSPHRASE),
        ask(&backup::SendRestorePart { last: false }, b"part"),
        ask(&backup::FinishRestore {}, b""),
        ask(&backup::StopTransfers {}, b""),
        ask(&backup::StartStoreCheck {}, b""),
        ask(&backup::ContinueStoreCheck {}, b""),
    ]
}

fn kms(names: &Names) -> Vec<Ask> {
    let Names { key, pair, ciphertext, .. } = names;
    let of_key = || json!({ "KeyId": key });
    let sign = json!({ "KeyId": pair, "Algorithm": "ECC_P256_R1", "Message": "bWVzc2FnZQ==" });
    let mut verify = sign.clone();
    verify["SignatureValue"] = json!("MAYCAQECAQE=");
    let data_key = json!({ "KeyId": key, "KeySpec": "AES_256" });
    let data_pair = json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P256" });
    let tags = json!([{ "TagKey": "k", "TagValue": "v" }]);
    let mut rows = vec![
        named::<kms::CreateKey>(json!({ "Alias": "new" })),
        named::<kms::DescribeKey>(of_key()),
        named::<kms::ListKeys>(json!({})),
        named::<kms::ListKeyDetail>(json!({})),
        named::<kms::EnableKey>(of_key()),
        named::<kms::DisableKey>(of_key()),
        named::<kms::EnableKeys>(json!({ "KeyIds": [key, pair] })),
        named::<kms::DisableKeys>(json!({ "KeyIds": [key, pair] })),
        named::<kms::DescribeKeys>(json!({ "KeyIds": [key, pair] })),
        named::<kms::UpdateKeyDescription>(json!({ "KeyId": key, "Description": "d" })),
        named::<kms::UpdateAlias>(json!({ "KeyId": key, "Alias": "other" })),
        named::<kms::ScheduleKeyDeletion>(
            json!({ "KeyId": names.disabled, "PendingWindowInDays": 7 }),
        ),
        named::<kms::CancelKeyDeletion>(json!({ "KeyId": names.pending })),
        named::<kms::ArchiveKey>(of_key()),
        named::<kms::CancelKeyArchive>(json!({ "KeyId": names.archived })),
        named::<kms::Encrypt>(json!({ "KeyId": key, "Plaintext": "c2VjcmV0" })),
        named::<kms::Decrypt>(json!({ "CiphertextBlob": ciphertext })),
        named::<kms::GenerateDataKey>(data_key.clone()),
        named::<kms::GenerateRandom>(json!({ "NumberOfBytes": 16 })),
        named::<kms::ReEncrypt>(json!({ "CiphertextBlob": ciphertext })),
        named::<kms::GenerateDataKeyWithoutPlaintext>(data_key),
        named::<kms::GenerateDataKeyPair>(data_pair.clone()),
        named::<kms::GenerateDataKeyPairWithoutPlaintext>(data_pair),
        named::<kms::EncryptDataKey>(
            json!({ "KeyId": key, "Plaintext": base64(&[0; 48]), "DataKeyLength": 16 }),
        ),
        named::<kms::DecryptDataKey>(json!({ "CiphertextBlob": ciphertext, "DataKeyLength": 6 })),
        named::<kms::GetPublicKey>(json!({ "KeyId": pair })),
        named::<kms::SignByAsymmetricKey>(sign),
        named::<kms::VerifyByAsymmetricKey>(verify),
    ];
    let mac = json!({ "KeyId": names.mac, "MacAlgorithm": "HMAC_SHA_256", "Message": "aGk=" });
    let mut verify_mac = mac.clone();
    verify_mac["Mac"] = json!("AAAA");
    let import =
        json!({ "KeyId": names.external, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" });
    let bind = json!({ "KeyId": key, "ProductId": "luks", "ResourceId": "disk" });
    rows.extend([
        named::<kms::AsymmetricRsaDecrypt>(json!({
            "KeyId": names.rsa, "Ciphertext": base64(&[1; 256]), "Algorithm": "RSAES_PKCS1_V1_5",
        })),
        named::<kms::AsymmetricSm2Decrypt>(json!({ "KeyId": names.sm2, "Ciphertext": "AAAA" })),
        named::<kms::GenerateMac>(mac),
        named::<kms::VerifyMac>(verify_mac),
        named::<kms::DeriveSharedSecret>(json!({
            "KeyId": names.agreement, "KeyAgreementAlgorithm": "ECDH", "PublicKey": names.public_key,
        })),
        named::<kms::GetServiceStatus>(json!({})),
        named::<kms::ListAlgorithms>(json!({})),
        named::<kms::GetRegions>(json!({})),
        named::<kms::EnableKeyRotation>(of_key()),
        named::<kms::DisableKeyRotation>(of_key()),
        named::<kms::GetKeyRotationStatus>(of_key()),
        named::<kms::RotateKey>(json!({ "KeyId": names.rotating })),
        named::<kms::GetParametersForImport>(import),
        named::<kms::ImportKeyMaterial>(json!({
            "KeyId": names.external, "EncryptedKeyMaterial": "AAAA", "ImportToken": names.token,
        })),
        named::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": names.imported })),
        named::<kms::BindCloudResource>(bind),
        named::<kms::UnbindCloudResource>(json!({
            "KeyId": names.bound, "ProductId": "luks", "ResourceId": "disk",
        })),
        named::<kms::TagResource>(json!({ "KeyId": key, "Tags": tags })),
        named::<kms::UntagResource>(json!({ "KeyId": names.bound, "TagKeys": ["k"] })),
        named::<kms::ListResourceTags>(of_key()),
        named::<kms::GetKeyLastUsage>(of_key()),
        named::<kms::ListAlarms>(json!({})),
    ]);
    rows
}

/// Gives an application its session, an AES key, a key pair, and an encryption under way.
pub(crate) fn prepare(peer: &Peer) {
    let opened = peer.call(&OpenSession { slot: 0, read_write: true }, b"").unwrap();
    assert_eq!(opened.session, SESSION);
    let aes = GenerateKey {
        session: SESSION,
        mechanism: MechanismCall::plain(ckm::CKM_AES_KEY_GEN),
        password_length: 0,
    };
    assert_eq!(peer.call(&aes, &aes_template()).unwrap().object, AES);
    let (public, private) = pair_templates();
    let pair = GenerateKeyPair {
        session: SESSION,
        mechanism: MechanismCall::plain(ckm::CKM_EC_KEY_PAIR_GEN),
        public_length: u32::try_from(public.len()).unwrap(),
    };
    let made = peer.call(&pair, &[public, private].concat()).unwrap();
    assert_eq!((made.public.object, made.private.object), (PUBLIC, PRIVATE));
    let secret = open_template(&[
        Attribute::number(attribute::VALUE_LEN, 32),
        Attribute::boolean(attribute::DERIVE, true),
        Attribute::boolean(attribute::EXTRACTABLE, true),
    ]);
    let mechanism = MechanismCall::plain(ckm::CKM_GENERIC_SECRET_KEY_GEN);
    let made = peer
        .call(&GenerateKey { session: SESSION, mechanism, password_length: 0 }, &secret)
        .unwrap();
    assert_eq!(made.object, SECRET);
    for (template, object) in rsa_templates().into_iter().zip([RSA_PUBLIC, RSA_PRIVATE]) {
        let made = peer.call(&CreateObject { session: SESSION }, &template).unwrap();
        assert_eq!(made.object, object);
    }
    let start = StartOperation {
        session: SESSION,
        function: Function::Encrypt as u8,
        key: AES,
        mechanism: cbc(),
    };
    peer.call(&start, b"data").unwrap();
}

fn tokens() -> Vec<Ask> {
    vec![
        ask(&ListTokens {}, b""),
        // Slot 1 has no sessions, and is not initialised.
        ask(&InitToken { slot: 1, label: "second".to_owned() }, b"officer"),
        ask(&OpenSession { slot: 0, read_write: true }, b""),
        ask(&CloseSession { session: SESSION }, b""),
        ask(&CloseAllSessions { slot: 0 }, b""),
        ask(&GetSessionInfo { session: SESSION }, b""),
        ask(&Login { session: SESSION, user: 1 }, b"user"),
        ask(&Logout { session: SESSION }, b""),
        ask(&InitPin { session: SESSION }, b"next"),
        ask(&SetPin { session: SESSION, old_length: 4 }, b"usernext"),
        ask(&AuthenticateUse { session: SESSION, key: PRIVATE }, b"user"),
    ]
}

fn objects() -> Vec<Ask> {
    let session = SESSION;
    let (public, private) = pair_templates();
    let pair = GenerateKeyPair {
        session,
        mechanism: MechanismCall::plain(ckm::CKM_EC_KEY_PAIR_GEN),
        public_length: u32::try_from(public.len()).unwrap(),
    };
    let aes = GenerateKey {
        session,
        mechanism: MechanismCall::plain(ckm::CKM_AES_KEY_GEN),
        password_length: 0,
    };
    let label = template(&[Attribute::bytes(attribute::LABEL, *b"label")]);
    let unwrap = UnwrapKey {
        session,
        mechanism: MechanismCall::plain(ckm::CKM_AES_KEY_WRAP),
        key: AES,
        wrapped: vec![0; 24],
    };
    let ciphertext = vec![4; 65];
    let decapsulate = DecapsulateKey { session, mechanism: ecdh(), key: PRIVATE, ciphertext };
    vec![
        ask(&CreateObject { session }, &data_template()),
        ask(&CopyObject { session, object: AES }, &label),
        ask(&DestroyObject { session, object: AES }, b""),
        ask(&DescribeObject { session, object: AES }, b""),
        ask(&GetAttributes { session, object: AES, kinds: vec![attribute::CLASS] }, b""),
        ask(&SetAttributes { session, object: AES }, &label),
        ask(&FindObjects { session, after: 0 }, &template(&[])),
        ask(&GetObjectSize { session, object: AES }, b""),
        ask(&aes, &aes_template()),
        ask(&pair, &[public, private].concat()),
        ask(&WrapKey { session, mechanism: cbc(), key: SECRET, wrapping: AES }, b""),
        ask(&unwrap, &secret_template()),
        ask(
            &DeriveKey { session, mechanism: hkdf(), key: SECRET, additional: Vec::new() },
            &aes_template(),
        ),
        ask(&EncapsulateKey { session, mechanism: ecdh(), key: PUBLIC }, &secret_template()),
        ask(&decapsulate, &secret_template()),
    ]
}

fn ciphers() -> Vec<Ask> {
    let session = SESSION;
    let function = Function::Encrypt as u8;
    let ecdsa = || MechanismCall::plain(ckm::CKM_ECDSA);
    let pkcs1 = || MechanismCall::plain(ckm::CKM_RSA_PKCS);
    let start =
        StartOperation { session, function: Function::Decrypt as u8, key: AES, mechanism: cbc() };
    vec![
        ask(&EncryptData { session, key: AES, mechanism: cbc() }, b"data"),
        ask(&DecryptData { session, key: AES, mechanism: cbc() }, &[0; 16]),
        ask(&SignData { session, key: PRIVATE, mechanism: ecdsa() }, &[1; 32]),
        ask(
            &VerifyData { session, key: PUBLIC, mechanism: ecdsa(), signature: vec![1; 64] },
            &[1; 32],
        ),
        ask(&start, &[0; 16]),
        ask(&UpdateOperation { session, function }, b"data"),
        ask(&FinishOperation { session, function, signature: Vec::new() }, b""),
        ask(&CancelOperation { session, function }, b""),
        ask(&SignRecoverable { session, key: RSA_PRIVATE, mechanism: pkcs1() }, b"data"),
        ask(&RecoverSigned { session, key: RSA_PUBLIC, mechanism: pkcs1() }, &[1; 256]),
    ]
}
