//! What happens at the end of segments and of the disk.

use super::*;

/// A directory in the way of the reserve: as if the disk had no room for it.
fn block_reserve(place: &Place) {
    let reserve = place.path().join(segment::RESERVE);
    let _ = std::fs::remove_file(&reserve);
    std::fs::create_dir_all(reserve.join("in the way")).unwrap();
}

#[test]
fn with_a_full_disk_ordinary_records_end_before_reserved_ones() {
    let place = Place::with_segments(16 << 10);
    let audit = place.open();
    lock(&audit.shared.tail).reserve = false;
    block_reserve(&place);
    let mut ordinary = 0;
    let refused = loop {
        match audit.append(event(ordinary), Priority::Normal) {
            Ok(()) => ordinary += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, Error::Full);
    let intent = audit.intent(Event::new("DisableKey", Action::Write), Priority::Reserved);
    audit.outcome(intent.unwrap(), Event::new("DisableKey", Action::Write)).unwrap();
    audit.append_durable(Event::new("Seal", Action::Write), Priority::Reserved).unwrap();
    assert_eq!(audit.append(event(0), Priority::Normal), Err(Error::Full));
    assert!(ordinary > 10);

    std::fs::remove_dir_all(place.path().join(segment::RESERVE)).unwrap();
    for i in 0..40 {
        audit.append(event(i), Priority::Normal).unwrap();
    }
    assert_eq!(audit.verify().unwrap().first_bad, None);
}

#[test]
fn reserved_records_end_with_an_error_too_and_never_tear_the_log() {
    let place = Place::with_segments(8 << 10);
    let audit = place.open();
    lock(&audit.shared.tail).reserve = false;
    block_reserve(&place);
    let seal = || audit.append(Event::new("Seal", Action::Write), Priority::Reserved);
    let refused = (0..100).find_map(|_| seal().err());
    assert_eq!(refused, Some(Error::Full));
    drop(audit);
    assert_eq!(verify(place.path()).unwrap().first_bad, None);
}

#[test]
fn room_is_allocated_before_it_is_used() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let audit = place.open();
    audit.append(event(0), Priority::Normal).unwrap();
    for path in [place.segment(1), place.path().join(segment::RESERVE)] {
        let metadata = std::fs::metadata(path).unwrap();
        assert_eq!(metadata.len(), 64 << 10);
        assert!(metadata.blocks() * 512 >= 64 << 10);
    }
}

#[test]
fn an_event_that_is_too_long_is_refused_and_leaves_no_trace() {
    let place = Place::new();
    let audit = place.open();
    let long = event(0).parameter("Description", "x".repeat(64 << 10));
    assert_eq!(audit.append(long, Priority::Reserved), Err(Error::TooLong));
    assert_eq!(audit.position().seq, 0);
}

#[test]
fn only_whole_old_segments_are_deleted_after_a_notice() {
    let place = Place::with_segments(8 << 10);
    place.filled(30);
    let kept = *segment::numbers(place.path()).unwrap().last().unwrap();
    place.time.fetch_add(399 * DAY, Relaxed);
    place.filled(1);
    assert_eq!(segment::numbers(place.path()).unwrap()[0], 1);
    place.time.fetch_add(2 * DAY, Relaxed);
    let audit = place.open();
    let deleted = flusher::expire(&audit.shared, place.time.load(Relaxed)).unwrap();
    // The thread may have been first; together they leave the same.
    assert!(deleted == kept - 1 || deleted == 0);
    drop(audit);
    let (audit, opened) = place.try_open().unwrap();
    assert_eq!(opened, Opened::default());
    assert!(segment::numbers(place.path()).unwrap()[0] >= kept);
    let report = audit.verify().unwrap();
    assert_eq!(report.first_bad, None);
    assert!(report.first.unwrap() > 1);
    let first = Position { seq: 1, hash: [0; 32] };
    assert_eq!(audit.presence(first), Ok(Presence::Expired));
    let page = audit.list(&Filter::default()).unwrap();
    assert!(names(&page).contains(&"ExpireAuditRecords".to_owned()));
}

#[test]
fn settings_out_of_range_are_refused() {
    let place = Place::new();
    let short = Config { retention: Duration::from_hours(24 * 89), ..place.config() };
    assert!(matches!(Audit::open(place.path(), short), Err(Error::Config(_))));
    let small = Config { segment_bytes: 100, ..place.config() };
    assert!(matches!(Audit::open(place.path(), small), Err(Error::Config(_))));
}

#[test]
fn threads_that_wait_for_the_disk_all_come_through() {
    let place = Place::new();
    let audit = place.open();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let audit = &audit;
            scope.spawn(move || {
                for i in 0..20 {
                    audit.append_durable(event(thread * 20 + i), Priority::Normal).unwrap();
                }
            });
        }
    });
    let report = audit.verify().unwrap();
    let uses = report.records - (report.segments - 1);
    assert_eq!((report.first_bad, uses), (None, 160));
}
