#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_storage
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/storage_fuzz.cpp"

TEST(FuzzCorpus, StorageHolds) { EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_storage, "storage"), 50u); }
