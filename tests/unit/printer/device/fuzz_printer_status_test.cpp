#include "tests/unit/wire/fuzz_corpus.hpp"

// The same source is a program of its own with libFuzzer; here each fuzzer has its own name.
#define LLVMFuzzerTestOneInput fuzz_printer_status

#include "tests/fuzz/printer_status_fuzz.cpp"

TEST(FuzzCorpus, PrinterStatusHolds)
{
    EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_printer_status, "printer_status"), 8u);
}
