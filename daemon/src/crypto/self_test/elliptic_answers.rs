//! The known answers on elliptic curves, in hexadecimal.

use coffer_protocol::mechanism::Hash;

use crate::crypto::ecdsa::Curve;

/// The answers on a curve over a prime field.
pub(super) struct Prime {
    pub(super) curve: Curve,
    /// The name of the test of signatures.
    pub(super) ecdsa: &'static str,
    /// The name of the test of agreement.
    pub(super) ecdh: &'static str,
    /// The name of the test of signatures by the second implementation, where it has the curve.
    pub(super) fast: Option<&'static str>,
    /// What "sample" is hashed with.
    pub(super) hash: Hash,
    /// Scalar, point, signature over "sample".
    pub(super) signed: [&'static str; 3],
    /// Scalar, point of the other side, shared secret.
    pub(super) agreed: [&'static str; 3],
}

/// The NIST curves: RFC 6979 appendices A.2.3 to A.2.7, and from P-256 on NIST CAVP, SP 800-56A ECC CDH primitive, count
/// 0. What no standard has was computed with integers of any length, after FIPS 186-5, RFC 6979, SEC 2 and RFC 5639.
pub(super) const PRIME: &[Prime] = &[
    Prime {
        curve: Curve::P192,
        ecdsa: "ECDSA P-192",
        ecdh: "ECDH P-192",
        fast: None,
        hash: Hash::Sha256,
        signed: [
            "6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4",
            "04ac2c77f529f91689fea0ea5efec7f210d8eea0b9e047ed563bc723e57670bd4887ebc732c523063d0a7c957bc97c1c43",
            "4b0b8ce98a92866a2820e20aa6b75b56382e0f9bfd5ecb55ccdb006926ea9565cbadc840829d8c384e06de1f1e381b85",
        ],
        agreed: [
            "6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4",
            "04195e414c7b813cd5a53ea6b7f88e8f7a7b66c312b1d66d03cfe90e7af99504b66a4bf10df22c572421120ea456dd0d70",
            "b0cf9ed6f5ccc152f871a4f056968d3701bc28744105681f",
        ],
    },
    Prime {
        curve: Curve::P224,
        ecdsa: "ECDSA P-224",
        ecdh: "ECDH P-224",
        fast: None,
        hash: Hash::Sha256,
        signed: [
            "f220266e1105bfe3083e03ec7a3a654651f45e37167e88600bf257c1",
            "0400cf08da5ad719e42707fa431292dea11244d64fc51610d94b130d6ceeab6f3debe455e3dbf85416f7030cbd94f34f2d6f232c69f3c1385a",
            "61aa3da010e8e8406c656bc477a7a7189895e7e840cdfe8ff42307babc814050dab5d23770879494f9e0a680dc1af7161991bde692b10101",
        ],
        agreed: [
            "f220266e1105bfe3083e03ec7a3a654651f45e37167e88600bf257c1",
            "046a68d49029c159c1b1bb26563763a0feed6f468168ae7a1fc3bb8f1870ff0faa4e4d45f3db5220a113b4478388459ff5fd5dd60add122cf3",
            "35b47aaf8e06210e007a547642e83e7e27f38f46d6cb4b6819f11111",
        ],
    },
    Prime {
        curve: Curve::P256,
        ecdsa: "ECDSA P-256",
        ecdh: "ECDH P-256",
        fast: Some("AWS-LC ECDSA P-256"),
        hash: Hash::Sha256,
        signed: [
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ],
        agreed: [
            "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
            "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
            "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b",
        ],
    },
    Prime {
        curve: Curve::P384,
        ecdsa: "ECDSA P-384",
        ecdh: "ECDH P-384",
        fast: Some("AWS-LC ECDSA P-384"),
        hash: Hash::Sha384,
        signed: [
            "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
            "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        ],
        agreed: [
            "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf98a1",
            "04a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0c50066ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c64766fc8437a",
            "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1",
        ],
    },
    Prime {
        curve: Curve::P521,
        ecdsa: "ECDSA P-521",
        ecdh: "ECDH P-521",
        fast: Some("AWS-LC ECDSA P-521"),
        hash: Hash::Sha512,
        signed: [
            "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            "0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
            "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
        ],
        agreed: [
            "017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4eac6564f6ee9974c5e6887a1fefee5743ae2241bfeb95d5ce31ddcb6f9edb4d6fc47",
            "0400685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a9490340854334b1e1b87fa395464c60626124a4e70d0f785601d37c09870ebf176666877a2046d01ba52c56fc8776d9e8f5db4f0cc27636d0b741bbe05400697942e80b739884a83bde99e0f6716939e632bc8986fa18dccd443a348b6c3e522497955a4f3c302f676",
            "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e136672d72cc770742d1711c3c3a4c334a0ad9759436a4d3c5bf6e74b9578fac148c831",
        ],
    },
    Prime {
        curve: Curve::Secp256k1,
        ecdsa: "ECDSA secp256k1",
        ecdh: "ECDH secp256k1",
        fast: None,
        hash: Hash::Sha256,
        signed: [
            "5556e2a9a96c237b806e6ff6480d6c97aea226f9d51786dbc86875b60076adb3",
            "0408441342de4193daf345cb077ad8d72b15014af421424558eb76ee06098086977345321276137f6e88e34f0b15dfab439d63dfb9c53d46ae861bc0a8cc3095e9",
            "8c9891e620ed206b06cd3c8fea6452dd1af635691ea1c3ddc3d842e9ed407a243c139e9e9f52050c3d51bbfe91efb32e0fc75e49165895e48bf0d07a77e96991",
        ],
        agreed: [
            "5556e2a9a96c237b806e6ff6480d6c97aea226f9d51786dbc86875b60076adb3",
            "04b7c93ff1a1acc5b1914cd95508aa275839896d53602e855fe3bcc5f5a8773057f1f7eaf823682ba518351510cf31a186aff349cdf262ddd3ad70116fb12306e7",
            "228957c4948697d3026707a1891962a28db645fbf9666b53ed6e0a0480505884",
        ],
    },
    Prime {
        curve: Curve::BrainpoolP256r1,
        ecdsa: "ECDSA brainpoolP256r1",
        ecdh: "ECDH brainpoolP256r1",
        fast: None,
        hash: Hash::Sha256,
        signed: [
            "18a3fcdf9ba0f6cee0803469861d4907e6b82d5a258e8a10565f7738f4c7a1db",
            "047f51cea98357a766b84b1e6346065446f35827c7276d8f76e0fc4f8672b2902a54fbc4ccd4c819b0cc0a315b3a9f588c21d5f8b98909ecf345be8cf5506cfd44",
            "05cdd7f44ad896f7ee9f4ec7b5dfd1a52dd50e5377cc377dd609ebb6bb1d02310534d53d1eef003c16ebe70f099e8bf1059f0a4326db49c65d63274eb3437fb9",
        ],
        agreed: [
            "18a3fcdf9ba0f6cee0803469861d4907e6b82d5a258e8a10565f7738f4c7a1db",
            "04350a63f1083174b9ed2461f2575b91eae37c0814230957a03ccb70261787989b99fd743e9edf844cb1c01937e612abf10102581cdf30114ec2b4f7ce14e82dd5",
            "56c4bbc7227a04dada311e4d145d070f56998846168bff59871ee9a82f364ff8",
        ],
    },
    Prime {
        curve: Curve::BrainpoolP384r1,
        ecdsa: "ECDSA brainpoolP384r1",
        ecdh: "ECDH brainpoolP384r1",
        fast: None,
        hash: Hash::Sha384,
        signed: [
            "1ecf81ed3d5e4cf2c04d8b6bc3cd5d0edc614db37eea048c1db5b058557c9f1ebd098fe383b1c9614981e3f381017ba5",
            "044bd91dd453aeeb36f13bbc73e5fc2600c4c00e14f6e483b984a03a3d6421413d2bbc9a954ba99eeaed921c3e9bfa759744ce2b6df78431d1142c9f18e947f8e04fdb74790aa16f7bafabeb0cbc9c2b9aec2cee16f9810e5fc265f30811a39eaa",
            "771381164464751ab22ce2ed5fcf868a816aeba93b005495422b9db71c4d491be013c1496098e7f85a3da8fbcd221147662030fed92cbb65f4b17f58f7fc917d478dddf138384bded2be60d21cc69ee89a3274b9704a636f8ac7d3dd2b6ee77e",
        ],
        agreed: [
            "1ecf81ed3d5e4cf2c04d8b6bc3cd5d0edc614db37eea048c1db5b058557c9f1ebd098fe383b1c9614981e3f381017ba5",
            "047636c5fbc59d0436011e0f3db47c9d5d3959d5e060c0f5c0185c36a604262e959c3e5a238f87fa978906ccfdc5b261772c10c60079f219197fa8c53080340f38fe1338e7717e29b1460b1edd9ffc1755a38aaaee07223176d6e3a55defbc855f",
            "0c5f75ca63d0c9b37138ae38cf0015bc842bafb3a8471b93b3253e194f4e719d7dbcc108c2db4e205fb2237cac9479f1",
        ],
    },
];

/// An answer of EdDSA.
pub(super) struct Edwards {
    pub(super) curve: Curve,
    /// The name of the test.
    pub(super) name: &'static str,
    /// Whether the message's hash is signed, and the context.
    pub(super) parameter: (bool, &'static [u8]),
    /// Seed, point, message, signature.
    pub(super) signed: [&'static str; 4],
}

/// RFC 8032 section 7.1 test 2, section 7.2 "foo", section 7.3; section 7.4 "1 octet" and "1 octet (with context)",
/// section 7.5 "TEST abc (with context)".
pub(super) const EDWARDS: &[Edwards] = &[
    Edwards {
        curve: Curve::Ed25519,
        name: "Ed25519",
        parameter: (false, b""),
        signed: [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
    },
    Edwards {
        curve: Curve::Ed25519,
        name: "Ed25519ctx",
        parameter: (false, b"foo"),
        signed: [
            "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
            "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292",
            "f726936d19c800494e3fdaff20b276a8",
            "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
        ],
    },
    Edwards {
        curve: Curve::Ed25519,
        name: "Ed25519ph",
        parameter: (true, b""),
        signed: [
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "616263",
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
        ],
    },
    Edwards {
        curve: Curve::Ed448,
        name: "Ed448",
        parameter: (false, b""),
        signed: [
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
            "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
            "03",
            "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00",
        ],
    },
    Edwards {
        curve: Curve::Ed448,
        name: "Ed448 with a context",
        parameter: (false, b"foo"),
        signed: [
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
            "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
            "03",
            "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d607217fce6e042f6815ea000c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad10d54d0d5428407e85dcbc98a49155c13764e66c3c00",
        ],
    },
    Edwards {
        curve: Curve::Ed448,
        name: "Ed448ph",
        parameter: (true, b"foo"),
        signed: [
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde69e3ab2cec7c867c6e2c49",
            "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743c09428a131d6b1b57303d90d8132c276d5ed3d5d01c0f53880",
            "616263",
            "c32299d46ec8ff02b54540982814dce9a05812f81962b649d528095916a2aa481065b1580423ef927ecf0af5888f90da0f6a9a85ad5dc3f280d91224ba9911a3653d00e484e2ce232521481c8658df304bb7745a73514cdb9bf3e15784ab71284f8d0704a608c54a6b62d97beb511d132100",
        ],
    },
];

/// An answer of X25519 or X448.
pub(super) struct Montgomery {
    pub(super) curve: Curve,
    /// The name of the test.
    pub(super) name: &'static str,
    /// The hash that key bytes are derived with.
    pub(super) kdf: Option<Hash>,
    /// Scalar, point of the other side, shared secret or key bytes.
    pub(super) agreed: [&'static str; 3],
}

/// RFC 7748 sections 6.1 and 6.2; and 48 bytes that OpenSSL's X963KDF makes of the first with SHA-256.
pub(super) const MONTGOMERY: &[Montgomery] = &[
    Montgomery {
        curve: Curve::X25519,
        name: "X25519",
        kdf: None,
        agreed: [
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ],
    },
    Montgomery {
        curve: Curve::X448,
        name: "X448",
        kdf: None,
        agreed: [
            "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
            "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
        ],
    },
    Montgomery {
        curve: Curve::X25519,
        name: "X9.63 key derivation",
        kdf: Some(Hash::Sha256),
        agreed: [
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "f574da43cc564fcb820e8c9e19bd02ef7a21ba46ba71c743409928bf285973c96a3c0b87c2133bf0e1a33cc4a06e7692",
        ],
    },
];

/// What both sides know when key bytes are derived.
pub(super) const X963_SHARED: &[u8] = b"Coffer";
