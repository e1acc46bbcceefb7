use super::*;

fn code<T>(result: Result<T, Error>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

const POOL: usize = 2 << 20;

/// Takes as many as there are for a uid, in steps; how many that was.
fn fill(claim: &mut Claim, step: usize) -> usize {
    while claim.grow(step).is_ok() {}
    claim.amount
}

#[test]
fn one_uid_gets_half_of_a_pool_the_next_a_quarter_and_nine_leave_room_for_a_tenth() {
    let shares = Shares::default();
    let mut claims: Vec<Claim> =
        (0..10).map(|uid| Claim::none(&shares.of(uid), Thing::Handles)).collect();
    for (number, claim) in claims.iter_mut().enumerate() {
        let got = fill(claim, 1);
        assert_eq!(got, POOL >> (number + 1), "{number}");
        assert_eq!(code(claim.grow(1)), Some(ErrorCode::ShareExceeded));
    }
    // What one gives back is there for all.
    claims.remove(0);
    assert!(fill(&mut claims[8], 1) > POOL / 4);
}

#[test]
fn all_connections_of_a_uid_share_one_share() {
    let shares = Shares::default();
    let of = |uid| Claim::none(&shares.of(uid), Thing::SessionObjects);
    let (mut first, mut second, mut other) = (of(7), of(7), of(8));
    first.grow_within(3, 5).unwrap();
    assert_eq!(code(second.grow_within(3, 5)), Some(ErrorCode::ShareExceeded));
    second.grow_within(2, 5).unwrap();
    other.grow_within(5, 5).unwrap();
    drop(first);
    second.grow_within(3, 5).unwrap();
    assert_eq!(code(second.grow_within(usize::MAX, 5)), Some(ErrorCode::ShareExceeded));
    assert_eq!(code(second.grow(1)), Some(ErrorCode::Internal));
}

#[test]
fn what_may_be_taken_is_known_before() {
    let shares = Shares::default();
    for thing in [Thing::Sessions, Thing::SessionBytes] {
        let mut claim = Claim::none(&shares.of(7), thing);
        let step = 1000;
        while claim.may_grow(step).is_ok() {
            claim.grow(step).unwrap();
        }
        assert!(claim.grow(step).is_err());
        assert_eq!(code(claim.may_grow(usize::MAX)), code(claim.grow(usize::MAX)));
    }
}

#[test]
fn a_claim_gives_back_what_it_took_and_no_more() {
    let shares = Shares::default();
    let share = shares.of(7);
    let held = || share.own[Thing::Held as usize].load(SeqCst);
    let all = || shares.all[Thing::Held as usize].load(SeqCst);
    let mut claim = Claim::new(&share, Thing::Held, 100).unwrap();
    assert_eq!(code(claim.grow(usize::MAX)), Some(ErrorCode::ShareExceeded));
    claim.force(20);
    assert_eq!((held(), all()), (120, 120));
    claim.shrink(50);
    assert_eq!((held(), all()), (70, 70));
    claim.shrink(1000);
    assert_eq!((held(), all()), (0, 0));
    claim.grow(5).unwrap();
    drop(claim);
    assert_eq!((held(), all()), (0, 0));
}

#[test]
fn claims_made_at_once_never_take_more_than_half() {
    let shares = Shares::default();
    let share = shares.of(7);
    let step = POOL / 64;
    let claims: Vec<Vec<Claim>> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    (0..64).filter_map(|_| Claim::new(&share, Thing::Handles, step).ok()).collect()
                })
            })
            .collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).collect()
    });
    assert!(claims.iter().flatten().count() <= 32);
    assert!(Claim::new(&shares.of(8), Thing::Handles, step).is_ok());
    drop(claims);
    assert!(Claim::new(&share, Thing::Handles, POOL / 2).is_ok());
}

#[test]
fn the_last_of_a_few_is_for_who_has_none() {
    for (size, one, next) in [(1, 1, 0), (2, 1, 1), (3, 2, 1), (4, 2, 1), (256, 128, 64)] {
        let take =
            |taken: usize| (0..=size).find(|own| !is_fair(*own, 1, taken + own, size)).unwrap();
        assert_eq!((take(0), take(one)), (one, next), "{size}");
    }
    assert!(!is_fair(0, 1, 1, 1) && !is_fair(usize::MAX, 1, 0, usize::MAX));
}
