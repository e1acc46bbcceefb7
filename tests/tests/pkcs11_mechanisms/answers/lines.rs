//! Vectors in files: one a line, in fields between spaces.

/// The lines of a file that begin with a word, without it.
pub(crate) fn of<'a>(file: &'a str, first: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| {
        let mut fields = line.split(' ');
        (fields.next() == Some(first)).then(|| fields.collect())
    })
}

/// The bytes of a field; `-` is none.
pub(crate) fn bytes(field: &str) -> Vec<u8> {
    if field == "-" { Vec::new() } else { hex::decode(field).unwrap() }
}

/// The name of a mechanism, as the lines have it.
pub(crate) fn name(ckm: u64) -> &'static str {
    coffer_protocol::mechanism::find(ckm).unwrap().name
}

/// The number of a mechanism by its name.
pub(crate) fn number(name: &str) -> u64 {
    let mut all = coffer_protocol::mechanism::ALL.iter();
    all.find(|row| row.name == name).unwrap_or_else(|| panic!("{name}")).ckm
}
