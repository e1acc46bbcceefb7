//! Digests: SHA-1 and SHA-2 (FIPS 180-4), SHA-3 (FIPS 202), SM3 (GB/T 32905).

use coffer_protocol::mechanism::Hash;
use sm3::Digest;

/// Runs an expression with `$D` standing for the type of a SHA hash; SM3 is an error.
macro_rules! with_sha {
    ($hash:expr, $D:ident => $run:expr) => {{
        use coffer_protocol::mechanism::Hash;
        macro_rules! run {
            ($type:ty) => {{
                type $D = $type;
                $crate::crypto::hash::apart(|| $run)
            }};
        }
        match $hash {
            Hash::Sha1 => run!(sha1::Sha1),
            Hash::Sha224 => run!(sha2::Sha224),
            Hash::Sha256 => run!(sha2::Sha256),
            Hash::Sha384 => run!(sha2::Sha384),
            Hash::Sha512 => run!(sha2::Sha512),
            Hash::Sha512_224 => run!(sha2::Sha512_224),
            Hash::Sha512_256 => run!(sha2::Sha512_256),
            Hash::Sha3_224 => run!(sha3::Sha3_224),
            Hash::Sha3_256 => run!(sha3::Sha3_256),
            Hash::Sha3_384 => run!(sha3::Sha3_384),
            Hash::Sha3_512 => run!(sha3::Sha3_512),
            Hash::Sm3 => Err($crate::crypto::Error::Mechanism),
        }
    }};
}
pub(super) use with_sha;

/// Runs in a stack frame of its own: a function with an arm for each hash, or for each two, would otherwise have
/// room for what all of them need, and the vault's stacks are small.
#[inline(never)]
pub(super) fn apart<T>(run: impl FnOnce() -> T) -> T {
    run()
}

/// Makes [`Hasher`] of a row for each hash function.
macro_rules! hashers {
    ($( $hash:ident $type:ty, $name:literal; )*) => {
        /// A digest in the making.
        pub enum Hasher {
            $( #[doc = concat!($name, ".")] $hash($type) ),*
        }

        impl Hasher {
            /// An empty digest.
            pub fn new(hash: Hash) -> Self {
                match hash { $( Hash::$hash => Self::$hash(<$type>::new()) ),* }
            }

            /// Takes one more part of the message.
            pub fn update(&mut self, part: &[u8]) {
                match self { $( Self::$hash(state) => state.update(part) ),* }
            }

            /// The digest.
            pub fn finish(self) -> Vec<u8> {
                match self { $( Self::$hash(state) => state.finalize().to_vec() ),* }
            }
        }
    };
}

hashers! {
    Sha1       sha1::Sha1,       "SHA-1";
    Sha224     sha2::Sha224,     "SHA-224";
    Sha256     sha2::Sha256,     "SHA-256";
    Sha384     sha2::Sha384,     "SHA-384";
    Sha512     sha2::Sha512,     "SHA-512";
    Sha512_224 sha2::Sha512_224, "SHA-512/224";
    Sha512_256 sha2::Sha512_256, "SHA-512/256";
    Sha3_224   sha3::Sha3_224,   "SHA3-224";
    Sha3_256   sha3::Sha3_256,   "SHA3-256";
    Sha3_384   sha3::Sha3_384,   "SHA3-384";
    Sha3_512   sha3::Sha3_512,   "SHA3-512";
    Sm3        sm3::Sm3,         "SM3";
}

/// The digest of a message.
pub fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(hash);
    hasher.update(message);
    hasher.finish()
}
