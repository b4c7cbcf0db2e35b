#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_client
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/dashboard_client_fuzz.cpp"

TEST(FuzzCorpus, DashboardClientHolds) { EXPECT_GE(run_over_corpus(fuzz_client, "dashboard_client"), 50u); }
