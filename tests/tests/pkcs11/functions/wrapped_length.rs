//! Wrapped keys of lengths that cannot be, by themselves or for their templates (PKCS#11 3.2 section 5.18.4): what
//! everybody can see from outside is told, and what only the unwrapped bytes say is not told apart from a wrong padding.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{NO, YES, ec, number, rsa};
use coffer_tests::c::{Handle, Mechanism, Session, plain, with};

const LENGTH: CK_RV = CKR_WRAPPED_KEY_LEN_RANGE;
const INVALID: CK_RV = CKR_WRAPPED_KEY_INVALID;

/// A mechanism, the keys that wrap and unwrap, and what it makes of the lengths of values.
struct Row<'p> {
    name: &'static str,
    mechanism: Mechanism<'p>,
    authenticated: bool,
    keys: (Handle, Handle),
    /// Bytes in front of the value, before padding.
    front: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A tag of so many bytes.
    Tagged(usize),
    /// AES key wrap.
    Wrapped,
    /// AES key wrap with padding.
    Padded,
    /// AES-CBC with padding.
    Blocks,
    /// As long as the modulus, with at least so many bytes of padding; `true` where the padding is sure.
    Modulus(usize, bool),
}

impl Row<'_> {
    fn unwrap(
        &self,
        session: Session,
        wrapped: &[u8],
        template: &[(u64, &[u8])],
    ) -> Result<Handle, CK_RV> {
        if self.authenticated {
            session.unwrap_authenticated(&self.mechanism, self.keys.1, wrapped, template, b"data")
        } else {
            session.unwrap(&self.mechanism, self.keys.1, wrapped, template)
        }
    }

    fn wrap(&self, session: Session, key: Handle) -> Vec<u8> {
        let wrapped = if self.authenticated {
            session.wrap_authenticated(&self.mechanism, self.keys.0, key, b"data")
        } else {
            session.wrap(&self.mechanism, self.keys.0, key)
        };
        wrapped.unwrap_or_else(|code| panic!("{}: {code:#x}", self.name))
    }

    /// Whether a value of `value` bytes can be in `wrapped` bytes.
    fn can_be(&self, value: usize, wrapped: usize) -> bool {
        match self.kind {
            Kind::Tagged(tag) => wrapped == value + tag,
            Kind::Wrapped => value >= 16 && value.is_multiple_of(8) && wrapped == value + 8,
            Kind::Padded => value > 0 && wrapped == self.front + value.next_multiple_of(8) + 8,
            Kind::Blocks => wrapped == (value / 16 + 1) * 16,
            Kind::Modulus(padding, _) => wrapped == 256 && value + padding <= 256,
        }
    }

    /// The code of a value of `value` bytes, wrapped to `wrapped` bytes, with a template that wants another.
    fn conflict(&self, wanted: usize, wrapped: usize) -> CK_RV {
        let is_sure = !matches!(self.kind, Kind::Blocks | Kind::Modulus(_, false));
        if is_sure || !self.can_be(wanted, wrapped) { LENGTH } else { INVALID }
    }
}

const fn gcm(nonce: *mut u8) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: nonce,
        ulIvLen: 12,
        ulIvBits: 96,
        pAAD: std::ptr::null_mut(),
        ulAADLen: 0,
        ulTagBits: 128,
    }
}

/// Runs with every mechanism that unwraps.
fn with_rows(session: Session, run: impl Fn(&Row<'_>)) {
    let wraps = [CKA_WRAP, CKA_UNWRAP];
    let aes = session.create_secret(CKK_AES, &[7; 32], &wraps).unwrap();
    let chacha = session.create_secret(CKK_CHACHA20, &[8; 32], &wraps).unwrap();
    let rsa = rsa(session, &[]);
    let ec = ec(session, &[(CKA_WRAP, YES)], &[(CKA_UNWRAP, YES)]);
    let (mut nonce, mut iv) = ([5_u8; 12], [6_u8; 16]);
    let gcm = gcm(nonce.as_mut_ptr());
    let ccm = CK_CCM_PARAMS {
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: 12,
        ulMACLen: 8,
        ..Default::default()
    };
    let poly = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: 12,
        ..Default::default()
    };
    let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        source: CKZ_DATA_SPECIFIED,
        ..Default::default()
    };
    let envelope = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, pOAEPParams: &raw mut oaep };
    let agreed = CK_ECDH_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: 256,
        kdf: CKD_SHA256_KDF,
        ..Default::default()
    };
    let both = (aes, aes);
    let row = |name, mechanism, keys, front, kind| Row {
        name,
        mechanism,
        authenticated: false,
        keys,
        front,
        kind,
    };
    let rows = [
        row("KW", plain(CKM_AES_KEY_WRAP), both, 0, Kind::Wrapped),
        row("KWP", plain(CKM_AES_KEY_WRAP_KWP), both, 0, Kind::Padded),
        row("KW_PAD", plain(CKM_AES_KEY_WRAP_PAD), both, 0, Kind::Padded),
        row("GCM", with(CKM_AES_GCM, &gcm), both, 0, Kind::Tagged(16)),
        row("CCM", with(CKM_AES_CCM, &ccm), both, 0, Kind::Tagged(8)),
        row("CBC_PAD", with(CKM_AES_CBC_PAD, &iv), both, 0, Kind::Blocks),
        row("PKCS1", plain(CKM_RSA_PKCS), rsa, 0, Kind::Modulus(11, false)),
        row("OAEP", with(CKM_RSA_PKCS_OAEP, &oaep), rsa, 0, Kind::Modulus(66, true)),
        row("RSA_AES", with(CKM_RSA_AES_KEY_WRAP, &envelope), rsa, 256, Kind::Padded),
        row("ECDH_AES", with(CKM_ECDH_AES_KEY_WRAP, &agreed), ec, 65, Kind::Padded),
        Row {
            authenticated: true,
            ..row("GCM", with(CKM_AES_GCM, &gcm), both, 0, Kind::Tagged(16))
        },
        Row {
            authenticated: true,
            ..row("CCM", with(CKM_AES_CCM, &ccm), both, 0, Kind::Tagged(8))
        },
        Row {
            authenticated: true,
            ..row("POLY", with(CKM_CHACHA20_POLY1305, &poly), (chacha, chacha), 0, Kind::Tagged(16))
        },
    ];
    rows.iter().for_each(run);
    // They were pointed to.
    (nonce[0], iv[0]) = (0, 0);
    assert_eq!((nonce[0], iv[0]), (0, 0));
}

/// A template of a secret key, and `CKA_VALUE_LEN` where it is to say that.
fn template<'t>(kind: &'t [u8], said: Option<&'t [u8]>) -> Vec<(u64, &'t [u8])> {
    const CLASS: [u8; 8] = number(CKO_SECRET_KEY);
    let mut template = vec![(CKA_CLASS, &CLASS[..]), (CKA_KEY_TYPE, kind), (CKA_TOKEN, NO)];
    template.extend(said.map(|said| (CKA_VALUE_LEN, said)));
    template
}

#[test]
fn lengths_that_no_wrapping_gives_are_told() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        with_rows(session, |row| {
            let generic = number(CKK_GENERIC_SECRET);
            let thirty_two = number(32);
            // PKCS #1 v1.5 needs the length, the others do not.
            let said = (row.kind == Kind::Modulus(11, false)).then_some(&thirty_two[..]);
            let private =
                [(CKA_CLASS, &number(CKO_PRIVATE_KEY)[..]), (CKA_KEY_TYPE, &number(CKK_EC)[..])];
            let takes_private = !matches!(row.kind, Kind::Modulus(..));
            for wrapped in (0..=70)
                .chain([250, 255, 256, 257, 264, 271, 272, 273, 280, 1000, 1024, 4096, 20_000])
            {
                let bytes = vec![1; wrapped];
                let can_be = (1..=1024).any(|value| row.can_be(value, wrapped));
                let opened = row.unwrap(session, &bytes, &template(&generic, said));
                let expected = if can_be { INVALID } else { LENGTH };
                match opened {
                    // Any block may end in what reads as a padding.
                    Ok(_) => assert!(can_be && row.kind == Kind::Blocks),
                    Err(code) => assert_eq!(code, expected, "{} {wrapped}", row.name),
                }
                if takes_private && wrapped <= 280 {
                    let can_be = (0..=300).any(|value| row.can_be(value, wrapped));
                    let expected = if can_be { INVALID } else { LENGTH };
                    let opened = row.unwrap(session, &bytes, &private);
                    assert_eq!(opened, Err(expected), "{} private {wrapped}", row.name);
                }
            }
        });
    });
}

#[test]
fn lengths_that_the_template_does_not_have_are_told_where_that_betrays_nothing() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        with_rows(session, |row| {
            for value in [16, 32, 40] {
                let bytes: Vec<u8> = (0..=255).take(value).collect();
                let secret = session.create_secret(CKK_GENERIC_SECRET, &bytes, &[]).unwrap();
                let wrapped = row.wrap(session, secret);
                assert!(row.can_be(value, wrapped.len()), "{} {value}", row.name);
                for (name, kind, takes) in [
                    ("generic", CKK_GENERIC_SECRET, &(1..=1024).collect::<Vec<usize>>()[..]),
                    ("AES", CKK_AES, &[16, 24, 32]),
                    ("ChaCha20", CKK_CHACHA20, &[32]),
                    ("XTS", CKK_AES_XTS, &[32, 64]),
                ] {
                    let kind = number(kind);
                    for said in [None, Some(0), Some(16), Some(17), Some(32), Some(40), Some(2000)]
                    {
                        let what = format!("{} {value} {name} {said:?}", row.name);
                        let number = said.map(|said: usize| number(said as CK_ULONG));
                        let said_bytes = number.as_ref().map(|number| &number[..]);
                        let opened = row.unwrap(session, &wrapped, &template(&kind, said_bytes));
                        let wanted = said.unwrap_or(value);
                        let expected = if said.is_none()
                            && row.kind == Kind::Modulus(11, false)
                            && name != "ChaCha20"
                        {
                            Err(CKR_TEMPLATE_INCOMPLETE)
                        } else if wanted == value && takes.contains(&value) {
                            Ok(())
                        } else if said.is_some_and(|said| !takes.contains(&said)) {
                            Err(LENGTH)
                        } else if said.is_none() {
                            // What the type takes may be in there, for all that can be seen.
                            let seen =
                                takes.iter().find(|length| row.can_be(**length, wrapped.len()));
                            Err(seen.map_or(LENGTH, |length| row.conflict(*length, wrapped.len())))
                        } else {
                            Err(row.conflict(wanted, wrapped.len()))
                        };
                        assert_eq!(opened.map(drop), expected, "{what}");
                        if let Ok(made) = opened {
                            session.destroy(made).unwrap();
                        }
                    }
                }
                session.destroy(secret).unwrap();
            }
            // The length of a private key is not for its template to say.
            let (class, kind, sixteen) = (number(CKO_PRIVATE_KEY), number(CKK_EC), number(16));
            let template =
                [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &kind), (CKA_VALUE_LEN, &sixteen)];
            let opened = row.unwrap(session, &[1; 272], &template);
            assert_eq!(opened, Err(CKR_TEMPLATE_INCONSISTENT), "{}", row.name);
        });
    });
}
