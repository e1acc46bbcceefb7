use super::*;

#[test]
fn an_attribute_has_one_row_at_most_for_a_kind_of_object() {
    for kind in Kind::ALL {
        for row in kind.rows() {
            let same = kind.rows().filter(|other| other.attribute == row.attribute).count();
            assert_eq!(same, 1, "{kind:?} {:#x}", row.attribute);
        }
    }
}

#[test]
fn every_attribute_of_the_attribute_table_belongs_to_some_kind() {
    for row in a::ALL {
        assert!(Kind::ALL.iter().any(|kind| kind.row(row.kind).is_some()), "{}", row.name);
    }
}

#[test]
fn what_nobody_may_set_is_in_no_template_and_defaults_have_their_type() {
    for row in ROWS {
        let table = a::find(row.attribute).unwrap();
        if table.set == a::Set::Never {
            assert_eq!((row.imported, row.generated), (Given::No, Given::No), "{}", table.name);
        }
        match row.absent {
            Absent::False | Absent::True => assert_eq!(table.value, Type::Boolean),
            Absent::Zero => assert_eq!(table.value, Type::Number),
            Absent::Empty => assert!(matches!(table.value, Type::Bytes | Type::Date)),
            Absent::None | Absent::Token => {}
        }
    }
}

#[test]
fn material_is_secret_in_keys_only() {
    assert!(Kind::Aes.is_secret(a::VALUE) && Kind::EcPrivate.is_secret(a::VALUE));
    assert!(!Kind::Certificate.is_secret(a::VALUE) && !Kind::Data.is_secret(a::VALUE));
    assert!(!Kind::RsaPrivate.is_secret(a::MODULUS));
}

#[test]
fn a_key_without_attributes_is_private_sensitive_and_not_extractable() {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.has_material()) {
        let mut attributes = Attributes::default();
        kind.complete(&mut attributes);
        assert!(attributes.flag(a::PRIVATE) && attributes.flag(a::SENSITIVE));
        assert!(!attributes.flag(a::EXTRACTABLE) && !attributes.flag(a::TOKEN));
    }
}

#[test]
fn values_have_the_form_of_their_type() {
    assert!(is_well_formed(&[1], Type::Boolean) && !is_well_formed(&[2], Type::Boolean));
    assert!(!is_well_formed(&[0; 4], Type::Number) && is_well_formed(&[0; 8], Type::Number));
    assert!(is_well_formed(b"", Type::Date) && is_well_formed(b"20301231", Type::Date));
    assert!(!is_well_formed(b"2030123", Type::Date) && !is_well_formed(b"2030-1-1", Type::Date));
    assert!(!is_well_formed(b"", Type::Mechanisms) && !is_well_formed(&[0; 9], Type::Mechanisms));
}
