use super::*;
use crate::vault::{Depth, init_for_tests, run};
use std::os::unix::fs::PermissionsExt;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        init_for_tests();
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn key_file(&self, name: &str) -> Provider {
        Provider::KeyFile { path: self.path().join(name) }
    }

    fn credential(&self, name: &str, content: &[u8]) -> Provider {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        Provider::Credential { directory: self.path().to_owned(), name: name.to_owned() }
    }
}

fn same(a: &RootKey, b: &RootKey) -> bool {
    run(Depth::Small, |inside| a.bytes(inside) == b.bytes(inside)).unwrap()
}

#[test]
fn a_key_file_is_made_with_mode_0600_and_opens_the_seal() {
    let place = Place::new();
    let provider = place.key_file("key");
    let made = create(place.path(), std::slice::from_ref(&provider)).unwrap();
    let metadata = std::fs::metadata(place.path().join("key")).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (0o600, 32));
    let opened = unseal(place.path(), &[provider]).unwrap();
    assert!(same(&made, &opened));
}

#[test]
fn every_provider_opens_its_own_slot() {
    let place = Place::new();
    let file = place.key_file("key");
    let credential = place.credential("root-key", &(0..32).collect::<Vec<u8>>());
    let made = create(place.path(), &[file.clone(), credential.clone()]).unwrap();
    assert!(same(&made, &unseal(place.path(), &[file]).unwrap()));
    assert!(same(&made, &unseal(place.path(), &[credential]).unwrap()));
    let kinds: Vec<_> = slots(place.path()).unwrap().iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [SlotKind::KEY_FILE, SlotKind::CREDENTIAL]);
}

#[test]
fn a_seal_that_does_not_open_says_what_exists_and_what_was_tried() {
    let place = Place::new();
    create(place.path(), &[place.key_file("key")]).unwrap();
    let wrong = place.credential("root-key", &(0..32).collect::<Vec<u8>>());
    std::fs::remove_file(place.path().join("key")).unwrap();
    let error = unseal(place.path(), &[place.key_file("key"), wrong]).err().unwrap().to_string();
    for part in ["slots: 0 keyfile path=", "key: not found", "root-key: the seal has no slot"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn another_secret_does_not_open_the_seal() {
    let place = Place::new();
    create(place.path(), &[place.credential("a", &(0..32).collect::<Vec<u8>>())]).unwrap();
    let other = place.credential("b", &(1..33).collect::<Vec<u8>>());
    let Err(Error::NoSlotOpens { attempts, .. }) = unseal(place.path(), &[other]) else { panic!() };
    assert_eq!(attempts[0].refusal, Refusal::DoesNotFit);
    assert_eq!(attempts[0].slot, Some(0));
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let place = Place::new();
    create(place.path(), &[place.key_file("key")]).unwrap();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(place.path().join("key"), open).unwrap();
    let error = unseal(place.path(), &[place.key_file("key")]).err().unwrap();
    assert!(error.to_string().contains("mode 0644"), "{error}");
}

#[test]
fn a_directory_and_a_pipe_are_not_secrets() {
    let place = Place::new();
    create(place.path(), &[place.key_file("key")]).unwrap();
    nix::unistd::mkfifo(&place.path().join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    std::fs::create_dir(place.path().join("directory")).unwrap();
    for name in ["pipe", "directory"] {
        let tried = Provider::Credential { directory: place.path().into(), name: name.into() };
        let Err(Error::NoSlotOpens { attempts, .. }) = unseal(place.path(), &[tried]) else {
            panic!()
        };
        assert!(matches!(attempts[0].refusal, Refusal::NotAFile | Refusal::Mode(_)));
    }
}

#[test]
fn a_seal_is_never_overwritten_and_a_missing_one_names_the_remedy() {
    let place = Place::new();
    let missing = unseal(place.path(), &[place.key_file("key")]).err().unwrap();
    assert!(missing.to_string().contains("coffer init"));
    create(place.path(), &[place.key_file("key")]).unwrap();
    let again = create(place.path(), &[place.key_file("key")]);
    assert!(matches!(again, Err(Error::Exists(_))));
}

#[test]
fn slots_come_and_go_without_a_new_root_key_and_the_last_stays() {
    let place = Place::new();
    let (first, second) = (place.key_file("a"), place.key_file("b"));
    let made = create(place.path(), std::slice::from_ref(&first)).unwrap();
    assert_eq!(add_slot(place.path(), &made, &second).unwrap(), 1);
    remove_slot(place.path(), &made, 0).unwrap();
    assert!(unseal(place.path(), &[first]).is_err());
    assert!(same(&made, &unseal(place.path(), &[second]).unwrap()));
    assert!(matches!(remove_slot(place.path(), &made, 1), Err(Error::NoSlots)));
    assert!(matches!(remove_slot(place.path(), &made, 7), Err(Error::UnknownSlot(7))));
}

#[test]
fn every_changed_byte_of_the_seal_file_is_noticed() {
    let place = Place::new();
    let provider = place.key_file("key");
    create(place.path(), &[provider.clone(), place.key_file("other")]).unwrap();
    let path = place.path().join(SEAL_FILE);
    let good = std::fs::read(&path).unwrap();
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        // Case of hex digits and blanks between fields carry no meaning.
        let harmless = good[i].is_ascii_whitespace() || bad[i].is_ascii_whitespace();
        assert!(harmless || unseal(place.path(), std::slice::from_ref(&provider)).is_err(), "{i}");
    }
}

#[test]
fn a_newer_seal_file_is_named_as_such() {
    let place = Place::new();
    create(place.path(), &[place.key_file("key")]).unwrap();
    let path = place.path().join(SEAL_FILE);
    let text = std::fs::read_to_string(&path).unwrap().replace("\"version\": 1", "\"version\": 2");
    std::fs::write(&path, text).unwrap();
    assert!(matches!(unseal(place.path(), &[place.key_file("key")]), Err(Error::Version(2))));
}

#[test]
fn labels_give_different_keys() {
    let place = Place::new();
    let root = create(place.path(), &[place.key_file("key")]).unwrap();
    let mut keys = std::collections::BTreeSet::new();
    for label in Label::ALL {
        run(Depth::Small, |inside| {
            let key = *root.derive(inside, label)?.get(inside);
            inside.outside(|| keys.insert(key));
            Ok::<_, crate::vault::Error>(())
        })
        .unwrap()
        .unwrap();
    }
    assert_eq!(keys.len(), Label::ALL.len());
}
