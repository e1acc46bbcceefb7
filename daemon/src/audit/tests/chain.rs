use super::*;

fn flaw(place: &Place) -> Option<(u64, u64, Flaw)> {
    let report = verify(place.path()).unwrap();
    report.first_bad.map(|bad| (bad.segment, bad.record, bad.flaw))
}

#[test]
fn an_untouched_log_verifies_over_several_segments() {
    let place = Place::with_segments(8 << 10);
    place.filled(40);
    let report = verify(place.path()).unwrap();
    assert_eq!((report.first_bad, report.torn, report.first), (None, 0, Some(1)));
    assert!(report.segments >= 3, "{report:?}");
    // Every closed segment ends with a record of its own.
    assert_eq!(report.records, 40 + report.segments - 1);
    assert_eq!(report.last.unwrap().seq, report.records);
}

#[test]
fn every_flipped_bit_of_a_closed_segment_is_found() {
    let place = Place::with_segments(8 << 10);
    place.filled(20);
    let good = std::fs::read(place.segment(1)).unwrap();
    for i in 0..good.len() {
        place.tamper(1, |bytes| bytes[i] ^= 1 << (i % 8));
        assert!(flaw(&place).is_some(), "byte {i}");
        std::fs::write(place.segment(1), &good).unwrap();
    }
    assert_eq!(flaw(&place), None);
}

#[test]
fn an_edited_record_is_found_where_it_stands() {
    let place = Place::new();
    place.filled(10);
    let ends = place.ends(1);
    place.tamper(1, |bytes| bytes[ends[4] + OVERHEAD] ^= 1);
    assert_eq!(flaw(&place), Some((1, 6, Flaw::Record)));
}

#[test]
fn an_edit_with_a_new_hash_is_found_at_the_next_record() {
    let place = Place::new();
    place.filled(10);
    let ends = place.ends(1);
    let bytes = std::fs::read(place.segment(1)).unwrap();
    let frames: Vec<_> = Frames::new(&bytes, HEADER).collect();
    let mut body = frames[5].record.body.to_vec();
    body[2] ^= 1;
    let (forged, _) = record::Record { body: &body, ..frames[5].record }.encode(&frames[4].stated);
    place.tamper(1, |bytes| bytes[ends[4]..ends[5]].copy_from_slice(&forged));
    assert_eq!(flaw(&place), Some((1, 7, Flaw::Record)));
}

#[test]
fn deleted_inserted_and_reordered_records_are_found() {
    let place = Place::new();
    place.filled(9);
    let ends = place.ends(1);
    let good = std::fs::read(place.segment(1)).unwrap();
    let part = |i: usize| good[ends[i - 1]..ends[i]].to_vec();
    // All cases replace records 3 and 4.
    let cases = [
        ("deleted", part(4), 4),
        ("inserted", [part(3), part(3), part(4)].concat(), 5),
        ("reordered", [part(4), part(3)].concat(), 4),
    ];
    for (what, middle, record) in cases {
        let forged = [&good[..ends[2]], &middle, &good[ends[4]..]].concat();
        std::fs::write(place.segment(1), forged).unwrap();
        assert_eq!(flaw(&place), Some((1, record, Flaw::Record)), "{what}");
    }
}

#[test]
fn missing_swapped_shortened_and_extended_segments_are_found() {
    let place = Place::with_segments(8 << 10);
    place.filled(60);
    let count = segment::numbers(place.path()).unwrap().len() as u64;
    assert!(count >= 4);
    let good: Vec<_> =
        (1..=3).map(|n| (place.segment(n), std::fs::read(place.segment(n)).unwrap())).collect();
    let restore = || good.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());

    std::fs::remove_file(place.segment(2)).unwrap();
    assert!(matches!(flaw(&place), Some((3, _, Flaw::Missing))));
    std::fs::write(place.segment(2), &good[2].1).unwrap();
    assert!(matches!(flaw(&place), Some((2, _, Flaw::Header))));
    restore();
    let ends = place.ends(2);
    place.tamper(2, |bytes| bytes.truncate(ends[ends.len() - 2]));
    assert!(matches!(flaw(&place), Some((2, _, Flaw::Unclosed))));
    restore();
    place.tamper(2, |bytes| bytes.push(1));
    assert!(matches!(flaw(&place), Some((2, _, Flaw::Surplus))));
    restore();
    assert_eq!(flaw(&place), None);
}

#[test]
fn a_segment_of_another_log_is_found() {
    let (place, other) = (Place::with_segments(8 << 10), Place::with_segments(8 << 10));
    place.filled(40);
    other.filled(40);
    std::fs::copy(other.segment(2), place.segment(2)).unwrap();
    assert!(matches!(flaw(&place), Some((2, _, Flaw::Header))));
}

#[test]
fn a_cut_end_is_found_with_a_position_kept_elsewhere() {
    let place = Place::with_segments(8 << 10);
    let audit = place.open();
    let mut positions = vec![audit.position()];
    for i in 0..30 {
        audit.append(event(i), Priority::Normal).unwrap();
        positions.push(audit.position());
    }
    drop(audit);
    let audit = place.open();
    for position in &positions {
        assert_eq!(audit.presence(*position), Ok(Presence::Present), "{position:?}");
    }
    drop(audit);
    let last = *segment::numbers(place.path()).unwrap().last().unwrap();
    let ends = place.ends(last);
    place.tamper(last, |bytes| bytes[ends[ends.len() - 2]..].fill(0));
    let audit = place.open();
    assert_eq!(audit.presence(positions[30]), Ok(Presence::Absent));
    assert_eq!(audit.presence(positions[29]), Ok(Presence::Present));
    audit.append(event(99), Priority::Normal).unwrap();
    assert_eq!(audit.presence(positions[30]), Ok(Presence::Absent), "another took its number");
    assert_eq!(audit.verify().unwrap().first_bad, None, "the chain alone does not show it");
}
