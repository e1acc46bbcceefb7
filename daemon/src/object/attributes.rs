//! Attributes of an object: a small sorted list, cheap to keep for many objects.

use coffer_protocol::attribute::{ALLOWED_MECHANISMS, Attribute};

/// Attributes by number, at most one of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// The attributes of a list; of two with one number the later stays.
    pub fn from_list(list: impl IntoIterator<Item = Attribute>) -> Self {
        let mut attributes = Self::default();
        for attribute in list {
            attributes.set(attribute);
        }
        attributes
    }

    /// Sets one.
    pub fn set(&mut self, attribute: Attribute) {
        match self.position(attribute.kind) {
            Ok(at) => self.0[at] = attribute,
            Err(at) => self.0.insert(at, attribute),
        }
    }

    /// Sets one unless it is there.
    pub fn set_default(&mut self, attribute: Attribute) {
        if let Err(at) = self.position(attribute.kind) {
            self.0.insert(at, attribute);
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, kind: u64) -> Option<Attribute> {
        self.position(kind).ok().map(|at| self.0.remove(at))
    }

    /// The value of one.
    pub fn get(&self, kind: u64) -> Option<&[u8]> {
        self.position(kind).ok().map(|at| self.0[at].value.as_slice())
    }

    /// The value of a boolean; absent is false.
    pub fn flag(&self, kind: u64) -> bool {
        self.get(kind).is_some_and(|value| value == [1])
    }

    /// The value of a number.
    pub fn number(&self, kind: u64) -> Option<u64> {
        self.get(kind).and_then(|value| value.try_into().ok()).map(u64::from_le_bytes)
    }

    /// The mechanisms that a key is limited to (`CKA_ALLOWED_MECHANISMS`), if it is.
    pub fn mechanisms(&self) -> Option<impl Iterator<Item = u64>> {
        let (numbers, _) = self.get(ALLOWED_MECHANISMS)?.as_chunks::<8>();
        Some(numbers.iter().map(|number| u64::from_le_bytes(*number)))
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        /// Number, length and place of an attribute.
        const OVERHEAD: usize = 24;
        self.0.iter().map(|attribute| OVERHEAD + attribute.value.len()).sum()
    }

    /// The list, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// The list, by number.
    pub fn as_slice(&self) -> &[Attribute] {
        &self.0
    }

    fn position(&self, kind: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&kind, |attribute| attribute.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_values_stays_and_order_is_by_number() {
        let attributes = Attributes::from_list([
            Attribute::number(7, 1),
            Attribute::boolean(3, true),
            Attribute::number(7, 2),
        ]);
        assert_eq!(attributes.number(7), Some(2));
        assert!(attributes.flag(3) && !attributes.flag(4));
        assert_eq!(attributes.iter().map(|a| a.kind).collect::<Vec<_>>(), [3, 7]);
    }
}
