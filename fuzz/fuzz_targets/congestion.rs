#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| firstbell_fuzz::congestion(data));
