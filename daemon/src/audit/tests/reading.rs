use super::*;

fn walk(audit: &Audit, mut filter: Filter) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = audit.list(&filter).unwrap();
        all.extend(names(&page));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return all,
        }
    }
}

#[test]
fn pages_of_any_size_give_every_record_once_in_either_order() {
    let place = Place::with_segments(8 << 10);
    place.filled(30);
    let audit = place.open();
    let expected: Vec<_> = (0..30).map(|i| format!("Sign{i}")).collect();
    for limit in [1, 7, 30, 1000] {
        let oldest = Filter { order: Order::OldestFirst, limit, ..Filter::default() };
        assert_eq!(walk(&audit, oldest), expected);
        let mut newest = walk(&audit, Filter { limit, ..Filter::default() });
        newest.reverse();
        assert_eq!(newest, expected);
    }
}

#[test]
fn times_and_attributes_narrow_the_list() {
    let place = Place::new();
    let audit = place.open();
    for hour in 0..6 {
        let user_name = if hour % 2 == 0 { "alice" } else { "bob" }.to_owned();
        let identity = UserIdentity { user_name, ..UserIdentity::default() };
        let action = if hour < 3 { Action::Read } else { Action::Write };
        let event = Event::new(format!("E{hour}"), action).identity(identity);
        let event = event.resource("cmk", &format!("key-{}", hour / 3)).request("r-1");
        audit.append(event, Priority::Normal).unwrap();
        place.time.fetch_add(3_600_000_000, Relaxed);
    }
    let hour = |h: u64| Some(NEW_YEAR + h * 3_600_000_000);
    let window = Filter { from: hour(1), to: hour(3), ..Filter::default() };
    assert_eq!(walk(&audit, window), ["E2", "E1"]);
    let with = |attributes: &[(Attribute, &str)]| {
        let attributes = attributes.iter().map(|(a, v)| (*a, (*v).to_owned())).collect();
        walk(&audit, Filter { attributes, ..Filter::default() })
    };
    assert_eq!(with(&[(Attribute::Username, "bob")]), ["E5", "E3", "E1"]);
    assert_eq!(with(&[(Attribute::ReadOnly, "true")]), ["E2", "E1", "E0"]);
    assert_eq!(
        with(&[(Attribute::ResourceName, "key-1"), (Attribute::Username, "bob")]),
        ["E5", "E3"]
    );
    assert_eq!(with(&[(Attribute::RequestId, "r-2")]), [""; 0]);
}

#[test]
fn a_log_can_be_read_while_it_is_written() {
    let place = Place::with_segments(16 << 10);
    let audit = place.open();
    std::thread::scope(|scope| {
        let writer = scope
            .spawn(|| (0..300).for_each(|i| audit.append(event(i), Priority::Normal).unwrap()));
        while !writer.is_finished() {
            assert_eq!(audit.verify().unwrap().first_bad, None);
            audit.list(&Filter::default()).unwrap();
        }
    });
    assert_eq!(walk(&audit, Filter::default()).len(), 300);
}

#[test]
fn a_segment_that_is_opened_during_a_check_is_no_damage() {
    let place = Place::with_segments(8 << 10);
    let audit = place.open();
    (0..3).for_each(|i| audit.append(event(i), Priority::Normal).unwrap());
    let end = audit.shared.end();
    (3..60).for_each(|i| audit.append(event(i), Priority::Normal).unwrap());
    assert!(audit.shared.end().0 > end.0, "another segment was opened");
    let report = verify::verify(place.path(), Some(end)).unwrap();
    assert_eq!((report.first_bad, report.records), (None, 3));
}

#[test]
fn a_flood_of_refusals_becomes_ten_records_and_a_count() {
    let place = Place::new();
    let audit = place.open();
    let host = Host { uid: 1000, gid: 1000, pid: 7, unit: "web.service".to_owned() };
    for _ in 0..500 {
        let event = Event::new("Decrypt", Action::Read).host(host.clone());
        let refused = event.refused("UnauthorizedOperation", "no policy allows it");
        audit.append(refused, Priority::Normal).unwrap();
    }
    drop(audit);
    let page = list(place.path(), &Filter::default()).unwrap();
    assert_eq!(page.lines.len(), 11);
    let newest: serde_json::Value = serde_json::from_str(&page.lines[0].event).unwrap();
    assert_eq!(newest["collapsed"]["count"], 490);
    assert_eq!(newest["sourceIPAddress"], "unix:1000/7@web.service");
}
