use super::*;

#[test]
fn a_log_goes_on_where_it_ended() {
    let place = Place::with_segments(8 << 10);
    let opened = place.try_open().unwrap().1;
    assert!(opened.fresh);
    for _ in 0..5 {
        place.filled(7);
    }
    let (audit, opened) = place.try_open().unwrap();
    assert_eq!(opened, Opened::default());
    let report = audit.verify().unwrap();
    assert_eq!((report.first_bad, report.records), (None, 35 + report.segments - 1));
}

#[test]
fn a_second_opener_is_refused() {
    let place = Place::new();
    let _audit = place.open();
    assert!(matches!(place.try_open(), Err(Error::InUse(_))));
}

#[test]
fn a_lock_that_was_given_up_is_free_also_while_a_forked_child_has_it() {
    let place = Place::new();
    let lock = DirectoryLock::take(place.path()).unwrap();
    assert!(matches!(place.try_open(), Err(Error::InUse(_))));
    // What a child has of its parent until it calls execve(2).
    let inherited = lock.0.try_clone().unwrap();
    drop(lock);
    assert!(place.try_open().is_ok());
    drop(inherited);
}

#[test]
fn a_torn_record_is_cut_off_kept_and_reported() {
    let place = Place::new();
    place.filled(3);
    let ends = place.ends(1);
    let good = std::fs::read(place.segment(1)).unwrap();
    let zero = |bytes: &[u8]| bytes.iter().all(|b| *b == 0);
    for cut in (ends[1] + 1..ends[2]).step_by(3) {
        if zero(&good[ends[1]..cut]) || zero(&good[cut..ends[2]]) {
            continue; // nothing was written yet, or all of it
        }
        std::fs::write(place.segment(1), &good).unwrap();
        place.tamper(1, |bytes| bytes[cut..].fill(0));
        let (audit, opened) = place.try_open().unwrap();
        let torn = opened.torn.unwrap_or_else(|| panic!("cut at {cut}"));
        let remains = std::fs::read(&torn.kept).unwrap();
        assert_eq!(remains, &good[ends[1]..ends[1] + torn.bytes]);
        assert_eq!(audit.verify().unwrap().first_bad, None);
        let page = audit.list(&Filter::default()).unwrap();
        assert_eq!(names(&page), ["CutTornAuditRecord", "Sign1", "Sign0"]);
    }
}

#[test]
fn a_changed_segment_is_left_as_it_is_and_the_log_goes_on_in_a_new_one() {
    let place = Place::new();
    place.filled(5);
    let ends = place.ends(1);
    place.tamper(1, |bytes| bytes[ends[1] + OVERHEAD] ^= 1);
    let evidence = std::fs::read(place.segment(1)).unwrap();
    let (audit, opened) = place.try_open().unwrap();
    assert_eq!((opened.damaged, opened.torn), (Some(1), None));
    audit.append(event(5), Priority::Normal).unwrap();
    let page = audit.list(&Filter { limit: 2, ..Filter::default() }).unwrap();
    assert_eq!(names(&page), ["Sign5", "FoundDamagedAuditSegment"]);
    let bad = audit.verify().unwrap().first_bad.unwrap();
    assert_eq!((bad.segment, bad.record), (1, 3));
    drop(audit);
    assert_eq!(std::fs::read(place.segment(1)).unwrap(), evidence);
    assert_eq!(place.try_open().unwrap().1, Opened::default(), "it is reported once");
}

#[test]
fn an_unreadable_header_does_not_stop_the_log() {
    let place = Place::with_segments(8 << 10);
    place.filled(30);
    let last = *segment::numbers(place.path()).unwrap().last().unwrap();
    place.tamper(last, |bytes| bytes[3] ^= 1);
    let (audit, opened) = place.try_open().unwrap();
    assert_eq!(opened.damaged, Some(last));
    audit.append(event(0), Priority::Normal).unwrap();
    assert_eq!(audit.verify().unwrap().first_bad.unwrap().flaw, Flaw::Header);
}

#[test]
fn an_intent_without_outcome_is_reported_once() {
    let place = Place::new();
    let audit = place.open();
    let change = |name: &str| Event::new(name, Action::Write);
    let done = audit.intent(change("CreateKey"), Priority::Normal).unwrap();
    let lost = audit.intent(change("DisableKey"), Priority::Normal).unwrap();
    audit.outcome(done, change("CreateKey")).unwrap();
    drop((audit, lost));
    let (audit, opened) = place.try_open().unwrap();
    let [intent] = opened.open_intents.as_slice() else { panic!("{opened:?}") };
    assert_eq!((intent.seq, intent.time), (2, NEW_YEAR));
    assert!(intent.event.contains("\"eventName\":\"DisableKey\""));
    drop(audit);
    assert_eq!(place.try_open().unwrap().1.open_intents, []);
}

#[test]
fn an_intent_is_found_however_many_segments_ago_it_was_made() {
    let place = Place::with_segments(8 << 10);
    let audit = place.open();
    let make = || audit.intent(Event::new("CreateKey", Action::Write), Priority::Normal).unwrap();
    let (open, closed) = (make(), make());
    for i in 0..40 {
        audit.append(event(i), Priority::Normal).unwrap();
    }
    audit.outcome(closed, Event::new("CreateKey", Action::Write)).unwrap();
    drop((open, audit));
    let opened = place.try_open().unwrap().1;
    assert_eq!(opened.open_intents.iter().map(|i| i.seq).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_crash_between_two_segments_is_no_damage() {
    let place = Place::with_segments(8 << 10);
    place.filled(30);
    let last = *segment::numbers(place.path()).unwrap().last().unwrap();
    // The old segment was closed, the new one not yet begun.
    std::fs::remove_file(place.segment(last)).unwrap();
    std::fs::remove_file(place.path().join(segment::RESERVE)).unwrap();
    let (audit, opened) = place.try_open().unwrap();
    assert_eq!(opened, Opened::default());
    audit.append(event(0), Priority::Normal).unwrap();
    assert_eq!(audit.verify().unwrap().first_bad, None);
}
