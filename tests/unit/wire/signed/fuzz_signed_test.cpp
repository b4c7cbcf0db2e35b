#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_signed
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/signed_fuzz.cpp"

TEST(FuzzCorpus, SignedHolds) { EXPECT_GE(run_over_corpus(fuzz_signed, "signed"), 100u); }
