use super::*;
use crate::service::Service;

const KEY: ObjectId = ObjectId([1; 16]);

fn ivs(most: usize) -> (tempfile::TempDir, Arc<Service>, Ivs) {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::for_tests(directory.path());
    let ivs = Ivs { store: service.store.clone(), used: Mutex::default(), most };
    (directory, service, ivs)
}

fn take(
    ivs: &Ivs,
    (key, version): (ObjectId, u32),
    iv: u8,
    message: Message,
) -> Result<(), ErrorCode> {
    let gcm = GcmParameter { iv: vec![iv; 12], aad: vec![2], tag_bits: 128 };
    ivs.take(Rotating { key, version }, &gcm, message).map_err(|error| error.code())
}

fn stored(service: &Service) -> usize {
    let mut count = 0;
    service.store.load(Table::Ivs, |_| count += 1).unwrap();
    count
}

#[test]
fn an_iv_is_taken_once_for_each_version_of_each_key() {
    let (_directory, _service, ivs) = ivs(MOST);
    let refused = Err(ErrorCode::MechanismParameter);
    let take = |place, iv| take(&ivs, place, iv, Message::New);
    for place in [(KEY, 1), (ObjectId([2; 16]), 7), (KEY, 2), (KEY, 3)] {
        for iv in 1..4 {
            assert_eq!(take(place, iv), Ok(()));
            assert_eq!(take(place, iv), refused);
        }
    }
    // One that is under way with the version before is still told apart; older ones are refused.
    assert_eq!(take((KEY, 2), 4), Ok(()));
    assert_eq!(take((KEY, 2), 1), refused);
    assert_eq!(take((KEY, 1), 5), refused);
    assert_eq!(take((KEY, 9), 1), Ok(()));
    assert_eq!(take((KEY, 8), 1), Ok(()));
    assert_eq!(take((KEY, 8), 1), refused);
}

#[test]
fn the_same_may_be_wrapped_again_and_nothing_else() {
    let (_directory, _service, ivs) = ivs(MOST);
    let refused = Err(ErrorCode::MechanismParameter);
    let take = |message| take(&ivs, (KEY, 1), 1, message);
    let [one, two] = [3, 4].map(|id| Message::Wrapped(ObjectId([id; 16])));
    assert_eq!(take(one), Ok(()));
    assert_eq!(take(one), Ok(()));
    assert_eq!(take(two), refused);
    assert_eq!(take(Message::New), refused);
}

#[test]
fn what_is_remembered_is_bounded_and_the_busiest_key_forgets_its_oldest() {
    let (_directory, service, ivs) = ivs(10);
    let refused = Err(ErrorCode::MechanismParameter);
    let take = |key: ObjectId, version, iv| take(&ivs, (key, version), iv, Message::New);
    let other = ObjectId([2; 16]);
    assert_eq!(take(other, 1, 1), Ok(()));
    for iv in 0..12 {
        assert_eq!(take(KEY, 1, iv), Ok(()));
        ivs.save().unwrap();
    }
    assert_eq!(stored(&service), 10);
    assert_eq!((take(KEY, 1, 11), take(KEY, 1, 3), take(other, 1, 1)), (refused, refused, refused));
    assert_eq!(take(KEY, 1, 0), Ok(()), "it is forgotten");
    ivs.save().unwrap();
    // Also what is not written yet.
    for iv in 20..40 {
        assert_eq!(take(KEY, 2, iv), Ok(()));
        assert!(ivs.used().count <= 10);
    }
    assert_eq!((take(KEY, 2, 39), take(other, 1, 1)), (refused, refused));
    assert_eq!(take(KEY, 3, 1), Ok(()), "the first version is forgotten as a whole");
    ivs.save().unwrap();
    ivs.forget(KEY);
    ivs.save().unwrap();
    assert_eq!(stored(&service), 1, "that of the other key");
}

#[test]
fn what_could_not_be_written_is_written_again() {
    let mut version = Version { number: 1, ..Version::default() };
    version.saved.extend([(3, vec![1, 2]), (4, vec![5])]);
    version.unsaved = vec![7];
    version.take_back(4);
    assert_eq!((version.unsaved, version.saved.len()), (vec![7, 5], 1));
}

#[test]
fn many_are_written_in_several_records_and_what_is_of_no_key_goes() {
    let (_directory, service, ivs) = ivs(MOST);
    for iv in 0..=2 * IN_RECORD {
        let gcm = GcmParameter { iv: iv.to_be_bytes().to_vec(), aad: vec![], tag_bits: 128 };
        ivs.take(Rotating { key: KEY, version: 1 }, &gcm, Message::New).unwrap();
    }
    ivs.save().unwrap();
    assert_eq!(stored(&service), 3);
    // No such key is there.
    ivs.reload(&service.registry).unwrap();
    ivs.save().unwrap();
    assert_eq!(stored(&service), 0);
}
