//! Configuration: as written (serde) -> as meant (addresses, newtypes), all errors at once.
