//! Size classes of the arena's small blocks: four steps per doubling, so that rounding loses at most
//! a fifth; larger requests take whole pages.

/// The unit of the arena's bookkeeping, whatever the processor's page size is.
pub(super) const PAGE: usize = 4096;
pub(super) const COUNT: usize = 24;
/// The largest block that is not a run of pages.
pub(super) const MAX_SMALL: usize = 2048;

/// Bytes of a block, pages of the slab it is cut from.
#[rustfmt::skip]
const TABLE: [(u16, u8); COUNT] = [
    (16, 1),   (32, 1),   (48, 1),   (64, 1),   (80, 1),   (96, 1),   (112, 1),  (128, 1),
    (160, 1),  (192, 1),  (224, 1),  (256, 1),  (320, 1),  (384, 1),  (448, 1),  (512, 1),
    (640, 1),  (768, 1),  (896, 2),  (1024, 1), (1280, 1), (1536, 3), (1792, 4), (2048, 2),
];

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Class(u8);

impl Class {
    /// The smallest class that holds `size` at `align`; `None` means whole pages.
    #[inline]
    pub(super) fn of(size: usize, align: usize) -> Option<Class> {
        if size > MAX_SMALL || align > MAX_SMALL {
            return None;
        }
        let last = size.max(1) - 1;
        let mut row = if last < 128 {
            last / 16
        } else {
            let power = last.ilog2() as usize; // at least 7
            8 + (power - 7) * 4 + (last >> (power - 2)) - 4
        };
        while row < COUNT && align > 16 && !usize::from(TABLE[row].0).is_multiple_of(align) {
            row += 1;
        }
        if row < COUNT { u8::try_from(row).ok().map(Class) } else { None }
    }

    #[inline]
    pub(super) fn from_index(index: usize) -> Option<Class> {
        if index < COUNT { u8::try_from(index).ok().map(Class) } else { None }
    }

    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(super) fn row(self) -> u8 {
        self.0
    }

    /// Bytes of a block.
    #[inline]
    pub(super) fn size(self) -> usize {
        usize::from(TABLE[self.index()].0)
    }

    /// Pages of a slab.
    pub(super) fn pages(self) -> usize {
        usize::from(TABLE[self.index()].1)
    }

    /// Blocks in a slab.
    pub(super) fn slots(self) -> usize {
        self.pages() * PAGE / self.size()
    }

    pub(super) fn all() -> impl Iterator<Item = Class> {
        (0..COUNT).filter_map(Class::from_index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_gets_the_smallest_class_that_fits() {
        for size in 0..=MAX_SMALL {
            for align in (0..=11).map(|power| 1 << power) {
                let fits = |class: &Class| {
                    class.size() >= size && (align <= 16 || class.size().is_multiple_of(align))
                };
                assert_eq!(Class::of(size, align), Class::all().find(fits), "{size} {align}");
            }
        }
    }

    #[test]
    fn requests_beyond_the_table_take_pages() {
        assert_eq!(Class::of(MAX_SMALL + 1, 1), None);
        assert_eq!(Class::of(1, MAX_SMALL * 2), None);
        assert_eq!(Class::from_index(COUNT), None);
    }

    #[test]
    fn a_slab_wastes_little_and_fits_its_map() {
        for class in Class::all() {
            assert!(class.slots() <= 256, "{class:?}");
            let lost = class.pages() * PAGE - class.slots() * class.size();
            assert!(lost * 8 <= class.pages() * PAGE, "{class:?} loses {lost}");
        }
    }
}
