#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_escpos
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/escpos_fuzz.cpp"

TEST(FuzzCorpus, EscposHold) { EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_escpos, "escpos"), 10u); }
