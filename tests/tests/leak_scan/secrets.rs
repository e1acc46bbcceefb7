//! All that is secret and known to the leak scan.

use coffer_tests::daemon::Daemon;
use coffer_tests::known::{FAMILIES, Family};
use coffer_tests::leak_scanner::{Named, Patterns, root};
use coffer_tests::load::KnownKeys;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use serde_json::{Value, json};

/// Threads of the application that use RSA and AES through the module; each family that the daemon uses has one more.
const SESSIONS: usize = 2;

/// All that is secret and known to the test.
pub(crate) struct Secrets {
    pub(crate) keys: KnownKeys,
    /// Of each family that the daemon uses.
    pub(crate) families: Vec<(&'static Family, Vec<u8>)>,
    /// The user's PIN and the security officer's.
    pub(crate) pins: [String; 2],
}

impl Secrets {
    pub(crate) fn random() -> Self {
        let pin = || {
            let mut pin = [0; 12];
            getrandom::fill(&mut pin).unwrap();
            hex::encode(pin)
        };
        let used = FAMILIES.iter().filter(|family| family.daemon.is_some());
        let families = used.map(|family| (family, (family.make)())).collect();
        Self { keys: KnownKeys::random(), families, pins: [pin(), pin()] }
    }

    pub(crate) fn patterns(&self, daemon: &Daemon) -> Patterns {
        let pins = ["user PIN", "SO PIN"].into_iter().zip(&self.pins);
        let pins = pins.map(|(name, pin)| (name.to_owned(), pin.as_bytes().to_vec()));
        let families = self.families.iter();
        let mut named: Named = families
            .flat_map(|(family, secret)| family.named((family.patterns)(secret)))
            .chain(pins)
            .collect();
        named.extend(root::patterns(daemon.directory()));
        Patterns::all([self.keys.patterns(), Patterns::new(named)])
    }

    pub(crate) fn to_json(&self) -> Value {
        let der = self.keys.rsa.to_pkcs8_der().unwrap();
        let families: Vec<_> = self
            .families
            .iter()
            .map(|(family, secret)| json!([family.name, hex::encode(secret)]))
            .collect();
        json!({
            "aes": hex::encode(self.keys.aes), "rsa": hex::encode(der.as_bytes()),
            "pins": self.pins, "families": families,
        })
    }

    pub(crate) fn from_json(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let keys = KnownKeys {
            aes: bytes(&value["aes"]).try_into().unwrap(),
            rsa: RsaPrivateKey::from_pkcs8_der(&bytes(&value["rsa"])).unwrap(),
        };
        let families = value["families"].as_array().unwrap().iter();
        let families = families
            .map(|pair| (coffer_tests::known::family(pair[0].as_str().unwrap()), bytes(&pair[1])));
        let pins = [text(&value["pins"][0]), text(&value["pins"][1])];
        Self { keys, families: families.collect(), pins }
    }

    pub(crate) fn threads(&self) -> usize {
        SESSIONS + self.families.len()
    }
}
