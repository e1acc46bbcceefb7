//! The known answers, in hexadecimal.

use coffer_protocol::mechanism::Hash;

use crate::crypto::Error;

/// Digests of "abc": FIPS 180-4 and FIPS 202 examples, GB/T 32905 appendix A.1.
pub(super) const DIGESTS: &[(Hash, &str)] = &[
    (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        Hash::Sha384,
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        Hash::Sha512,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (Hash::Sha512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
    (Hash::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    (Hash::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    (Hash::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    (
        Hash::Sha3_384,
        "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
    ),
    (
        Hash::Sha3_512,
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ),
    (Hash::Sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
];

/// HMAC with key "Jefe" over "what do ya want for nothing?": RFC 2202 and RFC 4231 case 2; the
/// others as OpenSSL computes them.
pub(super) const CODES: &[(Hash, &str)] = &[
    (Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (Hash::Sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
    (Hash::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (
        Hash::Sha384,
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    ),
    (
        Hash::Sha512,
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (Hash::Sha512_224, "4a530b31a79ebcce36916546317c45f247d83241dfb818fd37254bde"),
    (Hash::Sha512_256, "6df7b24630d5ccb2ee335407081a87188c221489768fa2020513b2d593359456"),
    (Hash::Sha3_224, "7fdb8dd88bd2f60d1b798634ad386811c2cfc85bfaf5d52bbace5e66"),
    (Hash::Sha3_256, "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"),
    (
        Hash::Sha3_384,
        "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a",
    ),
    (
        Hash::Sha3_512,
        "5a4bfeab6166427c7a3647b747292b8384537cdb89afb3bf5665e4c5e709350b287baec921fd7ca0ee7a0c31d022a95e1fc92ba9d77df883960275beb4e62024",
    ),
    (Hash::Sm3, "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882"),
];

/// SHA-512/t of "abc" and HMAC with key "Jefe" over "what do ya want for nothing?": as above for 224 bits, and for
/// 160 as a program of its own computes them.
pub(super) const TRUNCATED: &[(u32, &str, &str)] = &[
    (160, "0a74fe1b43eecbea62182658da8a68b8acef25bf", "b3065e82962af2f267cef13e5988fba2fb547e55"),
    (
        224,
        "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
        "4a530b31a79ebcce36916546317c45f247d83241dfb818fd37254bde",
    ),
];

/// RFC 5869 appendix A.1.
pub(super) const HKDF_SALT: &str = "000102030405060708090a0b0c";
pub(super) const HKDF_INFO: &str = "f0f1f2f3f4f5f6f7f8f9";
pub(super) const HKDF_OUTPUT: &str =
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";

/// RFC 7914 section 11: what PBKDF2 with SHA-256 makes of "passwd" and "salt" in one iteration, and RFC 6070: what it
/// makes of "password" with SHA-1 in two.
pub(super) const PBKDF2: &str = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783";
pub(super) const PBKDF2_TWICE: &str = "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957";

/// What OpenSSL's KBKDF makes of the key 00 01 … 1f with HMAC-SHA-256, the label "label" and the context "context";
/// feedback begins with the same bytes as the key.
pub(super) const KDF_COUNTER: &str = "4074371b251d6edef8141e9e3e04183d0d2cf48211479bdc77334f613978aed6ddf046629ae7207e8495cc8857c0f20367cae7cdf78b43b5354c4d00948541029fa882e55480";
pub(super) const KDF_FEEDBACK: &str = "0c73a218869318313805b2676611efc01d3055d340e5bf2c2964d6c8a6657c71a7daa17ac633f2a25627eed6f13784f5ebe1f805ff22e5bf9c839776320afa6c8b05b7c5e310";

/// NIST CAVP, KDF in double-pipeline mode with AES-128-CMAC and a counter of 32 bits: key, fixed input, result.
pub(super) const KDF_PIPELINE: [&str; 3] = [
    "2303ba6761332aa885b25e371b4d1015",
    "eb933ae1ce644e79078a78354b46f1b26ab99b68bc7526e8d583251ab4e0332ad6b10eeedabbb731706abcfabcfb40c00449ef",
    "b61b5033c09a120bea322b37779776503e6d0140b4842c0d16cc7712f6931fb162b0cd0cf577b026a8c5de53fdf54fc381e804503f8e69963e86b6ce1e6a72c972c6e32e6cd8",
];

/// The vector for the pseudorandom function of TLS 1.2 with SHA-256 that the authors of implementations agreed on:
/// secret, label, seed, result.
pub(super) const TLS_SECRET: &str = "9bbe436ba940f017b17652849a71db35";
pub(super) const TLS_LABEL: &[u8] = b"test label";
pub(super) const TLS_SEED: &str = "a0ba9f936cda311827a6f796ffd5198c";
pub(super) const TLS_RESULT: &str = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66";

/// Key, plaintext, ciphertext: SP 800-38A sections F.2.1, F.2.3 and F.2.5, first blocks.
pub(super) const AES_CBC: &[[&str; 3]] = &[
    [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
    ],
    [
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
    ],
    [
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    ],
];

/// Key, plaintext, ciphertext: SP 800-38A sections F.5.1 and F.5.5, first blocks.
pub(super) const AES_CTR: &[[&str; 3]] = &[
    [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
    ],
    [
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5",
    ],
];

/// The GCM specification's test cases 4 and 16.
pub(super) const GCM_IV: &str = "cafebabefacedbaddecaf888";
pub(super) const GCM_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
pub(super) const AES_GCM: &[[&str; 3]] = &[
    [
        "feffe9928665731c6d6a8f9467308308",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    ],
];

/// Key, plaintext, ciphertext: SP 800-38A section F.1.1, first block.
pub(super) const AES_ECB: [&str; 3] = [
    "2b7e151628aed2a6abf7158809cf4f3c",
    "6bc1bee22e409f96e93d7e117393172a",
    "3ad77bb40d7a3660a89ecaf32466ef97",
];

/// The same: sections F.3.7, F.3.13 and F.4.1, with the initialisation vector 00 01 … 0f.
pub(super) const AES_CFB8: [&str; 3] =
    [AES_ECB[0], "6bc1bee22e409f96e93d7e117393172aae2d", "3b79424c9c0dd436bace9e0ed4586a4f32b9"];
pub(super) const AES_CFB128: [&str; 3] = [
    AES_ECB[0],
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
    "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b",
];
pub(super) const AES_OFB: [&str; 3] =
    [AES_ECB[0], AES_CFB128[1], "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"];

/// The same: RFC 3962 appendix B, 17 bytes, with the last two blocks in their order.
pub(super) const AES_CTS: [&str; 3] = [
    "636869636b656e207465726979616b69",
    "4920776f756c64206c696b652074686520",
    "97c6353568f2bf8cb4d8a580362da7ff7f",
];

/// The same: IEEE 1619 appendix B, vector 15, for the data unit 0x123456789a.
pub(super) const AES_XTS: [&str; 3] = [
    "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0",
    "000102030405060708090a0b0c0d0e0f10",
    "6c1625db4671522d3d7599601de7ca09ed",
];

/// The same: RFC 8439 appendix A.1, the second block with a zero key and nonce.
pub(super) const CHACHA20: [&str; 3] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "00000000000000000000000000000000",
    "9f07e7be5551387a98ba977c732d080d",
];

/// Key, message, code: SP 800-38B, AES-128, example 2.
pub(super) const AES_CMAC: [&str; 3] = [
    "2b7e151628aed2a6abf7158809cf4f3c",
    "6bc1bee22e409f96e93d7e117393172a",
    "070a16b46b4d4144f79bdd9dd04a287c",
];

/// Nonce, associated data; key, plaintext, ciphertext: SP 800-38C, example 1.
pub(super) const CCM_NONCE: &str = "10111213141516";
pub(super) const CCM_AAD: &str = "0001020304050607";
pub(super) const AES_CCM: [&str; 3] =
    ["404142434445464748494a4b4c4d4e4f", "20212223", "7162015b4dac255d"];

/// Key, value, wrapped: RFC 3394 section 4.1.
pub(super) const AES_KEY_WRAP: [&str; 3] = [
    "000102030405060708090a0b0c0d0e0f",
    "00112233445566778899aabbccddeeff",
    "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
];

/// Key, value, wrapped: RFC 5649 section 6.
pub(super) const AES_KEY_WRAP_PAD: [&str; 3] = [
    "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
    "c37b7e6492584340bed12207808941155068f738",
    "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
];

/// Nonce, associated data; key, plaintext, ciphertext: RFC 8439 section 2.8.2.
pub(super) const CHACHA_NONCE: &str = "070000004041424344454647";
pub(super) const CHACHA_AAD: &str = "50515253c0c1c2c3c4c5c6c7";
pub(super) const CHACHA20_POLY1305: [&str; 3] = [
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
    "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e",
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
];

/// RFC 8998 appendix A.1.
pub(super) const SM4_IV: &str = "00001234567800000000abcd";
pub(super) const SM4_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
pub(super) const SM4_GCM: [&str; 3] = [
    "0123456789abcdeffedcba9876543210",
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d83de3541e4c2b58177e065a9bf7b62ec",
];

/// GB/T 32918.5 appendices A.2 and C.2: scalar, signature r‖s over "message digest", ciphertext
/// X‖Y‖C3‖C2.
pub(super) const SM2_SCALAR: &str =
    "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
pub(super) const SM2_SIGNATURE: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
pub(super) const SM2_MESSAGE: &[u8] = b"encryption standard";
pub(super) const SM2_CIPHERTEXT: &str = "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df059983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd876621886ca989ca9c7d58087307ca93092d651efa";

/// What the values of `rsa.txt` sign and encrypt.
pub(super) const RSA_MESSAGE: &[u8] = b"Coffer known answer";

/// The value of `rsa.txt` with this name.
pub(super) fn rsa(name: &str) -> Result<Vec<u8>, Error> {
    let mut lines = include_str!("rsa.txt").lines().skip_while(|line| *line != name).skip(1);
    let digits: String = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    hex(&digits)
}

/// The answer for this hash.
pub(super) fn of(table: &[(Hash, &str)], hash: Hash) -> Result<Vec<u8>, Error> {
    let answer = table.iter().find(|(kind, _)| *kind == hash).ok_or(Error::Internal)?;
    hex(answer.1)
}

/// Decodes hexadecimal.
pub(super) fn hex(digits: &str) -> Result<Vec<u8>, Error> {
    ::hex::decode(digits).map_err(|_| Error::Internal)
}
