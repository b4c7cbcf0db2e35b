#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_desk
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/desk_fuzz.cpp"

TEST(FuzzCorpus, DeskHolds) { EXPECT_GE(run_over_corpus(fuzz_desk, "desk"), 50u); }
