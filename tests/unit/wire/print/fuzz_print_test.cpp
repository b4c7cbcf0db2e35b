#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_print
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/print_fuzz.cpp"

TEST(FuzzCorpus, PrintHolds) { EXPECT_GE(run_over_corpus(fuzz_print, "print"), 100u); }
