//! Memory that the kernel reads and writes through pointers kept from call to call.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// A boxed slice whose elements never move and may be pointed at for as long as it lives.
///
/// A `Box` claims to be the only way to its contents, so pointers taken once and used by the kernel
/// in every later call would be invalid by the language's rules. This owns by raw pointer.
pub(super) struct Slab<T> {
    elements: NonNull<[T]>,
}

impl<T: Clone> Slab<T> {
    pub fn new(element: T, len: usize) -> Self {
        let elements = Box::into_raw(vec![element; len].into_boxed_slice());
        Self {
            // SAFETY: a box's pointer is never null.
            elements: unsafe { NonNull::new_unchecked(elements) },
        }
    }
}

impl<T> Slab<T> {
    /// Address of the element at `index`.
    pub fn pointer(&self, index: usize) -> *mut T {
        assert!(index < self.elements.len());
        // SAFETY: the index is inside the allocation.
        unsafe { self.elements.as_ptr().cast::<T>().add(index) }
    }
}

impl<T> Deref for Slab<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the elements are initialized and live as long as `self`; the kernel writes them
        // only during a call, in which no reference is used.
        unsafe { self.elements.as_ref() }
    }
}

impl<T> DerefMut for Slab<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { self.elements.as_mut() }
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a box and is given back once.
        drop(unsafe { Box::from_raw(self.elements.as_ptr()) });
    }
}
