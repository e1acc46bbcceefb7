//! Data in parts gives what data in one piece gives, however it is cut.

use coffer_daemon::crypto::{self, Error, Generate, Key, KeySpec, Message, Stream};
use coffer_protocol::mechanism::{
    ALL, CtrParameter, Function, GcmParameter, Hash, Mechanism, Parameter, Pss, Scheme,
};
use proptest::prelude::*;

fn parameter(scheme: Scheme) -> Parameter {
    match scheme {
        Scheme::AesCtr => Parameter::Ctr(CtrParameter { bits: 32, block: [7; 16] }),
        Scheme::AesGcm => {
            Parameter::Gcm(GcmParameter { iv: vec![9; 12], aad: b"context".to_vec(), tag_bits: 96 })
        }
        _ => Parameter::Iv([5; 16]),
    }
}

fn row(scheme: Scheme) -> &'static Mechanism {
    ALL.iter().find(|row| row.scheme == scheme).unwrap()
}

/// Cuts `data` at the given places.
fn parts<'a>(data: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
    cuts.extend([0, data.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| &data[ends[0]..ends[1]]).collect()
}

/// Runs a stream and checks that every part gives as much as the mechanism table says.
fn streamed(
    mut stream: Stream,
    row: &Mechanism,
    function: Function,
    data: &[u8],
    cuts: &[usize],
) -> Result<Vec<u8>, Error> {
    let mut output = Vec::new();
    for part in parts(data, cuts) {
        let expected = output.len() + row.update_output(function, stream.held(), part.len());
        stream.update(part, &mut output)?;
        assert_eq!(output.len(), expected);
    }
    stream.finish(&mut output)?;
    Ok(output)
}

proptest! {
    #[test]
    fn streams_equal_one_shot(
        data in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        key in prop::sample::select(vec![16, 24, 32]),
    ) {
        let key = Key::parse(KeySpec::Aes, &[0x42; 32][..key]).unwrap();
        for scheme in [Scheme::AesCbc, Scheme::AesCbcPad, Scheme::AesCtr, Scheme::AesGcm] {
            let whole = data.len() / 16 * 16;
            let data = if scheme == Scheme::AesCbc { &data[..whole] } else { &data[..] };
            let (row, parameter) = (row(scheme), parameter(scheme));
            let sealed = crypto::encrypt(&key, scheme, &parameter, data).unwrap();
            let stream = Stream::encrypt(&key, scheme, &parameter).unwrap();
            prop_assert_eq!(&streamed(stream, row, Function::Encrypt, data, &cuts).unwrap(), &sealed);
            let expected = row.max_output(Function::Encrypt, data.len(), 0, &parameter);
            prop_assert_eq!(sealed.len(), expected);
            let stream = Stream::decrypt(&key, scheme, &parameter).unwrap();
            prop_assert_eq!(streamed(stream, row, Function::Decrypt, &sealed, &cuts).unwrap(), data);
        }
    }

    #[test]
    fn a_changed_bit_is_refused_by_gcm(
        data in prop::collection::vec(any::<u8>(), 0..100),
        bit in any::<usize>(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let key = Key::parse(KeySpec::Aes, &[1; 32]).unwrap();
        let parameter = parameter(Scheme::AesGcm);
        let mut sealed = crypto::encrypt(&key, Scheme::AesGcm, &parameter, &data).unwrap();
        let bit = bit % (sealed.len() * 8);
        sealed[bit / 8] ^= 1 << (bit % 8);
        let mut stream = Stream::decrypt(&key, Scheme::AesGcm, &parameter).unwrap();
        let mut output = Vec::new();
        for part in parts(&sealed, &cuts) {
            stream.update(part, &mut output).unwrap();
        }
        prop_assert_eq!(stream.finish(&mut output), Err(Error::EncryptedDataInvalid));
        prop_assert!(output.is_empty());
        let mut in_place = sealed.clone();
        let opened = crypto::decrypt_in_place(&key, Scheme::AesGcm, &parameter, &mut in_place);
        prop_assert_eq!(opened, Err(Error::EncryptedDataInvalid));
        prop_assert_eq!(in_place, sealed);
    }

    #[test]
    fn messages_in_parts_equal_messages_in_one_piece(
        data in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let key = Key::parse(KeySpec::Secret, b"a secret of some length").unwrap();
        for hash in Hash::ALL {
            let scheme = Scheme::Hmac(hash);
            let expected = crypto::sign(&key, scheme, &Parameter::None, &data).unwrap();
            let mut message = Message::new(&key, scheme, &Parameter::None).unwrap();
            for part in parts(&data, &cuts) {
                message.update(part);
            }
            prop_assert_eq!(message.sign(&key).unwrap(), expected);
        }
    }
}

#[test]
fn signed_in_parts_verifies_in_one_piece_and_the_other_way_round() {
    let rsa = crypto::generate(Generate::Rsa { bits: 2048, exponent: 65537 }).unwrap();
    let ec = crypto::generate(Generate::Ec(crypto::ecdsa::Curve::P384)).unwrap();
    let pss = Parameter::Pss(Pss { hash: Hash::Sha384, mgf: Hash::Sha384, salt_len: 48 });
    let cases = [
        (&rsa, Scheme::RsaPkcs1(Some(Hash::Sha256)), &Parameter::None),
        (&rsa, Scheme::RsaPss(Some(Hash::Sha384)), &pss),
        (&ec, Scheme::Ecdsa(Some(Hash::Sha512)), &Parameter::None),
    ];
    for (generated, scheme, parameter) in cases {
        let key = Key::parse(generated.spec, &generated.material).unwrap();
        let public = generated.public.as_ref().unwrap();
        let mut message = Message::new(&key, scheme, parameter).unwrap();
        message.update(b"one ");
        message.update(b"message");
        let signature = message.sign(&key).unwrap();
        crypto::verify(public, scheme, parameter, b"one message", &signature).unwrap();

        let signature = crypto::sign(&key, scheme, parameter, b"one message").unwrap();
        let mut message = Message::new(public, scheme, parameter).unwrap();
        message.update(b"one message");
        message.verify(public, &signature).unwrap();

        let mut message = Message::new(public, scheme, parameter).unwrap();
        message.update(b"one messagf");
        assert_eq!(message.verify(public, &signature), Err(Error::SignatureInvalid));
    }
}

#[test]
fn block_modes_refuse_what_does_not_end_on_a_block() {
    let key = Key::parse(KeySpec::Aes, &[1; 16]).unwrap();
    let iv = Parameter::Iv([0; 16]);
    let end = |stream: Result<Stream, Error>, data: &[u8]| {
        let (mut stream, mut output) = (stream.unwrap(), Vec::new());
        stream.update(data, &mut output).unwrap();
        stream.finish(&mut output).unwrap_err()
    };
    let encrypt = |scheme| Stream::encrypt(&key, scheme, &iv);
    let decrypt = |scheme| Stream::decrypt(&key, scheme, &iv);
    assert_eq!(end(encrypt(Scheme::AesCbc), &[0; 17]), Error::DataLength);
    assert_eq!(end(decrypt(Scheme::AesCbc), &[0; 17]), Error::EncryptedDataLength);
    assert_eq!(end(decrypt(Scheme::AesCbcPad), &[0; 17]), Error::EncryptedDataLength);
    assert_eq!(end(decrypt(Scheme::AesCbcPad), &[]), Error::EncryptedDataLength);
    assert_eq!(end(decrypt(Scheme::AesCbcPad), &[0; 16]), Error::EncryptedDataInvalid);
}

#[test]
fn a_counter_does_not_overflow_its_bits() {
    let key = Key::parse(KeySpec::Aes, &[1; 16]).unwrap();
    let mut block = [0xff; 16];
    block[15] = 0b1111_1101;
    for (bits, blocks) in [(2, 3), (1, 1), (8, 3), (128, 3)] {
        let ctr = Parameter::Ctr(CtrParameter { bits, block });
        let run = |length| crypto::encrypt(&key, Scheme::AesCtr, &ctr, &vec![0; length]);
        assert_eq!(run(16 * blocks).unwrap().len(), 16 * blocks);
        assert_eq!(run(16 * blocks + 1).unwrap_err(), Error::DataLength);
        let mut stream = Stream::encrypt(&key, Scheme::AesCtr, &ctr).unwrap();
        stream.update(&vec![0; 16 * blocks], &mut Vec::new()).unwrap();
        assert_eq!(stream.update(&[0], &mut Vec::new()), Err(Error::DataLength));
    }
}

#[test]
fn gcm_decryption_holds_no_more_than_its_limit() {
    let key = Key::parse(KeySpec::Aes, &[1; 16]).unwrap();
    let mut stream = Stream::decrypt(&key, Scheme::AesGcm, &parameter(Scheme::AesGcm)).unwrap();
    let part = vec![0; crypto::stream::MAX_HELD];
    stream.update(&part, &mut Vec::new()).unwrap();
    stream.update(&[0; 12], &mut Vec::new()).unwrap();
    assert_eq!(stream.update(&[0], &mut Vec::new()), Err(Error::EncryptedDataLength));
}
