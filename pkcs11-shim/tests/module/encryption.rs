//! C_Encrypt, C_Decrypt and C_Digest: lengths, kept results, parts.

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::ckm;
use cryptoki_sys::{
    CKR_BUFFER_TOO_SMALL, CKR_ENCRYPTED_DATA_INVALID, CKR_FUNCTION_FAILED, CKR_MECHANISM_INVALID,
    CKR_MECHANISM_PARAM_INVALID, CKR_OK, CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED,
};

use crate::api::{self, Mechanism};
use crate::fake::{AES, Fake, RSA_PRIVATE};

const KEY: u64 = AES as u64;
const CBC: Mechanism<'_> = Mechanism(ckm::CKM_AES_CBC, &[0; 16]);
const PADDED: Mechanism<'_> = Mechanism(ckm::CKM_AES_CBC_PAD, &[0; 16]);

/// The bytes of `CK_GCM_PARAMS`, whose pointers lead to `iv` and `data`.
fn gcm(iv: &[u8], iv_bits: Option<usize>, data: &[u8], tag_bits: usize) -> Vec<u8> {
    let mut words = vec![iv.as_ptr().addr(), iv.len()];
    words.extend(iv_bits);
    words.extend([data.as_ptr().addr(), data.len(), tag_bits]);
    words.into_iter().flat_map(usize::to_ne_bytes).collect()
}

#[test]
fn an_encryption_with_a_known_key_is_one_frame() {
    let fake = Fake::start();
    let session = fake.session();
    api::encrypt_init(session, &PADDED, KEY).unwrap();
    assert_eq!(api::encrypt(session, b"data", None).length, 16);
    let short = api::encrypt(session, b"data", Some(15));
    assert_eq!((short.rv, short.length), (CKR_BUFFER_TOO_SMALL, 16));
    assert!(fake.take_frames().is_empty());
    assert_eq!(api::encrypt(session, b"data", Some(16)).unwrap().len(), 16);
    assert_eq!(fake.take_frames(), ["EncryptData"]);
    assert_eq!(api::encrypt(session, b"data", None).rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_plaintext_that_does_not_fit_is_kept_for_the_repeated_call() {
    let fake = Fake::start();
    let session = fake.session();
    let mut data = [7; 32];
    data[31] = 9;
    api::decrypt_init(session, &PADDED, KEY).unwrap();
    assert_eq!(api::decrypt(session, &data, None).length, 32);
    let short = api::decrypt(session, &data, Some(22));
    assert_eq!((short.rv, short.length), (CKR_BUFFER_TOO_SMALL, 23));
    assert_eq!(api::decrypt(session, &data, None).length, 23);
    assert_eq!(api::decrypt(session, &data, Some(23)).unwrap(), data[..23]);
    assert_eq!(fake.take_frames(), ["DecryptData"]);

    api::decrypt_init(session, &PADDED, KEY).unwrap();
    assert_eq!(api::decrypt(session, &data, Some(24)).unwrap(), data[..23], "less room than data");
    assert_eq!(fake.take_frames(), ["DecryptData"]);
}

#[test]
fn a_kept_plaintext_is_not_given_for_other_data() {
    let fake = Fake::start();
    let session = fake.session();
    let rsa = Mechanism(ckm::CKM_RSA_PKCS, &[]);
    api::decrypt_init(session, &rsa, RSA_PRIVATE.into()).unwrap();
    assert_eq!(api::decrypt(session, &[1; 256], None).length, 245);
    assert_eq!(api::decrypt(session, &[1; 256], Some(4)).length, 5);
    assert_eq!(api::decrypt(session, &[2; 256], Some(5)).unwrap(), [2; 5]);
    assert_eq!(fake.take_frames(), ["DecryptData"; 2]);
}

#[test]
fn input_and_output_may_be_the_same_memory() {
    let fake = Fake::start();
    let session = fake.session();
    let mut data = *b"sixteen bytes..!";
    api::encrypt_init(session, &CBC, KEY).unwrap();
    api::encrypt_in_place(session, &mut data).unwrap();
    assert_eq!(&data, b"sixteen bytes..!");
    assert_eq!(fake.state().payloads, [data]);
}

#[test]
fn parts_come_out_as_they_are_produced_and_none_twice() {
    let fake = Fake::start();
    let session = fake.session();
    let data: Vec<u8> = (0..100).collect();
    let mut encrypted = Vec::new();
    api::encrypt_init(session, &PADDED, KEY).unwrap();
    for part in data.chunks(17) {
        let query = api::encrypt_update(session, part, None);
        assert_eq!(query.rv, CKR_OK);
        if query.length > 0 {
            let short = api::encrypt_update(session, part, Some(query.length - 1));
            assert_eq!((short.rv, short.length), (CKR_BUFFER_TOO_SMALL, query.length));
        }
        let yielded = api::encrypt_update(session, part, Some(query.length)).unwrap();
        assert_eq!(yielded.len(), query.length);
        encrypted.extend(yielded);
    }
    assert_eq!(api::encrypt_final(session, None).length, 16);
    assert_eq!(api::encrypt_final(session, Some(0)).rv, CKR_BUFFER_TOO_SMALL);
    encrypted.extend(api::encrypt_final(session, Some(16)).unwrap());
    assert_eq!(encrypted.len(), 112);
    assert_eq!(encrypted[..100], data);

    let mut decrypted = Vec::new();
    api::decrypt_init(session, &PADDED, KEY).unwrap();
    for part in encrypted.chunks(33) {
        decrypted.extend(api::decrypt_update(session, part, Some(64)).unwrap());
    }
    assert_eq!(decrypted.len(), 96, "the last block stays inside");
    let short = api::decrypt_final(session, Some(3));
    assert_eq!((short.rv, short.length), (CKR_BUFFER_TOO_SMALL, 4));
    decrypted.extend(api::decrypt_final(session, Some(4)).unwrap());
    assert_eq!(decrypted, data);
    let finishes = fake.take_frames().into_iter().filter(|name| *name == "FinishOperation");
    assert_eq!(finishes.count(), 2);
}

#[test]
fn gcm_gives_no_plaintext_before_the_end() {
    let fake = Fake::start();
    let session = fake.session();
    let parameter = gcm(&[1; 12], Some(96), b"", 128);
    let gcm = Mechanism(ckm::CKM_AES_GCM, &parameter);
    api::encrypt_init(session, &gcm, KEY).unwrap();
    let mut encrypted = api::encrypt_update(session, b"some data", Some(9)).unwrap();
    encrypted.extend(api::encrypt_final(session, Some(16)).unwrap());
    assert_eq!(encrypted.len(), 25);
    api::decrypt_init(session, &gcm, KEY).unwrap();
    for part in encrypted.chunks(10) {
        assert_eq!(api::decrypt_update(session, part, Some(64)).unwrap(), [0_u8; 0]);
    }
    assert_eq!(api::decrypt_final(session, None).length, 9);
    assert_eq!(api::decrypt_final(session, Some(9)).unwrap(), b"some data");
    fake.take_frames();
    api::encrypt_init(session, &gcm, KEY).unwrap();
    assert_eq!(api::encrypt(session, b"some data", None).length, 25);
}

#[test]
fn gcm_parameters_are_taken_as_clients_send_them() {
    let fake = Fake::start();
    let session = fake.session();
    let init =
        |parameter: &[u8]| api::encrypt_init(session, &Mechanism(ckm::CKM_AES_GCM, parameter), KEY);
    let (iv, long) = ([1; 12], [1; 257]);
    for parameter in [
        gcm(&iv, Some(96), b"", 128),
        gcm(&iv, Some(0), b"more", 128),
        gcm(&iv, Some(12), b"", 96),
        gcm(&iv, None, b"more", 128),
    ] {
        assert_eq!(init(&parameter), Ok(()));
        api::encrypt(session, b"", Some(16)).unwrap();
    }
    for parameter in [
        gcm(&[], Some(0), b"", 128),
        gcm(&long, Some(0), b"", 128),
        gcm(&iv, Some(96), b"", 129),
        gcm(&iv, Some(96), b"", 0),
        gcm(&iv, Some(96), b"", 128)[1..].to_vec(),
        [0_usize, 12, 96, 0, 0, 128].iter().flat_map(|word| word.to_ne_bytes()).collect(),
        Vec::new(),
    ] {
        assert_eq!(init(&parameter), Err(CKR_MECHANISM_PARAM_INVALID));
    }
    assert_eq!(fake.take_frames(), ["EncryptData"; 4]);
}

#[test]
fn data_larger_than_a_frame_is_encrypted_in_parts() {
    let fake = Fake::start();
    let session = fake.session();
    let data: Vec<u8> = (0..3 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    api::encrypt_init(session, &CBC, KEY).unwrap();
    assert!(api::encrypt(session, &data, Some(data.len())).unwrap() == data);
    let expected = ["StartOperation", "UpdateOperation", "UpdateOperation", "FinishOperation"];
    assert_eq!(fake.take_frames(), expected);
}

#[test]
fn final_without_parts_is_an_empty_message() {
    let fake = Fake::start();
    let session = fake.session();
    api::encrypt_init(session, &PADDED, KEY).unwrap();
    assert_eq!(api::encrypt_final(session, Some(16)).unwrap(), [16; 16]);
    assert_eq!(fake.take_frames(), ["EncryptData"]);
}

#[test]
fn what_is_not_expected_ends_the_operation_here_and_there() {
    let fake = Fake::start();
    let session = fake.session();
    api::encrypt_init(session, &CBC, KEY).unwrap();
    api::encrypt_update(session, &[0; 16], Some(16)).unwrap();
    assert_eq!(api::encrypt(session, &[0; 16], Some(16)).rv, CKR_OPERATION_ACTIVE);
    assert_eq!(api::encrypt_final(session, Some(16)).rv, CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(fake.take_frames(), ["StartOperation", "CancelOperation"]);
}

#[test]
fn a_late_refusal_is_one_that_the_function_may_give() {
    let fake = Fake::start();
    let session = fake.session();
    for (name, code) in
        [("EncryptData", ErrorCode::CmkDisabled), ("DecryptData", ErrorCode::EncryptedDataInvalid)]
    {
        fake.state().refusals.insert(name, code);
    }
    api::encrypt_init(session, &CBC, KEY).unwrap();
    assert_eq!(api::encrypt(session, &[0; 16], Some(16)).rv, CKR_FUNCTION_FAILED);
    api::decrypt_init(session, &CBC, KEY).unwrap();
    assert_eq!(api::decrypt(session, &[0; 16], Some(16)).rv, CKR_ENCRYPTED_DATA_INVALID);
}

#[test]
fn digests_are_computed_here() {
    let fake = Fake::start();
    let session = fake.session();
    // FIPS 180-4 examples: the digest of "abc" begins so.
    for (mechanism, length, start) in [
        (ckm::CKM_SHA_1, 20, [0xa9, 0x99, 0x3e, 0x36]),
        (ckm::CKM_SHA224, 28, [0x23, 0x09, 0x7d, 0x22]),
        (ckm::CKM_SHA256, 32, [0xba, 0x78, 0x16, 0xbf]),
        (ckm::CKM_SHA384, 48, [0xcb, 0x00, 0x75, 0x3f]),
        (ckm::CKM_SHA512, 64, [0xdd, 0xaf, 0x35, 0xa1]),
    ] {
        api::digest_init(session, mechanism).unwrap();
        assert_eq!(api::digest_init(session, mechanism), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(api::digest(session, b"abc", None).length, length);
        assert_eq!(api::digest(session, b"abc", Some(length - 1)).rv, CKR_BUFFER_TOO_SMALL);
        let whole = api::digest(session, b"abc", Some(length)).unwrap();
        assert_eq!((whole.len(), &whole[..4]), (length, &start[..]));

        api::digest_init(session, mechanism).unwrap();
        api::digest_update(session, b"a").unwrap();
        api::digest_update(session, b"bc").unwrap();
        assert_eq!(api::digest_final(session, None).length, length);
        assert_eq!(api::digest_final(session, Some(length)).unwrap(), whole);
        assert_eq!(api::digest_final(session, Some(length)).rv, CKR_OPERATION_NOT_INITIALIZED);
    }
    assert_eq!(api::digest_init(session, ckm::CKM_AES_CBC), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(api::digest_init(session, ckm::CKM_RSA_PKCS), Err(CKR_MECHANISM_INVALID));
    api::digest_init(session, ckm::CKM_SHA256).unwrap();
    api::digest_update(session, b"a").unwrap();
    assert_eq!(api::digest(session, b"bc", Some(32)).rv, CKR_OPERATION_ACTIVE);
    assert!(fake.take_frames().is_empty());
}
