#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| handgrad_fuzz::gradcheck(bytes));
